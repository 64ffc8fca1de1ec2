"""A running simulator for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from ibgateway.simulator.server import Simulator


@pytest.fixture
async def sim() -> AsyncIterator[Simulator]:
    async with Simulator() as simulator:
        yield simulator
