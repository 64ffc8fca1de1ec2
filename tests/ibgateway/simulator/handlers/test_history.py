"""Bars and what keeps them up to date, schedules and past ticks."""

from __future__ import annotations

from ibgateway.simulator.server.server import Simulator
from tests.stacks.ibgateway.order_frames import SPY
from tests.stacks.ibgateway.raw_client import Raw


async def test_a_bar_that_is_kept_up_to_date_is_the_same_bar_later(sim: Simulator, client: Raw) -> None:
    sim.skip(30)
    client.send(20, 7, *SPY, 0, "", "1 min", "1800 S", 0, "TRADES", 2, 1, "")
    bars = next(frame for frame in await client.everything() if frame[0] == "17")
    last = bars[3:][-8:]
    for _ in range(40):
        sim.skip(5)

    updates = [frame for frame in await client.everything() if frame[0] == "90"]

    assert updates[0][3] == last[0]
    assert len({frame[3] for frame in updates}) >= 3
    client.send(20, 8, *SPY, 0, "", "1 min", "1800 S", 0, "TRADES", 2, 0, "")
    again = next(frame for frame in await client.everything() if frame[0] == "17")[3:]
    rows = {again[at]: again[at : at + 8] for at in range(0, len(again), 8)}
    for start in sorted({frame[3] for frame in updates})[:-1]:
        final = [frame for frame in updates if frame[3] == start][-1]
        _, opened, high, low, close, volume, wap, count = rows[start]
        assert final[2:] == [count, start, opened, close, high, low, wap, volume]
