"""Searches TWS's symbols and names, at the pace that TWS allows, and remembers what it found. Used by the handler."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import ib_async

from bridge.tool import ToolError
from ib_worker.pacing.single_flight import SingleFlight

APART_S = 1.0  # TWS allows one reqMatchingSymbols a second. Source: IBKR's page on stock contract search
LONGEST_WAIT_S = 8.0  # a tool has 15 seconds
KEPT_S = 3600.0  # what is listed changes by the day
KEPT = 500

Descriptions = list[ib_async.ContractDescription]
Ask = Callable[[str], Coroutine[Any, Any, Descriptions]]


class SymbolSearch:
    """Equal searches at the same time are one, and a repeat within the hour costs TWS nothing."""

    def __init__(self, ask: Ask, clock: Callable[[], float]) -> None:
        self._ask = ask
        self._clock = clock
        self._known: dict[str, tuple[float, Descriptions]] = {}
        self._flights = SingleFlight()
        self._next = float("-inf")  # when the next request may go out

    async def matching(self, pattern: str) -> tuple[Descriptions, float]:
        """Return what matches, and its age in seconds. Raises ToolError paced, RequestRefused, or ConnectionLost."""
        wanted = " ".join(pattern.upper().split())
        known = self._known.get(wanted)
        if known is None or self._clock() - known[0] > KEPT_S:
            known = await self._flights.share(wanted, lambda: self._asked(wanted))
        return known[1], max(self._clock() - known[0], 0.0)

    async def close(self) -> None:
        await self._flights.close()

    async def _asked(self, wanted: str) -> tuple[float, Descriptions]:
        now = self._clock()
        turn = max(self._next, now)
        if turn - now > LONGEST_WAIT_S:
            raise ToolError(
                "paced",
                f"Too many searches wait for TWS (limit: one per second). Retry in {turn - now:.0f} seconds.",
                retry_after_s=round(turn - now, 1),
            )
        self._next = turn + APART_S
        await asyncio.sleep(turn - now)
        found = await self._ask(wanted)
        told = self._clock(), found
        self._known.pop(wanted, None)
        if found:  # nothing may be an answer of servers that are down
            self._known[wanted] = told
        while len(self._known) > KEPT:
            del self._known[next(iter(self._known))]
        return told
