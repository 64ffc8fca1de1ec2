"""A simulated gateway for each test."""

from collections.abc import AsyncIterator

import pytest_asyncio

from ibgateway.simulator.server import Simulator


@pytest_asyncio.fixture
async def sim() -> AsyncIterator[Simulator]:
    async with Simulator() as simulator:
        yield simulator
