"""A front waits for events: woken at once, and also where the message that wakes it is lost."""

import asyncio

import pytest

from bridge.bus.client import event_reader
from bridge.bus.client.replies import ReplyInbox
from bridge.bus.events.event import Cursor, EventDraft, EventPage, SessionEvent
from bridge.bus.events.event_log import log_events, read_events
from bridge.bus.keys import Keys
from bridge.bus.server.server import BusServer
from bridge.bus.transport.pipeline import CommandPipeline
from tests.busy import BUSY_S
from tests.stacks.audit_log import front_and_leader


def draft(state: str) -> EventDraft:
    return EventDraft("a", state, SessionEvent("order", "2026-01-02T03:04:05Z", details={"status": state}))


async def put(bus: BusServer, *states: str) -> None:
    await log_events(bus.pipe, bus.keys, bus.lease.token, [draft(each) for each in states])


async def test_those_who_wait_are_woken_by_the_event(redis_url: str, session: str) -> None:
    async with front_and_leader(redis_url, session) as (front, bus):
        start = await front.events.newest()
        waiting = [asyncio.create_task(front.events.after(start)) for _ in range(3)]
        await asyncio.sleep(0.2)
        assert not any(each.done() for each in waiting)
        await put(bus, "Filled")
        async with asyncio.timeout(2 + BUSY_S):
            pages = await asyncio.gather(*waiting)

    assert [[each.event.details["status"] for each in page.events] for page in pages] == [["Filled"]] * 3


async def test_an_event_whose_message_was_lost_is_found_by_looking(
    redis_url: str, session: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ReplyInbox, "attach", lambda *_: None)
    async with front_and_leader(redis_url, session, 0.05) as (front, bus):
        waiting = asyncio.create_task(front.events.after(Cursor()))
        await asyncio.sleep(0.2)
        await put(bus, "Filled")
        async with asyncio.timeout(2 + BUSY_S):
            page = await waiting

    assert len(page.events) == 1


async def test_what_is_there_already_is_told_at_once_and_a_read_is_shared(redis_url: str, session: str) -> None:
    async with front_and_leader(redis_url, session) as (front, bus):
        await put(bus, "Submitted", "Filled")
        first, second = await asyncio.gather(front.events.after(Cursor()), front.events.page(Cursor()))

    assert first is second
    assert len(first.events) == 2


async def test_nobody_looks_once_nobody_waits(redis_url: str, session: str) -> None:
    async with front_and_leader(redis_url, session, 0.02) as (front, _):
        waiting = asyncio.create_task(front.events.after(Cursor()))
        await asyncio.sleep(0.1)
        looking = front.events._looking
        waiting.cancel()
        await asyncio.sleep(0.1)

        assert looking is not None
        assert looking.done()


async def test_a_read_from_before_an_event_is_not_shared_after_it(
    redis_url: str, session: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer of such a read lacks the event, and the message that wakes has come already."""
    answered = asyncio.Event()

    async def late(pipe: CommandPipeline, keys: Keys, after: Cursor) -> EventPage:
        found = await read_events(pipe, keys, after)
        if not found.events:
            await answered.wait()
        return found

    async with front_and_leader(redis_url, session) as (front, bus):
        start = await front.events.newest()
        first = asyncio.create_task(front.events.after(start))
        await asyncio.sleep(0.2)  # it waits to be woken, and the look at the log's end is over
        monkeypatch.setattr(event_reader, "read_events", late)
        second = asyncio.create_task(front.events.page(start))
        await asyncio.sleep(0.1)
        await put(bus, "Filled")
        await asyncio.sleep(0.2)
        third = asyncio.create_task(front.events.after(start))
        await asyncio.sleep(0.1)
        answered.set()
        async with asyncio.timeout(2 + BUSY_S):
            pages = await asyncio.gather(first, third)
        assert not (await second).events

    assert [len(each.events) for each in pages] == [1, 1]


async def test_a_whole_page_that_cannot_be_read_is_passed_over(
    redis_url: str, session: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def short(pipe: CommandPipeline, keys: Keys, after: Cursor) -> EventPage:
        return await read_events(pipe, keys, after, most=2)

    monkeypatch.setattr(event_reader, "read_events", short)
    async with front_and_leader(redis_url, session) as (front, bus):
        await put(bus, "Submitted")
        start = await front.events.newest()
        for number in ("2", "3", "nonsense", "5"):
            await bus.pipe.send("XADD", bus.keys.events, "*", "n", number, "e", "{")
        await put(bus, "Filled")
        async with asyncio.timeout(2 + BUSY_S):
            page = await front.events.after(start)

    assert [each.event.details["status"] for each in page.events] == ["Filled"]
