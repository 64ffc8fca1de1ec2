"""Alerts on the log's own events: each event once, also where the reader begins anew."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any, NoReturn, cast

from bridge.bus.controls.approval_events import approval_draft
from bridge.bus.events.event import Cursor, EventDraft, SessionEvent
from bridge.bus.events.event_log import log_events, read_events
from bridge.bus.events.watches import Mark, Watch, WatchMode
from bridge.bus.server.server import BusServer
from ib_worker.alerts.log_alerts import READER, LogAlerts
from ib_worker.session.session import Session
from ib_worker.watches.table import WatchTable
from tests.stacks.audit_log import leading
from tests.waiting import until


def watch(id: str, mode: WatchMode) -> Watch:
    return Watch(id, "claude", mode, [{"event": "execution", "symbol": "SPY"}], 5, [Mark()])


def execution(name: str, symbol: str = "SPY") -> EventDraft:
    event = SessionEvent("execution", "2026-01-02T03:04:05Z", symbol=symbol, details={"execId": name})
    return EventDraft(f"execution {name}", name, event)


def of(table: WatchTable) -> Session:
    return cast(Session, SimpleNamespace(services=SimpleNamespace(watches=table)))


@asynccontextmanager
async def running(*parts: Coroutine[Any, Any, NoReturn]) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(each) for each in parts]
    try:
        yield
    finally:
        for each in tasks:
            each.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def alerts(bus: BusServer) -> list[tuple[str, str]]:
    page = await read_events(bus.pipe, bus.keys, Cursor())
    found = [each.event.details for each in page.events if each.event.kind == "alert"]
    return [(each["watch"], each["state"]["execId"]) for each in found]


async def test_an_approval_is_told_to_the_client_alone_whose_order_it_is(redis_url: str, session: str) -> None:
    """Its event has no account by which it could be kept from others."""

    async def owner(key: str) -> str:
        return "claude"

    async with leading(redis_url, session) as (bus, _):
        table = WatchTable(bus.pipe, bus.keys, bus.lease.token)
        await table.load(0)
        approvals = SimpleNamespace(owner=owner)
        worker = cast(Session, SimpleNamespace(services=SimpleNamespace(watches=table, approvals=approvals)))
        await table.store_place(READER, await table.newest())
        tasks: list[asyncio.Task[Any]] = [asyncio.create_task(table.run())]
        for name in ("another", "claude"):
            of_key = {"event": "order_approved", "orderKey": "key-0001"}
            await table.keep(Watch(f"of-{name}", name, "once", [of_key], 5, [Mark()]))
        await log_events(bus.pipe, bus.keys, bus.lease.token, [approval_draft("key-0001", "approved", "anna")])
        tasks.append(asyncio.create_task(LogAlerts(worker).run()))
        await until(lambda: table.get("of-claude") is None, "the owner's alert has fired")
        left = [kept.id for kept in table.all()]
        for each in tasks:
            each.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    assert left == ["of-another"]


async def test_a_fill_fires_an_alert_once_and_one_that_repeats_at_each(redis_url: str, session: str) -> None:
    async with leading(redis_url, session) as (bus, _):
        table = WatchTable(bus.pipe, bus.keys, bus.lease.token)
        await table.load(0)
        tasks: list[asyncio.Task[Any]] = [asyncio.create_task(table.run())]

        async def log(*drafts: EventDraft) -> None:
            await log_events(bus.pipe, bus.keys, bus.lease.token, drafts)

        await log(execution("before"))
        await table.store_place(READER, await table.newest())
        for id, mode in (("once", "once"), ("each", "repeat"), ("wait", "wait")):
            await table.keep(watch(id, cast(WatchMode, mode)))
        first = asyncio.create_task(LogAlerts(of(table)).run())
        await log(execution("a"), execution("b", "IBM"), execution("c"))

        async def three() -> bool:
            return len(await alerts(bus)) >= 3

        await until(three, "three alerts have fired")
        first.cancel()
        await table.store_place(READER, Cursor())  # as if the place had not been stored in time
        tasks.append(asyncio.create_task(LogAlerts(of(table)).run()))
        await asyncio.sleep(1)
        found = await alerts(bus)
        for each in tasks:
            each.cancel()
        await asyncio.gather(first, *tasks, return_exceptions=True)

    assert sorted(found) == [("each", "a"), ("each", "c"), ("once", "a")]


async def test_a_worker_that_ends_before_its_alert_is_written_leaves_it_to_the_next(
    redis_url: str, session: str
) -> None:
    async with leading(redis_url, session) as (bus, _):
        table = WatchTable(bus.pipe, bus.keys, bus.lease.token)
        await table.load(0)
        await table.store_place(READER, await table.newest())
        async with running(table.run()):
            await table.keep(watch("once", "once"))
        async with running(LogAlerts(of(table)).run()):  # and nothing writes what it fires
            await log_events(bus.pipe, bus.keys, bus.lease.token, [execution("a")])
            await until(lambda: table.get("once") is None, "it has fired")
            await table.newest()  # Redis has had what was sent before
        late = WatchTable(bus.pipe, bus.keys, bus.lease.token)
        await late.load(0)
        async with running(late.run(), LogAlerts(of(late)).run()):
            await until(lambda: late.get("once") is None, "the next worker has it fired")
            await late.written()
        found = await alerts(bus)

    assert found == [("once", "a")]
