"""A tape's feed on a real Redis: events by cursor, calls as they are published, and a word where some are missing."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count

import msgspec

from bridge.bus.client.call_trace import CallBatch, TracedCall
from bridge.bus.events.event import EventDraft, ReadEvent, SessionEvent
from bridge.bus.events.event_log import log_events
from bridge.bus.server.server import BusServer
from bridge.tasks import cancel_and_wait
from cli.local_stack.embedded_redis import EmbeddedRedis
from cli.tape.feed import CALLS_CUT, NO_REDIS, NO_WORKER, REDIS_BACK, FeedTiming, TapeFeed
from cli.tape.items import Missed, TapeItem, TapeNotice
from tests.stacks.audit_log import leading
from tests.waiting import until

FAST = FeedTiming(retry_s=0.05, status_s=0.05, pnl_s=60)
CALL = TracedCall("get_quotes", "local", "claude", "ok", 1.0, 1)


@asynccontextmanager
async def fed(bus: BusServer, url: str) -> AsyncIterator[list[TapeItem]]:
    """Yield the items that a feed tells, from when it reads events and hears calls."""
    items: list[TapeItem] = []
    running = asyncio.create_task(TapeFeed(url, bus.keys.session, items.append, FAST).run())
    try:
        for number in count():
            await put(bus, f"start-{number}")
            heard = await publish(bus, 1)
            if heard and names(items):
                break
            await asyncio.sleep(0.02)
        items.clear()
        yield items
    finally:
        await cancel_and_wait([running])


async def put(bus: BusServer, *names: str) -> None:
    drafts = [
        EventDraft(name, "Filled", SessionEvent("order", "2026-01-02T03:04:05Z", orderRef=name)) for name in names
    ]
    await log_events(bus.pipe, bus.keys, bus.lease.token, drafts)


async def publish(bus: BusServer, first: int, calls: int = 1) -> int:
    batch = CallBatch("f1", first, (CALL,) * calls)
    heard: int = await bus.pipe.send("SPUBLISH", bus.keys.calls, msgspec.json.encode(batch))
    return heard


def names(items: list[TapeItem]) -> list[str]:
    return [each.event.orderRef for each in items if isinstance(each, ReadEvent)]


def calls_told(items: list[TapeItem]) -> list[TapeItem]:
    """Return the calls, and what is said of those that were missed."""
    return [each for each in items if not isinstance(each, ReadEvent | TapeNotice)]


async def test_events_come_in_order_and_calls_that_were_not_heard_are_counted(redis_url: str, session: str) -> None:
    async with leading(redis_url, session) as (bus, _), fed(bus, redis_url) as items:
        await put(bus, "a", "b")
        await put(bus, "c")
        await bus.pipe.send("SPUBLISH", bus.keys.calls, b"a later release's")
        await publish(bus, 2, calls=2)
        await publish(bus, 9)
        await until(lambda: names(items)[-3:] == ["a", "b", "c"] and len(calls_told(items)) >= 4, "all of it")

    assert calls_told(items) == [CALL, CALL, Missed("calls", 5), CALL]


async def test_a_redis_that_was_away_is_told_and_its_events_are_not_lost(own_redis: EmbeddedRedis) -> None:
    async with leading(own_redis.url, "live") as (bus, _), fed(bus, own_redis.url) as items:
        await own_redis.stop()
        await until(lambda: TapeNotice(NO_REDIS) in items, "Redis is away")
        await own_redis.start()
        await until(lambda: TapeNotice(REDIS_BACK, good=True) in items, "Redis is back")
        await put(bus, "later")
        await until(lambda: "later" in names(items), "the event after the restart")

    assert TapeNotice(CALLS_CUT) in items
    assert [each for each in items if isinstance(each, TapeNotice) and each.text in (NO_REDIS, REDIS_BACK)] == [
        TapeNotice(NO_REDIS),
        TapeNotice(REDIS_BACK, good=True),
    ]


async def test_events_that_redis_has_lost_are_told(own_redis: EmbeddedRedis) -> None:
    async with leading(own_redis.url, "live") as (bus, _), fed(bus, own_redis.url) as items:
        await put(bus, "a", "b")
        await until(lambda: "b" in names(items), "the events")
        await bus.pipe.send("DEL", bus.keys.events)
        await put(bus, "c")
        await until(lambda: "c" in names(items), "the event of the new log")

    assert Missed("events", None) in items


async def test_a_worker_that_is_not_there_is_told_once(redis_url: str, session: str) -> None:
    async with leading(redis_url, session) as (bus, _), fed(bus, redis_url) as items:
        await put(bus, "a")
        await until(lambda: "a" in names(items), "an event")

    assert items.count(TapeNotice(NO_WORKER)) <= 1
