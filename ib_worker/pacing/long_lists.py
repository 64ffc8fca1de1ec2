"""Long lists of TWS, requested rarely, so that orders are not delayed on the one socket.

TWS answers requests in their order over one socket: while it sends ten thousand orders, the answer to a new order waits
behind them for a second or more. So a list that was long is not requested again for a while. Callers get it together
with the events since, which TWS sends for all of this session's own orders. Actions of other programs are only in a new
list: a position that moves without a fill here is another program's fill, and makes the list stale at once.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

LONG_ROWS = 1_000  # of a list that TWS tells in a tenth of a second or more
AGAIN_AFTER = 100  # times as long as TWS took for it: of two lists, one order in fifty waits for one
OLDEST_S = 60.0  # that a list may be: so late, at most, an order that another program cancelled is told as ended
MOST_SINCE = 1_000  # rows that are added to a list; with more of them it is read anew

T = TypeVar("T")


@dataclass
class _Read(Generic[T]):
    """One list: as TWS told it when asked, and what has come since it was asked."""

    told: Hashable
    rows: list[T] = field(default_factory=list)
    since: list[T] = field(default_factory=list)
    good_until: float = 0.0


class LongList(Generic[T]):
    """One list, of which one request at most is under way. `state` changes when a list from before counts no more."""

    def __init__(self, clock: Callable[[], float], state: Callable[[], Hashable]) -> None:
        self._clock = clock
        self._state = state
        self._lock = asyncio.Lock()
        self._read: _Read[T] | None = None

    def came(self, row: T) -> None:
        """It came unasked, and belongs to the list from now on."""
        if self._read is not None and len(self._read.since) <= MOST_SINCE:  # with more it is not told again
            self._read.since.append(row)

    async def read(self, ask: Callable[[], Awaitable[list[T]]]) -> list[T]:
        """The list as of now, as far as this session's own orders go; a short one is always asked for."""
        async with self._lock:
            if self._read is None or not self._is_good(self._read):
                self._read = await self._anew(ask)
            found = [*self._read.rows, *self._read.since]
            if not self._is_good(self._read):
                self._read = None  # nothing more needs to be added to it
            return found

    async def _anew(self, ask: Callable[[], Awaitable[list[T]]]) -> _Read[T]:
        read = self._read = _Read[T](self._state())
        began = self._clock()
        try:
            read.rows = await ask()
        except BaseException:
            self._read = None
            raise
        if len(read.rows) >= LONG_ROWS:
            ended = self._clock()
            read.good_until = min(ended + (ended - began) * AGAIN_AFTER, began + OLDEST_S)
        return read

    def _is_good(self, read: _Read[T]) -> bool:
        return self._clock() < read.good_until and read.told == self._state() and len(read.since) <= MOST_SINCE
