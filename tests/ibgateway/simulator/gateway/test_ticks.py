"""From two looks at a market to the ticks between them, in TWS's tick types."""

from __future__ import annotations

import pytest

from ibgateway.simulator.model.config import SimulatorConfig
from ibgateway.simulator.server.server import Simulator
from tests.stacks.ibgateway.order_frames import watch
from tests.stacks.ibgateway.raw_client import Raw, started


async def test_exchanges_are_told_by_the_letters_of_smart_components(client: Raw) -> None:
    watch(client)
    told = [frame for frame in await client.everything() if frame[0] == "46" and frame[3] in {"32", "33", "84"}]
    client.send(83, 9, "9c0001")
    components = (await client.until("82"))[-1]

    assert {frame[3] for frame in told} == {"32", "33", "84"}
    assert {frame[4] for frame in told} <= set(components[5::3])


@pytest.mark.parametrize("version", [157, 158, 159, 162, 163, 200])
async def test_before_159_us_stocks_sizes_are_counted_in_hundreds(version: int) -> None:
    slow = SimulatorConfig(time_factor=0.001)  # so that both see the same instant
    async with (
        Simulator(slow) as sim,
        started(sim.port, clientId=3) as shares,
        started(sim.port, version, clientId=2) as client,
    ):
        watch(shares, 7, snapshot=1)
        watch(client, 7, snapshot=1)
        in_shares = {frame[3]: int(frame[5]) for frame in await shares.until("57") if frame[0] == "1"}
        seen = {frame[3]: int(frame[5]) for frame in await client.until("57") if frame[0] == "1"}

    lot = 100 if version < 159 else 1
    assert seen["1"] == in_shares["1"] // lot
