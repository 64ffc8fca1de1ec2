"""The figures that only Redis has."""

from bridge.bus.events.event import Cursor, EventDraft, SessionEvent
from bridge.bus.events.event_log import log_events
from bridge.bus.events.watches import store_place
from bridge.bus.figures import SessionFigures, read_figures
from tests.stacks.audit_log import leading


async def test_a_new_session_has_nothing(redis_url: str, session: str) -> None:
    async with leading(redis_url, session) as (bus, _):
        assert await read_figures(bus.pipe, bus.keys) == SessionFigures()


async def test_events_readers_approvals_and_orders_are_counted(redis_url: str, session: str) -> None:
    async with leading(redis_url, session) as (bus, _):
        for number in range(3):
            event = SessionEvent("execution", "2026-01-02T03:04:05Z", details={"execId": str(number)})
            await log_events(bus.pipe, bus.keys, bus.lease.token, [EventDraft(f"e{number}", "1", event)])
        await store_place(bus.pipe, bus.keys, "target desk", Cursor(1, "1-1"))
        await bus.pipe.send("ZADD", bus.keys.approvals, 1, "key")
        now_ms = bus.pipe.clock.now_ms()
        await bus.pipe.send("ZADD", bus.keys.accepted, now_ms - 1_000, "now", now_ms - 70_000, "before")

        found = await read_figures(bus.pipe, bus.keys)

    assert found == SessionFigures(1, 3, 3, {"target desk": 2}, 1)
