"""The gateway that is wanted, and whether a connection to it is."""

import asyncio
from collections.abc import Callable, Collection
from datetime import UTC, datetime

from bridge.bus.controls.connection_target import ConnectionTarget
from ib_worker.session_state import state as standing
from ib_worker.session_state.state import StateReason, StateTracker
from ib_worker.tws.endpoint import Endpoint


class ConnectionControl:
    """The wanted gateway, and whether a connection is wanted: ibkr_connect and ibkr_disconnect set both, and
    ConnectionLoop acts on them."""

    def __init__(
        self,
        target: Endpoint,
        state: StateTracker,
        is_connected: Callable[[], bool],
        target_changed: Callable[[], None],
        now: Callable[[], datetime],
    ) -> None:
        self.target = target
        self.wanted = asyncio.Event()
        self.wanted.set()
        self.stop = asyncio.Event()  # the present connection is to end
        self.wake = asyncio.Event()  # the pause between attempts is to end
        self._state = state
        self._is_connected = is_connected
        self._target_changed = target_changed
        self._now = now
        self._waiting: list[asyncio.Future[None]] = []  # for the present attempt to end
        self.lent_until: datetime | None = None  # to a person, who uses the login elsewhere
        self._returns: asyncio.TimerHandle | None = None

    async def connect(self, target: Endpoint) -> None:
        """Want this gateway, start an attempt if none is in progress, and return when the attempt has succeeded or
        failed."""
        same = target == self.target
        if same and self._is_connected() and self._state.standing.state in ("ready", "link_down"):
            return
        if not same:
            self._point_at(target)
            self._target_changed()
            self.stop.set()
        if not same or not self.wanted.is_set():
            self._state.set(standing.STARTING)
        self.wanted.set()
        self.wake.set()
        tried = asyncio.get_running_loop().create_future()
        self._waiting.append(tried)
        await tried

    def disconnect(self, caller: str) -> None:
        self._leave(standing.ASKED, caller)

    def _leave(self, reason: StateReason, detail: str) -> None:
        self.wanted.clear()
        self.stop.set()
        self.wake.set()
        self._state.set(reason, detail)
        self.attempt_ended()

    def lend(self, by: str, until: datetime) -> None:
        """Disconnect, and connect again at that time."""
        self.end_loan()
        self._leave(standing.LENT, f"{by}, until {until:%Y-%m-%d %H:%M} UTC")
        self.lent_until = until
        wait_s = max((until - self._now()).total_seconds(), 0.0)
        self._returns = asyncio.get_running_loop().call_later(wait_s, self._return)

    def end_loan(self) -> None:
        """Let clients connect the session again."""
        self.lent_until = None
        if self._returns is not None:
            self._returns.cancel()
            self._returns = None

    def _return(self) -> None:
        self.end_loan()
        self._state.set(standing.STARTING)
        self.wanted.set()
        self.wake.set()

    def begin_as(self, stored: ConnectionTarget, allowed: Collection[Endpoint]) -> None:
        """Restore the target that ibkr_connect or ibkr_disconnect set, before the loop runs. Ignore a gateway that is
        no longer allowed."""
        target = Endpoint(stored.host, stored.port)
        until = datetime.fromtimestamp(stored.until_ms / 1000, UTC) if stored.until_ms else None
        if until is not None:
            if until > self._now():
                self.lend(stored.by, until)
        elif not stored.host:
            self.disconnect(stored.by)
        elif target in allowed:
            self._point_at(target)
            self._state.set(standing.STARTING)

    def attempt_ended(self) -> None:
        """Wake the callers that wait in `connect`."""
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            if not each.done():
                each.set_result(None)

    def _point_at(self, target: Endpoint) -> None:
        self.target = target
        self._state.host, self._state.port = target
