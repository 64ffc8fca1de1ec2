"""Every tick that a client hears was a frame on TWS's wire."""

from collections import Counter
from typing import Any

import pytest

from ibgateway.simulator.server.server import Simulator
from tests.stacks.front import ERAS
from tests.stacks.ticking_worker import watch
from tests.stacks.whole import whole_stack

TICK_PRICE, TICK_SIZE = 1, 2
SECONDS = 5

Tick = tuple[int, float | None, float | None]  # tickType, price, size


@pytest.mark.parametrize("era", ERAS)
async def test_ten_ticks_in_five_seconds_each_from_a_frame(redis_url: str, session: str, era: str) -> None:
    async with whole_stack(redis_url, session) as stack:
        result, messages, progress = await watch(stack.front, era, SECONDS)
        sent = frames(stack.sim)

    heard = Counter(ticks_of(messages))
    assert len(messages) >= 10
    assert heard <= sent, f"heard, and never sent: {heard - sent}"
    assert sum(heard.values()) >= len(messages)
    assert len(progress) >= len(messages)
    assert all(message["msg"].startswith("SPY ") for message in messages)
    summary = result.structured_content
    assert summary["updates_count"] == len(messages)
    assert (summary["symbol"], summary["conflated"], summary["gaps"]) == ("SPY", 0, 0)
    assert summary["low"] <= summary["last"]["last"] <= summary["high"]
    assert summary["message"].startswith("SPY: ")


def ticks_of(messages: list[Any]) -> list[Tick]:
    """The raw ticks that the messages carry."""
    return [
        (tick["tickType"], tick["price"], tick["size"]) for message in messages for tick in message["extra"]["ticks"]
    ]


def frames(sim: Simulator) -> Counter[Tick]:
    """The ticks as they left the simulator; a price frame carries its size, a size frame has no price."""
    found: Counter[Tick] = Counter()
    for entry in sim.journal.entries("out", TICK_PRICE):
        _, _, _, tickType, price, size, *_ = entry.fields
        found[int(tickType), float(price), float(size)] += 1
    for entry in sim.journal.entries("out", TICK_SIZE):
        _, _, _, tickType, size = entry.fields
        found[int(tickType), None, float(size)] += 1
    return found
