"""One caller's share of the thread for long answers: while that thread works, the whole worker is slower."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from bridge.tool import ToolError
from ib_worker.pacing.caller import SESSION
from ib_worker.pacing.message_pacer import LONGEST_WAIT_S

SHARE = 1 / 40  # of the thread's time, steadily: an answer takes up to 60 ms of it, and as much again of the front's
AT_ONCE_S = 0.25  # of work, after a quiet moment: some five of the longest answers


@dataclass(slots=True)
class _Caller:
    paid_at: float = float("-inf")  # when the work that was done for it is paid for
    latest_s: float = 0.0  # what the latest piece took
    waiting: int = 0  # pieces, the one that has the turn too
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)


class ThreadShare:
    """Shares of the thread, by caller. Who has had too much waits, one piece at a time; the session's own work never
    does."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._callers: dict[str, _Caller] = {}  # that wait, or have had more than is paid for

    def __len__(self) -> int:
        return len(self._callers)

    @asynccontextmanager
    async def turn(self, caller: str) -> AsyncIterator[None]:
        """Held while a piece of work is done."""
        if caller == SESSION:
            yield
            return
        mine = self._callers.setdefault(caller, _Caller())
        mine.waiting += 1
        try:
            async with mine.turn:
                if (wait_s := self.wait_s(caller)) > 0:
                    await asyncio.sleep(wait_s)
                yield
        finally:
            mine.waiting -= 1
            self._forget_paid()

    def had(self, caller: str, took_s: float) -> None:
        """A piece took so long."""
        if caller == SESSION:
            return
        mine = self._callers.setdefault(caller, _Caller())
        mine.latest_s = took_s
        mine.paid_at = max(mine.paid_at, self._clock()) + took_s / SHARE

    def wait_s(self, caller: str) -> float:
        """Return the seconds until the caller may have another piece, if it has none under way."""
        mine = self._callers.get(caller)
        return max(0.0, mine.paid_at - self._clock() - AT_ONCE_S / SHARE) if mine else 0.0

    def _forget_paid(self) -> None:
        """Clients name themselves: each name that was ever used would be kept."""
        now = self._clock()
        for name in [name for name, each in self._callers.items() if not each.waiting and each.paid_at <= now]:
            del self._callers[name]

    def require_short_wait(self, caller: str) -> None:
        """Raise ToolError paced where a call's first piece would wait too long. Those after it are not refused: a call
        of many pieces would be cut in its middle. The session's own is not either: so what was done is told."""
        mine = self._callers.get(caller)
        if mine is None:
            return
        wait_s = mine.paid_at + mine.waiting * mine.latest_s / SHARE - self._clock() - AT_ONCE_S / SHARE
        if wait_s > LONGEST_WAIT_S:
            raise ToolError(
                "paced",
                f"Too many long answers wait (limit: {SHARE:.1%} of the worker's time for one client). Retry in "
                f"{wait_s:.0f} seconds, and request less at once.",
                retry_after_s=round(wait_s, 1),
            )
