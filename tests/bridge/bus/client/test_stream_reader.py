"""One reader's ticks: in order, counted where some are missing or dropped, and ended by the bus or the worker."""

import asyncio

import msgspec
import pytest

from bridge.bus.client import stream_reader
from bridge.bus.client.stream_reader import StreamReader
from bridge.bus.messages import Tick, Ticks
from bridge.tool import ToolError

STREAM = "quote.265598"


def tick(seq: int) -> Tick:
    return Tick(seq, "quote", 0, msgspec.Raw(b"%d" % seq))


def bodies(batch: list[Tick]) -> list[int]:
    return [msgspec.json.decode(each.body) for each in batch]


async def test_a_slow_reader_loses_the_oldest_and_is_told_how_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream_reader, "UNREAD", 10)
    slow = StreamReader(STREAM)
    slow.hear(Ticks("1-1", [tick(seq) for seq in range(1, 8)]))
    slow.hear(Ticks("1-1", [tick(seq) for seq in range(8, 26)]))

    assert bodies(await anext(slow)) == list(range(16, 26))
    assert (slow.dropped, slow.gaps) == (15, 0)
    slow.hear(Ticks("1-1", [tick(26)]))
    assert bodies(await anext(slow)) == [26]
    assert slow.dropped == 15


async def test_missing_and_repeated_ticks_are_noticed() -> None:
    feed = StreamReader(STREAM)
    feed.hear(Ticks("1-1", [tick(5), tick(6)]))  # it joined late, which is no gap
    feed.hear(Ticks("1-1", [tick(6), tick(7)]))
    feed.hear(Ticks("1-1", [tick(10)]))
    assert feed.gaps == 2
    feed.hear(Ticks("2-1", [tick(1), tick(2)]))  # another leader counts from 1

    assert bodies(await anext(feed)) == [5, 6, 7, 10, 1, 2]
    assert feed.gaps == 3


async def test_a_feed_begins_after_what_its_reader_was_told() -> None:
    feed = StreamReader(STREAM)
    feed.hear(Ticks("1-1", [tick(5), tick(6), tick(7)]))
    feed.resume_from("1-1", 6)
    assert bodies(await anext(feed)) == [7]
    feed.hear(Ticks("1-1", [tick(7), tick(9)]))
    assert (bodies(await anext(feed)), feed.gaps) == ([9], 1)

    late = StreamReader(STREAM)
    late.resume_from("1-1", 6)
    late.hear(Ticks("1-1", [tick(6), tick(8)]))
    assert (bodies(await anext(late)), late.gaps) == ([8], 1)
    late.resume_from("2-1", 3)  # another leader's, that nobody here has heard yet
    late.hear(Ticks("2-1", [tick(3), tick(4)]))
    assert (bodies(await anext(late)), late.gaps) == ([4], 2)


async def test_a_held_feed_gives_nothing_before_it_begins() -> None:
    feed = StreamReader(STREAM)
    feed.hear(Ticks("1-1", [tick(1)]))
    feed.pause()
    reading = asyncio.ensure_future(anext(feed))
    feed.hear(Ticks("1-1", [tick(2)]))
    await asyncio.sleep(0)
    assert not reading.done()
    feed.resume_from("1-1", 1)
    assert bodies(await reading) == [2]

    feed.hear(Ticks("1-1", [tick(3)]))
    feed.pause()
    feed.resume_from("", 0)  # a worker of an earlier release does not say where
    assert bodies(await anext(feed)) == [3]


async def test_a_feed_that_fails_gives_what_it_has_first() -> None:
    feed = StreamReader(STREAM)
    feed.hear(Ticks("1-1", [tick(1)]))
    feed.fail(ToolError("bus_down", "gone"))

    assert bodies(await anext(feed)) == [1]
    for _ in range(2):
        with pytest.raises(ToolError, match="gone"):
            await anext(feed)


async def test_a_waiting_reader_is_woken_by_the_failure() -> None:
    feed = StreamReader(STREAM)
    reading = asyncio.ensure_future(anext(feed))
    await asyncio.sleep(0)
    feed.fail(ToolError("bus_down", "gone"))

    with pytest.raises(ToolError, match="gone"):
        await reading


async def test_ticks_are_handed_over_in_the_step_that_brings_them() -> None:
    feed, taken = StreamReader(STREAM), list[int]()
    feed.hear(Ticks("1-1", [tick(1)]))
    reading = asyncio.create_task(feed.handed_to(lambda batch: taken.extend(bodies(batch))))
    await asyncio.sleep(0)
    feed.hear(Ticks("1-1", [tick(2), tick(3)]))
    assert taken == [1, 2, 3]

    feed.pause()
    feed.hear(Ticks("1-1", [tick(4), tick(5)]))
    assert taken == [1, 2, 3]
    feed.resume_from("1-1", 4)
    assert taken == [1, 2, 3, 5]

    feed.fail(ToolError("bus_down", "gone"))
    with pytest.raises(ToolError, match="gone"):
        await reading


async def test_who_can_not_take_a_tick_ends_its_own_feed_alone() -> None:
    def refuse(batch: list[Tick]) -> None:
        raise ValueError(f"{len(batch)} ticks")

    feed = StreamReader(STREAM)
    reading = asyncio.create_task(feed.handed_to(refuse))
    await asyncio.sleep(0)
    feed.hear(Ticks("1-1", [tick(1)]))

    with pytest.raises(ValueError, match="1 ticks"):
        await reading
