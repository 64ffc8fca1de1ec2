"""The session's states in the event log: each once, in order, also when Redis was away meanwhile."""

import asyncio
from collections.abc import Sequence

from bridge.bus.events.event import EventDraft
from bridge.bus.transport.connection import NotSent
from bridge.tasks import cancel_and_wait
from ib_worker.alerts.session_events import log_session_states, session_draft
from ib_worker.session.session import Session
from ib_worker.session_state import state as standing
from ib_worker.settings import WorkerSettings
from tests.stacks.worker import Published, same_id, services_without_bus
from tests.waiting import until


class Log:
    """An event log that may be away."""

    def __init__(self) -> None:
        self.away = False
        self.refused = 0
        self.states: list[str] = []

    async def __call__(self, drafts: Sequence[EventDraft]) -> None:
        if self.away:
            self.refused += 1
            raise NotSent("Redis is away")
        self.states += [each.event.details["state"] for each in drafts]


async def test_each_state_is_written_in_order_and_none_twice() -> None:
    settings = WorkerSettings()
    session, log = Session(settings, "w", Published(), same_id, services_without_bus(settings)), Log()
    task = asyncio.create_task(log_session_states(session, log, retry_s=0.01))
    try:
        await until(lambda: log.states == ["connecting"], "the state that a term begins with")
        log.away = True
        session.state.set(standing.SYNCING)
        session.state.ready()
        await until(lambda: log.refused > 1, "Redis is away")
        session.state.set(standing.LINK_DOWN, 1100)
        log.away = False
        await until(lambda: len(log.states) == 4, "all states are written")
        await asyncio.sleep(0.03)
    finally:
        await cancel_and_wait([task])
        await session.close()

    assert log.states == ["connecting", "syncing", "ready", "link_down"]


def test_an_event_has_the_cause_and_its_cure() -> None:
    settings = WorkerSettings()
    session = Session(settings, "w", Published(), same_id, services_without_bus(settings))
    session.state.set(standing.LINK_DOWN, 1100)
    event = session_draft(session.state.standing, session.clock.ahead).event

    assert event.details["code"] == "link_down"
    assert "lost its connection to IBKR's servers (1100)" in event.details["cause"]
    assert event.details["remedy"].startswith("The gateway reconnects by itself")
