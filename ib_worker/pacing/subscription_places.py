"""Places for subscriptions of one kind, of which TWS has only so many open at once."""

import asyncio
from collections import deque

from bridge.tool import ToolError
from ib_worker.pacing.single_flight import SingleFlight

PLACE_S = 8.0  # for a place: less than a caller's own deadline


class SubscriptionPlaces:
    """A place is free again when the cancel of its subscription is sent, since TWS counts the subscription until
    then. `flights` shares one subscription among equal requests."""

    def __init__(self, most: int, kind: str) -> None:
        """`kind`: the plural that an error names, such as "market-depth subscriptions"."""
        self.flights = SingleFlight()
        self._most = most
        self._kind = kind
        self._taken = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def close(self) -> None:
        await self.flights.close()

    def take_now(self) -> None:
        """Take a place. Raises ToolError line_limit where none is free."""
        if self._taken >= self._most:
            raise self._full()
        self._taken += 1

    async def take(self) -> None:
        """Wait for a place. Raises ToolError line_limit after some seconds."""
        if self._taken < self._most:
            self._taken += 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            async with asyncio.timeout(PLACE_S):
                await turn
        except BaseException as problem:
            if turn.done() and not turn.cancelled():  # the place came in the very moment
                self.give_back()
            if isinstance(problem, TimeoutError):
                raise self._full() from None
            raise

    def give_back(self) -> None:
        """Hand the place to whoever waits longest."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._taken -= 1

    def _full(self) -> ToolError:
        return ToolError("line_limit", f"All {self._most} {self._kind} are in use. Retry in a few seconds.")
