"""Keeps all clients' historical requests inside TWS's limits, and reserves a share of the limits for each client."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Coroutine, Hashable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from bridge.tool import ToolError
from ib_worker.pacing.caller import current_caller, max_share
from ib_worker.pacing.single_flight import SingleFlight

HISTORY_WINDOW_S = 600.0
HISTORY_IN_WINDOW = 58  # TWS allows 60
HISTORY_OPEN = 20  # at once; TWS allows 50, and slows down long before
SAME_CONTRACT_WINDOW_S = 2.0
SAME_CONTRACT_IN_WINDOW = 5  # TWS refuses the sixth for the same contract, exchange and tick type
IDENTICAL_S = 15.0  # TWS refuses the identical request again within this time

T = TypeVar("T")


@dataclass(frozen=True)
class HistoryRequest:
    """The fields by which TWS considers two requests for historical data the same."""

    contract: Hashable
    whatToShow: str
    rest: Hashable

    @property
    def weight(self) -> int:
        return 2 if self.whatToShow == "BID_ASK" else 1

    @property
    def series(self) -> Hashable:
        """Return the series: TWS accepts five requests of one series in two seconds."""
        return self.contract, self.whatToShow


@dataclass(eq=False)
class _SentRequest:
    """One request that TWS counts. `at` is not earlier than its arrival at TWS, as the windows need it."""

    at: float
    request: HistoryRequest
    caller: str


class HistoryPacer(Generic[T]):
    """Keeps historical requests inside TWS's limits: repeats are answered from a cache, others wait or are rejected."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._sent: list[_SentRequest] = []
        self._answers: dict[HistoryRequest, tuple[float, T]] = {}
        self._flights = SingleFlight()
        self._open = asyncio.Semaphore(HISTORY_OPEN)
        self._open_of: defaultdict[str, asyncio.Semaphore] = defaultdict(
            lambda: asyncio.Semaphore(max_share(HISTORY_OPEN))
        )

    async def answer(self, request: HistoryRequest, deadline: float, ask: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Return the answer to `request`: of an identical request in progress or just answered, else of `ask`."""
        self._forget_old()
        if request in self._answers:
            return self._answers[request][1]
        return await self._flights.share(request, lambda: self._asked(request, deadline, ask))

    async def close(self) -> None:
        await self._flights.close()

    async def _asked(self, request: HistoryRequest, deadline: float, ask: Callable[[], Coroutine[Any, Any, T]]) -> T:
        self._refuse_late(request, deadline)  # before it takes a place, which others may be waiting for
        async with self._open_of[current_caller()], self._open:
            while (wait_s := self.wait(request)) > 0:
                self._refuse_late(request, deadline)
                await asyncio.sleep(wait_s)
            sent = _SentRequest(self._clock(), request, current_caller())
            self._sent.append(sent)
            try:
                found = await ask()
            finally:
                sent.at = self._clock()
        self._answers[request] = (self._clock(), found)
        return found

    def _refuse_late(self, request: HistoryRequest, deadline: float) -> None:
        wait_s = self.wait(request)
        if self._clock() + wait_s >= deadline:
            raise ToolError(
                "paced",
                "Too many requests for historical data (limit: 60 in 10 minutes at TWS, "
                f"{max_share(HISTORY_IN_WINDOW)} of them for one client). Retry in {wait_s:.0f} seconds.",
                retry_after_s=round(wait_s, 1),
            )

    def wait(self, request: HistoryRequest) -> float:
        """Return the seconds until TWS allows the request and the current caller's share of the window has room."""
        now, caller, weight = self._clock(), current_caller(), request.weight
        sent = sorted(self._sent, key=lambda each: each.at)
        all_weights = [(each.at, each.request.weight) for each in sent]
        own = [(each.at, each.request.weight) for each in sent if each.caller == caller]
        near = [(each.at, 1) for each in sent if each.request.series == request.series]
        same = [(each.at, 1) for each in sent if each.request == request]  # else it is answered from here
        return max(
            _until_room(all_weights, weight, HISTORY_IN_WINDOW, HISTORY_WINDOW_S, now),
            _until_room(own, weight, max_share(HISTORY_IN_WINDOW), HISTORY_WINDOW_S, now),
            _until_room(near, 1, SAME_CONTRACT_IN_WINDOW, SAME_CONTRACT_WINDOW_S, now),
            _until_room(same, 1, 1, IDENTICAL_S, now),
        )

    def _forget_old(self) -> None:
        now = self._clock()
        self._sent = [each for each in self._sent if now - each.at < HISTORY_WINDOW_S]
        for request in [each for each, (at, _) in self._answers.items() if now - at >= IDENTICAL_S]:
            del self._answers[request]


def _until_room(spent: list[tuple[float, int]], weight: int, most: int, window_s: float, now: float) -> float:
    """Return the seconds until `weight` fits beside the spent weights of the window. `spent` is oldest first."""
    recent = [(at, each) for at, each in spent if now - at < window_s]
    over = sum(each for _, each in recent) + weight - most
    for at, each in recent:
        if over <= 0:
            return 0.0
        over -= each
        if over <= 0:
            return window_s - (now - at)
    return 0.0
