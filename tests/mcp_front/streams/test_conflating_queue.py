"""What waits for a slow client is bounded, and the last word on each figure is never what gives way."""

import asyncio
from typing import Any

from mcp_front.streams.conflating_queue import ConflatingQueue
from mcp_front.streams.updates import Update


def pending(most: int) -> ConflatingQueue:
    return ConflatingQueue(lambda update: update.values["tag"], most)


async def left_in(queue: ConflatingQueue) -> list[Any]:
    queue.close()
    left = []
    while (update := await queue.take()) is not None:
        left.append(update.values["value"])
    return left


async def test_updates_come_out_in_order() -> None:
    queue = pending(10)
    for value in range(5):
        queue.put(Update.of({"tag": "quote", "value": value}))

    assert await left_in(queue) == [0, 1, 2, 3, 4]


async def test_latest_quotes_win_when_it_overflows() -> None:
    queue = pending(3)
    for value in range(100):
        queue.put(Update.of({"tag": "quote", "value": value}))

    assert await left_in(queue) == [97, 98, 99]


async def test_only_word_on_a_figure_stays_while_another_is_superseded() -> None:
    queue = pending(3)
    queue.put(Update.of({"tag": "NetLiquidation", "value": "kept"}))
    for value in range(100):
        queue.put(Update.of({"tag": "BuyingPower", "value": value}))

    assert await left_in(queue) == ["kept", 98, 99]


async def test_oldest_gives_way_when_every_figure_is_different() -> None:
    queue = pending(3)
    for value in range(5):
        queue.put(Update.of({"tag": value, "value": value}))

    assert await left_in(queue) == [2, 3, 4]


async def test_taker_waits_for_the_next_update() -> None:
    queue = pending(3)
    taker = asyncio.ensure_future(queue.take())
    await asyncio.sleep(0)
    queue.put(Update.of({"tag": "quote", "value": 1}))

    taken = await taker
    assert taken is not None
    assert taken.values == {"tag": "quote", "value": 1}


async def test_taker_is_released_when_it_closes() -> None:
    queue = pending(3)
    taker = asyncio.ensure_future(queue.take())
    await asyncio.sleep(0)
    queue.close()

    assert await taker is None
