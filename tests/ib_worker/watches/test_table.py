"""The table of watches: what it has in memory is in Redis, and a new leader goes on with it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from bridge.bus.events.event import Cursor, SessionEvent
from bridge.bus.events.event_log import read_events
from bridge.bus.events.watches import Mark, Watch, WatchMode
from bridge.bus.server.server import BusServer
from bridge.tool import ToolError
from ib_worker.watches import table as module
from ib_worker.watches.table import AFTER_RESTART_MS, WatchTable, conditions, fired_draft
from tests.stacks.audit_log import leading

AT = SessionEvent("alert", "2026-01-02T03:04:05.000+00:00", conId=1, symbol="SPY", details={"price": 3.0})


def watch(id: str = "w-1", mode: WatchMode = "once", until_ms: int | None = None) -> Watch:
    condition = {"event": "price", "symbol": "SPY", "above": 1}
    return Watch(id, "claude", mode, [condition], 5, [Mark()], until_ms, targets=["phone"], note="up")


@asynccontextmanager
async def running(bus: BusServer, now_ms: int = 0) -> AsyncIterator[WatchTable]:
    table = WatchTable(bus.pipe, bus.keys, bus.lease.token)
    await table.load(now_ms)
    writing = asyncio.create_task(table.run())
    try:
        yield table
    finally:
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)


async def logged(bus: BusServer) -> list[SessionEvent]:
    return [each.event for each in (await read_events(bus.pipe, bus.keys, Cursor())).events]


async def test_a_watch_fires_once_and_is_gone(redis_url: str, session: str) -> None:
    async with leading(redis_url, session) as (bus, _), running(bus) as table:
        await table.keep(watch())
        table.fire("w-1", 0, Mark(armed=False), AT)
        table.fire("w-1", 0, Mark(armed=False), AT)
        await table.remove("w-2")  # all before it is written then
        events = await logged(bus)
        async with running(bus) as later:
            left = later.all()

    (event,) = events
    assert (event.kind, event.symbol, event.conId) == ("alert", "SPY", 1)
    assert event.details == {
        "watch": "w-1", "event": "price", "condition": 0, "targets": ["phone"], "note": "up", "price": 3.0
    }  # fmt: skip
    assert left == []


async def test_one_that_repeats_stays_with_what_it_remembers(redis_url: str, session: str) -> None:
    async with leading(redis_url, session) as (bus, _), running(bus) as table:
        await table.keep(watch(mode="repeat"))
        for _ in range(2):
            table.fire("w-1", 0, Mark(armed=False), AT, read=7)
        await table.remove("w-2")
        events = await logged(bus)
        async with running(bus) as later:
            (kept,) = later.all()

    assert len(events) == 2
    assert (kept.fired, kept.fired_at, kept.read, kept.marks) == (2, AT.time, 7, [Mark(armed=False)])


async def test_a_watch_that_is_kept_again_stays_as_it_is_and_lingers(redis_url: str, session: str) -> None:
    async with leading(redis_url, session) as (bus, _), running(bus) as table:
        await table.keep(watch(mode="wait", until_ms=100))
        table.note("w-1", 0, Mark(base=3.0))
        again = await table.keep(watch(mode="wait", until_ms=900))
        table.expire(800)
        still = table.get("w-1")
        table.expire(900)
        gone = table.get("w-1")

    assert (again.marks, again.until_ms) == ([Mark(base=3.0)], 900)
    assert still is not None
    assert gone is None


async def test_a_wait_is_kept_over_a_restart_until_its_front_can_say_that_it_lasts(
    redis_url: str, session: str
) -> None:
    async with leading(redis_url, session) as (bus, _):
        async with running(bus) as table:
            await table.keep(watch("w-1", "wait", until_ms=100))
            await table.keep(watch("w-2", "once", until_ms=100))
        async with running(bus, now_ms=1_000) as later:
            later.expire(1_000)
            left = {each.id: each.until_ms for each in later.all()}

    assert left == {"w-1": 1_000 + AFTER_RESTART_MS}


async def test_one_principal_has_a_bound(redis_url: str, session: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_OF_ONE", 2)
    async with leading(redis_url, session) as (bus, _), running(bus) as table:
        for id in ("w-1", "w-2", "w-1"):
            await table.keep(watch(id))
        with pytest.raises(ToolError, match="limit: 2 per client"):
            await table.keep(watch("w-3"))


def test_a_condition_of_a_later_release_is_none() -> None:
    later = Watch("w-1", "claude", "once", [{"event": "eclipse"}], 5, [Mark()])

    assert conditions(later) == ()
    assert conditions(watch())[0].above == 1
    assert fired_draft(watch(mode="wait"), 0, AT).event.details.keys() == {"watch", "event", "condition", "price"}


async def test_a_new_reader_begins_now_and_its_place_outlives_it(redis_url: str, session: str) -> None:
    async with leading(redis_url, session) as (bus, _), running(bus) as table:
        place = await table.place_of("alerts")
        await table.keep(watch())
        table.fire("w-1", 0, Mark(armed=False), AT)
        await table.remove("w-2")  # all before it is written then
        async with running(bus) as later:
            again = await later.place_of("alerts")
            missed = await later.page(again)
            other = await later.place_of("another")

    assert again == place
    assert len(missed.events) == 1
    assert other == missed.next


async def test_a_watch_on_an_account_that_its_owner_has_no_right_to_does_not_fire(redis_url: str, session: str) -> None:
    """Rights may have changed since the alert was made."""
    foreign = SessionEvent("alert", AT.time, account="DU2", details={"value": 3.0})
    async with leading(redis_url, session) as (bus, _):
        table = WatchTable(
            bus.pipe, bus.keys, bus.lease.token, lambda who, account: (who, account) != ("claude", "DU2")
        )
        await table.load(0)
        writing = asyncio.create_task(table.run())
        await table.keep(watch())
        table.fire("w-1", 0, Mark(armed=False), foreign)
        left = table.get("w-1")
        table.fire("w-1", 0, Mark(armed=False), AT)
        await table.remove("w-2")
        events = await logged(bus)
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)

    assert left is not None
    assert [each.account for each in events] == [""]
