"""Searches TWS's symbols and names, at the pace that TWS allows, and remembers what it found. Used by the handler."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import ib_async

from bridge.fair_queue import RoundRobinQueue, Turn
from bridge.tool import ToolError
from ib_worker.pacing.caller import current_caller
from ib_worker.pacing.single_flight import SingleFlight

APART_S = 1.0  # TWS allows one reqMatchingSymbols a second. Source: IBKR's page on stock contract search
LONGEST_WAIT_S = 8.0  # a tool has 15 seconds
KEPT_S = 3600.0  # what is listed changes by the day
KEPT = 500

Descriptions = list[ib_async.ContractDescription]
Ask = Callable[[str], Coroutine[Any, Any, Descriptions]]


class SymbolSearch:
    """Equal searches at the same time are one, and a repeat within the hour costs TWS nothing. Callers take turns."""

    def __init__(self, ask: Ask, clock: Callable[[], float]) -> None:
        self._ask = ask
        self._clock = clock
        self._known: dict[str, tuple[float, Descriptions]] = {}
        self._flights = SingleFlight()
        self._next = float("-inf")  # when the next request may go out
        self._waiting: RoundRobinQueue[Turn] = RoundRobinQueue()
        self._timer: asyncio.TimerHandle | None = None

    async def matching(self, pattern: str) -> tuple[Descriptions, float]:
        """Return what matches, and its age in seconds. Raises ToolError paced, RequestRefused, or ConnectionLost."""
        wanted = " ".join(pattern.upper().split())
        known = self._kept(wanted)
        if known is None:  # of each caller one: another's may wait behind a hundred
            known = await self._flights.share((wanted, current_caller()), lambda: self._in_turn(wanted))
        return known[1], max(self._clock() - known[0], 0.0)

    async def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        await self._flights.close()

    def _kept(self, wanted: str) -> tuple[float, Descriptions] | None:
        known = self._known.get(wanted)
        return None if known is None or self._clock() - known[0] > KEPT_S else known

    async def _in_turn(self, wanted: str) -> tuple[float, Descriptions]:
        await self._turn()
        known = self._kept(wanted)
        if known is None:
            return await self._flights.share(wanted, lambda: self._asked(wanted))
        self._next = self._clock()  # another has asked meanwhile: the turn is the next one's
        self._serve()
        return known

    async def _turn(self) -> None:
        """Wait until the current caller may send one request. Raises ToolError paced."""
        caller, now = current_caller(), self._clock()
        if not self._waiting and self._next <= now:
            self._next = now + APART_S
            return
        self._refuse_long(max(self._next - now, 0.0) + self._waiting.before(caller) * APART_S)
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.add(caller, turn)
        self._serve()
        try:
            await turn
        except asyncio.CancelledError:
            self._waiting.remove(caller, turn)
            raise

    def _refuse_long(self, wait_s: float) -> None:
        if wait_s > LONGEST_WAIT_S:
            raise ToolError(
                "paced",
                f"Too many searches wait for TWS (limit: one per second). Retry in {wait_s:.0f} seconds.",
                retry_after_s=round(wait_s, 1),
            )

    def _serve(self) -> None:
        """Give the turn that is due, then schedule itself for the next."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._waiting and self._next <= self._clock():
            turn = self._waiting.take()
            if not turn.done():  # else cancelled in this very moment
                self._next = self._clock() + APART_S
                turn.set_result(None)
        if self._waiting:
            self._timer = asyncio.get_running_loop().call_later(self._next - self._clock(), self._serve)

    async def _asked(self, wanted: str) -> tuple[float, Descriptions]:
        self._next = max(self._next, self._clock() + APART_S)  # a busy loop may have come to this turn late
        found = await self._ask(wanted)
        told = self._clock(), found
        self._known.pop(wanted, None)
        if found:  # nothing may be an answer of servers that are down
            self._known[wanted] = told
        while len(self._known) > KEPT:
            del self._known[next(iter(self._known))]
        return told
