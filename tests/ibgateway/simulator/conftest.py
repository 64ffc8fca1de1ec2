"""What the tests of the simulator stand on: one that runs with a client of it, and worlds without a wire."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from ibgateway.simulator.server.server import Simulator
from ibgateway.simulator.world.world import World
from tests.stacks.ibgateway.raw_client import Raw, started
from tests.stacks.ibgateway.world_and_trader import Trader, new_world


@pytest.fixture
async def sim() -> AsyncIterator[Simulator]:
    async with Simulator() as simulator:
        yield simulator


@pytest.fixture
async def client(sim: Simulator) -> AsyncIterator[Raw]:
    async with started(sim.port) as one:
        yield one


@pytest.fixture(scope="session")
def quiet() -> World:
    """Shared by tests that change nothing."""
    return new_world()


@pytest.fixture
def world() -> World:
    return new_world()


@pytest.fixture
def trader(world: World) -> Trader:
    return Trader(world)
