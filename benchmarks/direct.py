"""The same questions asked of the gateway by ib_async itself, without MCP, Redis and worker."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import ib_async

FIRST_CLIENT_ID = 500
AAPL = ib_async.Stock("AAPL", "SMART", "USD")

Ask = Callable[[ib_async.IB], Awaitable[Any]]

QUESTIONS: dict[str, Ask] = {
    "ib_async reqPositions": lambda ib: ib.reqPositionsAsync(),
    "ib_async reqContractDetails": lambda ib: ib.reqContractDetailsAsync(AAPL),
}


class Direct:
    """Connections to the gateway, each with a client id of its own."""

    def __init__(self, port: int, count: int) -> None:
        self._port = port
        self._ibs = [ib_async.IB() for _ in range(count)]

    async def __aenter__(self) -> "Direct":
        for number, ib in enumerate(self._ibs):
            await ib.connectAsync(
                "127.0.0.1", self._port, clientId=FIRST_CLIENT_ID + number, fetchFields=ib_async.StartupFetch(0)
            )
            ib.client.MaxRequests = 0  # its own throttle, which would be all that is measured
        return self

    async def __aexit__(self, *_: object) -> None:
        for ib in self._ibs:
            ib.disconnect()

    async def burst(self, ask: Ask, calls: int) -> list[float]:
        """One question at a time on each connection: of two equal ones on the same, ib_async loses the first."""

        async def share(ib: ib_async.IB) -> list[float]:
            return [await _timed(ask(ib)) for _ in range(calls // len(self._ibs))]

        return [each for times in await asyncio.gather(*map(share, self._ibs)) for each in times]


async def _timed(answer: Awaitable[Any]) -> float:
    began = time.perf_counter()
    await answer
    return time.perf_counter() - began
