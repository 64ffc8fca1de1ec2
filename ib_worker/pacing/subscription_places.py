"""Places for subscriptions of one kind, of which TWS has only so many open at once."""

import asyncio

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
        self._free = asyncio.Semaphore(most)

    async def close(self) -> None:
        await self.flights.close()

    async def take(self) -> None:
        """Wait for a place. Raises ToolError line_limit after some seconds."""
        try:
            async with asyncio.timeout(PLACE_S):
                await self._free.acquire()
        except TimeoutError:
            raise ToolError(
                "line_limit", f"All {self._most} {self._kind} are in use. Retry in a few seconds."
            ) from None

    def give_back(self) -> None:
        self._free.release()
