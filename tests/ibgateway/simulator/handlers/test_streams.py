"""Tick by tick and real-time bars tell every print and quote."""

from __future__ import annotations

from ibgateway.simulator.server.server import Simulator
from tests.stacks.ibgateway.order_frames import SPY
from tests.stacks.ibgateway.raw_client import Raw


async def test_tick_by_tick_tells_every_print_and_quote_of_the_world(sim: Simulator, client: Raw) -> None:
    client.send(97, 7, *SPY, "AllLast", 0, 0)
    client.send(97, 8, *SPY, "BidAsk", 0, 0)
    client.send(97, 9, *SPY, "MidPoint", 0, 0)
    await client.everything()
    for _ in range(10):
        sim.skip(1)

    told = [frame for frame in await client.everything() if frame[0] == "99"]

    by_id = {reqId: [frame for frame in told if frame[1] == reqId] for reqId in ("7", "8", "9")}
    assert all(len(frames) > 3 for frames in by_id.values())
    assert {frame[2] for frame in by_id["7"]} == {"2"}
    for frame in by_id["8"]:
        assert float(frame[4]) < float(frame[5])


async def test_tick_by_tick_begins_with_past_ticks_where_some_are_asked_for(client: Raw) -> None:
    client.send(97, 7, *SPY, "Last", 5, 0)

    told = await client.everything()

    assert told[0][0] == "98"
    assert int(told[0][2]) >= 5


async def test_real_time_bars_come_every_five_seconds_without_a_gap(sim: Simulator, client: Raw) -> None:
    client.send(50, 3, 7, *SPY, 5, "TRADES", 0, "")
    await client.everything()
    for _ in range(30):
        sim.skip(1)
    sim.skip(12)

    times = [int(frame[3]) for frame in await client.everything() if frame[0] == "50"]

    assert times == list(range(times[0], times[-1] + 1, 5))
    assert times[0] % 5 == 0
    assert len(times) >= 7
