"""A bounded queue for one client, in which newer updates replace a slow client's old ones."""

import asyncio
from collections import deque
from collections.abc import Callable, Hashable

from mcp_front.streams.updates import Update

MOST_WAITING = 64  # a second or two of a busy contract: what is older, a client that lags has no use for


class ConflatingQueue:
    """Updates of one stream on their way to one client.

    On overflow the oldest update with a successor of its kind is dropped (for a quote: the oldest), so that the last
    value of each figure stays.
    """

    def __init__(self, kind_of: Callable[[Update], Hashable], most: int = MOST_WAITING) -> None:
        self._kind_of = kind_of
        self._most = most
        self._waiting: deque[Update] = deque()
        self._news = asyncio.Event()
        self._closed = False

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, update: Update) -> None:
        self._waiting.append(update)
        if len(self._waiting) > self._most:
            self._give_way()
        self._news.set()

    def close(self) -> None:
        """No more will come: `take` gives what is left, then None."""
        self._closed = True
        self._news.set()

    async def take(self) -> Update | None:
        """The oldest update; waits for one. None when closed and empty."""
        while not self._waiting:
            if self._closed:
                return None
            self._news.clear()
            await self._news.wait()
        return self._waiting.popleft()

    def _give_way(self) -> None:
        kinds = [self._kind_of(each) for each in self._waiting]
        superseded = (place for place, kind in enumerate(kinds) if kind in kinds[place + 1 :])
        del self._waiting[next(superseded, 0)]
