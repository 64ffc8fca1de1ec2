"""The session's changes of state, for the heartbeat, the event log, and who waits until the session is ready."""

import asyncio
from collections import deque

from ib_worker.session_state.state import SessionState

SOON_S = 0.05  # after a write: those of that time share a heartbeat
KEPT_STATES = 200  # that wait to be written into the event log while Redis is away


class StateChanges:
    """Each new state, once."""

    def __init__(self) -> None:
        self.heartbeat_due = asyncio.Event()  # the status has changed; the heartbeat clears it
        self.unwritten: deque[SessionState] = deque(maxlen=KEPT_STATES)  # not in the event log yet
        self.to_write = asyncio.Event()
        self._ready = asyncio.Event()
        self._soon: asyncio.TimerHandle | None = None

    def begin(self, standing: SessionState) -> None:
        """Have the first state written. The heartbeat of a new term has it without being asked."""
        self.unwritten.append(standing)
        self.to_write.set()

    def add(self, new: SessionState) -> None:
        self.heartbeat_due.set()
        self.begin(new)
        if new.ready:
            self._ready.set()
        else:
            self._ready.clear()

    def written(self) -> None:
        """Have the status written soon, which counts orders."""
        loop = asyncio.get_running_loop()
        if self._soon is None or self._soon.when() <= loop.time():
            self._soon = loop.call_later(SOON_S, self.heartbeat_due.set)

    async def until_ready(self) -> None:
        await self._ready.wait()
