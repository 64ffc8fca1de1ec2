"""A running simulator, and a client of it, for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from ibgateway.simulator.server.server import Simulator
from tests.simulator.wire.raw import Raw, started


@pytest.fixture
async def sim() -> AsyncIterator[Simulator]:
    async with Simulator() as simulator:
        yield simulator


@pytest.fixture
async def client(sim: Simulator) -> AsyncIterator[Raw]:
    async with started(sim.port) as one:
        yield one
