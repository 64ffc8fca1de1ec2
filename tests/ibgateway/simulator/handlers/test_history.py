"""Bars and what keeps them up to date, schedules and past ticks."""

from __future__ import annotations

import pytest

from ibgateway.simulator.server.server import Simulator
from tests.stacks.ibgateway.direct_client import DirectClient
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


def bars(
    end: str = "", size: str = "1 hour", duration: str = "1 D", show: str = "TRADES", keep: int = 0
) -> tuple[object, ...]:
    return (20, 7, *SPY, 0, end, size, duration, 1, show, 1, keep, "")


def test_bars_end_with_their_span() -> None:
    told, end = DirectClient().ask(*bars("20250610 16:00:00 US/Eastern"))

    assert (told[0], told[2]) == ("17", str((len(told) - 3) // 8))
    assert (*end[:2], end[3]) == ("108", "7", "20250610 16:00:00 US/Eastern")


def test_bars_that_are_kept_up_to_date_end_now() -> None:
    (refused,) = DirectClient().ask(*bars("20250610 16:00:00 US/Eastern", keep=1))

    assert (refused[2], "must be empty" in refused[3]) == ("321", True)


def test_a_subscription_ends_once() -> None:
    client = DirectClient()
    client.ask(*bars(size="1 min", duration="600 S", keep=1))
    assert {frame[0] for frame in client.wait(5)} == {"90"}

    assert client.ask(25, 1, 7) == []
    assert client.wait(10) == []
    assert client.ask(25, 1, 7)[0][1:3] == ["7", "366"]


@pytest.mark.parametrize(("duration", "size"), [("1 month", "1 day"), ("1 M", "1 hour")])
def test_a_schedule_is_of_days(duration: str, size: str) -> None:
    assert DirectClient().ask(*bars(size=size, duration=duration, show="SCHEDULE"))[0][2] == "321"


@pytest.mark.parametrize(
    ("start", "end", "number", "said"),
    [
        ("", "", 10, "either start or end"),
        ("20250611-13:40:00", "20250611-13:50:00", 10, "either start or end"),
        ("20250611-13:40:00", "", 0, "between 1 and 1000"),
        ("20250611-13:40:00", "", 1001, "between 1 and 1000"),
    ],
)
def test_past_ticks_have_one_end_and_a_number(start: str, end: str, number: int, said: str) -> None:
    (refused,) = DirectClient().ask(96, 7, *SPY, 0, start, end, number, "TRADES", 1, 0, "")

    assert (refused[2], said in refused[3]) == ("321", True)


def test_pacing_is_each_clients_own() -> None:
    client = DirectClient()
    client.gateway.limits.paced = True
    other = DirectClient(client.gateway, clientId=2)
    asked = bars("20250610 16:00:00 US/Eastern")
    client.ask(*asked)

    assert client.ask(*asked)[0][1:3] == ["7", "162"]
    assert other.ask(*asked)[0][0] == "17"
