"""A change of state is due in the heartbeat and in the event log, and wakes who waits for a ready session."""

import asyncio
from datetime import UTC, datetime

from ib_worker.session_state.state import SessionState
from ib_worker.session_state.state_changes import KEPT_STATES, StateChanges

NOW = datetime(2025, 6, 11, tzinfo=UTC)
CONNECTING, READY = SessionState("connecting", NOW), SessionState("ready", NOW)


def test_the_first_state_is_written_and_each_new_one_is_due_in_the_heartbeat() -> None:
    changes = StateChanges()
    changes.begin(CONNECTING)
    due_at_first = changes.heartbeat_due.is_set()
    changes.add(READY)

    assert (due_at_first, changes.heartbeat_due.is_set(), changes.to_write.is_set()) == (False, True, True)
    assert list(changes.unwritten) == [CONNECTING, READY]


def test_the_latest_states_are_kept_while_none_can_be_written() -> None:
    changes = StateChanges()
    for _ in range(KEPT_STATES):
        changes.add(CONNECTING)
    changes.add(READY)

    assert (len(changes.unwritten), changes.unwritten[-1]) == (KEPT_STATES, READY)


async def test_who_waits_for_a_ready_session_goes_on_when_it_is_ready() -> None:
    changes = StateChanges()
    waiting = asyncio.create_task(changes.until_ready())
    changes.add(CONNECTING)
    await asyncio.sleep(0)
    early = waiting.done()
    changes.add(READY)
    await waiting

    assert not early
