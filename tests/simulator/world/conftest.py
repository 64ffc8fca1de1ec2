"""One world for the tests that only look, and a fresh one with a trader for those that trade."""

from __future__ import annotations

import pytest

from ibgateway.simulator.world.world import World
from tests.simulator.world.scene import Trader, new_world


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
