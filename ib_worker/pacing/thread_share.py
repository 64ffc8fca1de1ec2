"""One caller's share of the thread for long answers: while that thread works, the whole worker is slower."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from bridge.tool import ToolError
from ib_worker.pacing.caller import SESSION
from ib_worker.pacing.message_pacer import LONGEST_WAIT_S

SHARE = 1 / 40  # of the thread's time, steadily: an answer takes up to 60 ms of it, and as much again of the front's
AT_ONCE_S = 0.25  # of work, after a quiet moment: some five of the longest answers


class ThreadShare:
    """By caller: when the work that was done for it is paid for. Who has had too much waits, one piece at a time."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._paid_at: dict[str, float] = {}
        self._latest_s: dict[str, float] = {}  # what the latest piece took
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._waiting: defaultdict[str, int] = defaultdict(int)

    @asynccontextmanager
    async def turn(self, caller: str) -> AsyncIterator[None]:
        """Held while a piece of work is done. The session's own never waits."""
        if caller == SESSION:
            yield
            return
        self._waiting[caller] += 1
        try:
            async with self._turns[caller]:
                if (wait_s := self.wait_s(caller)) > 0:
                    await asyncio.sleep(wait_s)
                yield
        finally:
            self._waiting[caller] -= 1

    def had(self, caller: str, took_s: float) -> None:
        """A piece took so long."""
        now = self._clock()
        self._latest_s[caller] = took_s
        self._paid_at[caller] = max(self._paid_at.get(caller, now), now) + took_s / SHARE

    def wait_s(self, caller: str) -> float:
        """Until the caller may have another piece, if it has none under way."""
        return max(0.0, self._paid_at.get(caller, 0.0) - self._clock() - AT_ONCE_S / SHARE)

    def require_short_wait(self, caller: str) -> None:
        """Raise ToolError paced where a call's first piece would wait too long. Those after it are not refused: a call
        of many pieces would be cut in its middle."""
        before = self._waiting[caller] * self._latest_s.get(caller, 0.0) / SHARE
        wait_s = self._paid_at.get(caller, 0.0) + before - self._clock() - AT_ONCE_S / SHARE
        if wait_s > LONGEST_WAIT_S:
            raise ToolError(
                "paced",
                f"Too many long answers wait (limit: {SHARE:.1%} of the worker's time for one client). Retry in "
                f"{wait_s:.0f} seconds, and request less at once.",
                retry_after_s=round(wait_s, 1),
            )
