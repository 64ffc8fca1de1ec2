"""Writes the session's own states into the event log: ready, lost, failed, and why."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import NoReturn

from bridge.bus.events.event import EventDraft, SessionEvent
from bridge.bus.transport.connection import BusError
from bridge.bus.transport.outage_log import Outage
from ib_worker.session.session import Session
from ib_worker.session_state.state import SessionState

RETRY_S = 1.0  # between attempts to write

LogEvents = Callable[[Sequence[EventDraft]], Awaitable[None]]


def session_draft(standing: SessionState, ahead: timedelta) -> EventDraft:
    """Return the event of the state that holds since `standing.since`."""
    details = {"state": standing.state, "code": standing.code, "cause": standing.cause, "remedy": standing.remedy}
    at = (standing.since + ahead).isoformat(timespec="milliseconds")
    return EventDraft("session", f"{standing.state} {standing.cause}", SessionEvent("session", at, details=details))


async def log_session_states(session: Session, log_events: LogEvents, retry_s: float = RETRY_S) -> NoReturn:
    """Write each new state, in order, those that come together in one step. While Redis is away they wait."""
    unwritten = Outage("session_states_not_logged")
    while True:
        await session.state_changes.to_write.wait()
        session.state_changes.to_write.clear()
        while session.state_changes.unwritten:
            written = list(session.state_changes.unwritten)
            try:
                await log_events([session_draft(each, session.clock.ahead) for each in written])
            except BusError as error:
                unwritten.failed(error)
                await asyncio.sleep(retry_s)
                continue
            unwritten.over()
            for each in written:
                if session.state_changes.unwritten and session.state_changes.unwritten[0] is each:
                    session.state_changes.unwritten.popleft()
