"""The event log on a real server: each event once, read by cursor, every gap marked."""

import asyncio

import pytest

from bridge.bus.controls.audit_log import AuditLog
from bridge.bus.events import event_log
from bridge.bus.events.event import Cursor, EventDraft, EventPage, SessionEvent
from bridge.bus.events.event_log import log_events, newest_cursor, read_events
from bridge.bus.keys import Keys
from bridge.bus.server.server import BusServer
from bridge.bus.transport.errors import Fenced
from bridge.bus.transport.pipeline import CommandPipeline
from bridge.bus.transport.pubsub import PubSubListener
from bridge.bus.transport.script import Script
from tests.stacks.audit_log import leading, lines_of
from tests.stacks.timing import PATIENT
from tests.waiting import until


def draft(subject: str, state: str, progress: float = 0.0) -> EventDraft:
    event = SessionEvent("order", "2026-01-02T03:04:05.000+00:00", orderRef=subject, details={"status": state})
    return EventDraft(subject, state, event, progress)


async def put(bus: BusServer, *drafts: EventDraft) -> None:
    await log_events(bus.pipe, bus.keys, bus.lease.token, drafts)


async def page(bus: BusServer, after: Cursor, most: int = 500) -> EventPage:
    return await read_events(bus.pipe, bus.keys, after, most)


def told(found: EventPage) -> list[tuple[str, str]]:
    return [(each.event.orderRef, each.event.details["status"]) for each in found.events]


async def test_events_are_read_after_a_cursor_oldest_first(redis_url: str, session: str) -> None:
    async with leading(redis_url, session) as (bus, _):
        start = await newest_cursor(bus.pipe, bus.keys)
        await put(bus, draft("a", "Submitted"), draft("b", "Submitted"))
        await put(bus, draft("a", "Filled", 10))
        first = await page(bus, start, most=2)
        rest = await page(bus, first.next)
        none = await page(bus, rest.next)

    assert start == Cursor()
    assert told(first) == [("a", "Submitted"), ("b", "Submitted")]
    assert told(rest) == [("a", "Filled")]
    assert [each.cursor.number for each in (*first.events, *rest.events)] == [1, 2, 3]
    assert [each.gap for each in (first, rest, none)] == [False, False, False]
    assert (none.events, none.next) == ((), rest.next)


async def test_a_state_that_the_log_has_is_not_logged_again_and_a_return_to_it_is(redis_url: str, session: str) -> None:
    async with leading(redis_url, session) as (bus, _):
        for state in ("PreSubmitted", "PreSubmitted", "Submitted", "PreSubmitted"):
            await put(bus, draft("a", state))
        found = await page(bus, Cursor())

    assert told(found) == [("a", "PreSubmitted"), ("a", "Submitted"), ("a", "PreSubmitted")]


async def test_an_old_state_that_is_told_late_is_no_event(redis_url: str, session: str) -> None:
    async with leading(redis_url, session) as (bus, _):
        await put(bus, draft("a", "Submitted", 4))
        await put(bus, draft("a", "Submitted", 0), draft("a", "PreSubmitted", 0))
        await put(bus, draft("a", "Filled", 10))
        found = await page(bus, Cursor())

    assert told(found) == [("a", "Submitted"), ("a", "Filled")]


async def test_an_event_is_written_with_its_audit_entry_and_with_no_other(redis_url: str, session: str) -> None:
    async with leading(redis_url, session) as (bus, log):
        await log.append("Opened", [draft("a", "Submitted")], orderRef="a")
        await log.append("Status", [draft("a", "Submitted")], orderRef="a")
        old = AuditLog(bus.pipe, bus.keys, bus.lease.token + 1)
        with pytest.raises(Fenced):
            await old.append("Status", [draft("a", "Filled")], orderRef="a")
        entries = await lines_of(bus.pipe, session)
        found = await page(bus, Cursor())

    assert len(entries) == 2
    assert told(found) == [("a", "Submitted")]


async def test_only_the_leader_logs(redis_url: str, session: str) -> None:
    async with leading(redis_url, session) as (bus, _):
        with pytest.raises(Fenced):
            await log_events(bus.pipe, bus.keys, bus.lease.token + 1, [draft("a", "Submitted")])
        assert told(await page(bus, Cursor())) == []


async def test_each_step_tells_the_fronts(redis_url: str, session: str) -> None:
    heard: list[bytes] = []
    async with leading(redis_url, session) as (bus, _):
        listener = PubSubListener(redis_url, lambda _, message: heard.append(message), lambda: None, PATIENT)
        async with listener:
            listener.subscribe(bus.keys.event_news)
            await listener.confirmed(bus.keys.event_news, 2)
            await put(bus, draft("a", "Submitted"), draft("b", "Submitted"))
            await put(bus, draft("a", "Submitted"))  # no news
            await put(bus, draft("a", "Filled", 1))
            await until(lambda: len(heard) == 2, "two messages")
        found = await page(bus, Cursor())

    assert [each.decode() for each in heard] == [found.events[1].cursor.id, found.events[2].cursor.id]


