"""The watches on a real server: kept, removed and fired in one step with their event, by the leader alone."""

import msgspec
import pytest

from bridge.bus.events.event import Cursor, EventDraft, SessionEvent
from bridge.bus.events.event_log import read_events
from bridge.bus.events.watches import Mark, Watch, change_watch, read_places, read_watches, store_place
from bridge.bus.server.server import BusServer
from bridge.bus.transport.errors import Fenced
from tests.stacks.audit_log import leading

WATCH = Watch("w-1", "claude", "repeat", [{"event": "price", "symbol": "SPY", "above": 1}], 5, [Mark(base=2.5)])
FIRED = EventDraft("watch w-1", "5 1", SessionEvent("alert", "2026-01-02T03:04:05Z", details={"watch": "w-1"}))


async def change(bus: BusServer, after: Watch | None, *drafts: EventDraft, token: int | None = None) -> None:
    await change_watch(bus.pipe, bus.keys, token or bus.lease.token, WATCH.id, after, drafts)


async def test_a_watch_is_kept_changed_and_removed(redis_url: str, session: str) -> None:
    async with leading(redis_url, session) as (bus, _):
        await change(bus, WATCH)
        kept = await read_watches(bus.pipe, bus.keys)
        await change(bus, msgspec.structs.replace(WATCH, fired=1))
        changed = await read_watches(bus.pipe, bus.keys)
        await change(bus, None)
        gone = await read_watches(bus.pipe, bus.keys)

    assert kept == {"w-1": WATCH}
    assert changed["w-1"].fired == 1
    assert gone == {}


async def test_a_step_that_is_made_again_logs_its_event_once(redis_url: str, session: str) -> None:
    async with leading(redis_url, session) as (bus, _):
        await change(bus, WATCH)
        for _ in range(3):
            await change(bus, None, FIRED)
        page = await read_events(bus.pipe, bus.keys, Cursor())
        left = await read_watches(bus.pipe, bus.keys)

    assert [each.event.details for each in page.events] == [{"watch": "w-1"}]
    assert left == {}


async def test_a_worker_that_leads_no_more_changes_nothing(redis_url: str, session: str) -> None:
    async with leading(redis_url, session) as (bus, _):
        with pytest.raises(Fenced):
            await change(bus, WATCH, FIRED, token=bus.lease.token - 1)
        page = await read_events(bus.pipe, bus.keys, Cursor())
        found = await read_watches(bus.pipe, bus.keys)

    assert (page.events, found) == ((), {})


async def test_what_can_not_be_read_is_passed_over(redis_url: str, session: str) -> None:
    async with leading(redis_url, session) as (bus, _):
        await change(bus, WATCH)
        await bus.pipe.send("HSET", bus.keys.watches, "w-2", "{}")
        with_broken = await read_watches(bus.pipe, bus.keys)
        await bus.pipe.send("SET", bus.keys.watches, "text")
        of_another_type = await read_watches(bus.pipe, bus.keys)
        await change(bus, WATCH)
        anew = await read_watches(bus.pipe, bus.keys)

    assert set(with_broken) == {"w-1"}
    assert of_another_type == {}
    assert set(anew) == {"w-1"}


async def test_a_readers_place_is_stored(redis_url: str, session: str) -> None:
    async with leading(redis_url, session) as (bus, _):
        await store_place(bus.pipe, bus.keys, "alerts", Cursor(7, "12-0"))
        await bus.pipe.send("HSET", bus.keys.pushed, "broken", "x")
        found = await read_places(bus.pipe, bus.keys)
        await bus.pipe.send("SET", bus.keys.pushed, "text")
        none = await read_places(bus.pipe, bus.keys)

    assert found == {"alerts": Cursor(7, "12-0")}
    assert none == {}