async def test_what_was_dropped_with_the_oldest_is_counted(
    redis_url: str, session: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with leading(redis_url, session) as (bus, _):
        await put(bus, draft("a", "0"))
        after = (await page(bus, Cursor())).next
        for number in range(1, 9):
            await put(bus, draft("a", str(number)))
        await bus.pipe.send("XTRIM", bus.keys.events, "MAXLEN", "=", 3)
        found = await page(bus, after)
        fresh = await page(bus, Cursor())

    assert (found.gap, found.missing) == (True, 5)
    assert [state for _, state in told(found)] == ["6", "7", "8"]
    assert (fresh.gap, fresh.missing) == (True, 6)


async def test_a_cursor_of_data_that_redis_has_lost_is_a_gap(redis_url: str, session: str) -> None:
    async with leading(redis_url, session) as (bus, _):
        for number in range(5):
            await put(bus, draft("a", str(number)))
        before = await page(bus, Cursor(), most=3)
        after = (await page(bus, Cursor())).next
        for each in (await page(bus, before.next)).events:  # an older copy: without the newest two
            await bus.pipe.send("XDEL", bus.keys.events, each.cursor.id)
        lost = await page(bus, after)
        await put(bus, draft("b", "new"))
        later = await page(bus, after)
        on = await page(bus, lost.next)

    assert (lost.gap, lost.missing, lost.events) == (True, None, ())
    assert lost.next == before.next
    assert (later.gap, later.missing, told(later)) == (True, None, [("b", "new")])
    assert (on.gap, told(on)) == (False, [("b", "new")])


async def test_a_log_that_is_gone_is_a_gap_and_begins_anew(redis_url: str, session: str) -> None:
    async with leading(redis_url, session) as (bus, log):
        await put(bus, draft("a", "1"))
        after = (await page(bus, Cursor())).next
        for key in (bus.keys.events, bus.keys.event_states, bus.keys.event_ages):
            await bus.pipe.send("SET", key, "something else")
        damaged = await page(bus, after)
        await log.append("Status", [draft("a", "2")])
        found = await page(bus, damaged.next)

    assert (damaged.gap, damaged.next) == (True, Cursor())
    assert (found.gap, told(found)) == (False, [("a", "2")])


async def test_subjects_are_forgotten_oldest_first(redis_url: str, session: str) -> None:
    few = event_log.LOG_EVENTS.replace(str(event_log.SUBJECTS), "3")
    script = Script(event_log.ADD.text.replace(event_log.LOG_EVENTS, few))
    async with leading(redis_url, session) as (bus, _):
        names = (bus.keys.lease, *event_log.event_keys(bus.keys))
        for number in range(5):
            drafts = event_log.draft_arguments([draft(f"s{number}", "1")])
            await script.run(bus.pipe, names, str(bus.lease.token), *drafts)
            await asyncio.sleep(0)
        states = await bus.pipe.send("HKEYS", Keys(session).event_states)

    assert sorted(states) == [b"s2", b"s3", b"s4"]


async def test_an_entry_that_cannot_be_read_is_passed_over(redis_url: str, session: str) -> None:
    async with leading(redis_url, session) as (bus, _):
        await put(bus, draft("a", "1"))
        await bus.pipe.send("XADD", bus.keys.events, "*", "n", "2", "e", "{")
        await put(bus, draft("a", "2"))
        found = await page(bus, Cursor())

    assert [state for _, state in told(found)] == ["1", "2"]
    assert not found.gap


LAST_ID = f"{2**64 - 1}-{2**64 - 1}"


@pytest.mark.parametrize(
    "damage",
    [("XADD", LAST_ID, "n", "7", "e", "{}"), ("XADD", "7-1", "n", "nan", "e", "{}"), ("XADD", "7-1", "other", "1e300")],
)
async def test_a_damaged_log_stops_neither_an_audit_entry_nor_the_next_events(
    redis_url: str, session: str, damage: tuple[str, ...]
) -> None:
    async with leading(redis_url, session) as (bus, audit):
        await bus.pipe.send(damage[0], bus.keys.events, *damage[1:])
        for state in ("Submitted", "Filled"):
            await audit.append("Status", [draft("a", state)])
        lines = await lines_of(bus.pipe, session)
        found = await page(bus, Cursor())

    assert len(lines) == 2
    assert told(found) == [("a", "Submitted"), ("a", "Filled")]
    assert Cursor.parse(str(found.next)) == found.next


async def test_an_event_that_redis_refuses_stops_no_audit_entry(redis_url: str, session: str) -> None:
    """As where an operator's access rules lack a command that only the event log needs."""
    user = f"no-events-{session}"
    async with leading(redis_url, session) as (bus, _), CommandPipeline(redis_url, PATIENT) as other:
        rules = ("on", "nopass", "+@all", "-type", "&*", "~*")
        await bus.pipe.send("ACL", "SETUSER", user, *rules)
        try:
            await other.send("AUTH", user, "any")
            await AuditLog(other, bus.keys, bus.lease.token).append("Status", [draft("a", "Submitted")])
        finally:
            await other.send("AUTH", "default", "any")
            await bus.pipe.send("ACL", "DELUSER", user)
        lines = await lines_of(bus.pipe, session)

    assert len(lines) == 1
