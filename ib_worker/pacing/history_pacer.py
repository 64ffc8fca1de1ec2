"""Keeps all clients' historical requests inside TWS's limits, and reserves a share of the limits for each client."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Coroutine, Hashable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from math import gcd
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
BAR_END_S = 900  # markets open and close, and bars of an hour and longer end, on a quarter of an hour in every zone

T = TypeVar("T")


@dataclass(frozen=True)
class HistoryRequest:
    """The fields by which TWS considers two requests for historical data the same."""

    contract: Hashable
    whatToShow: str
    rest: Hashable
    bar_s: int  # of one bar

    @property
    def bar_end_s(self) -> int:
        """Return the seconds whose multiples, counted from the epoch, include the end of each bar."""
        return gcd(self.bar_s, BAR_END_S)

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


@dataclass(frozen=True)
class _Answer(Generic[T]):
    """An answer that may be told again: until `bar` ends, and while it would come from the same `source`."""

    at: float
    bar: int
    source: Hashable
    told: T


class _OpenRequests:
    """One caller's requests in progress, and those that wait for a place."""

    def __init__(self) -> None:
        self.number = 0
        self.places = asyncio.Semaphore(max_share(HISTORY_OPEN))


class HistoryPacer(Generic[T]):
    """Keeps historical requests inside TWS's limits: repeats are answered from a cache, others wait or are rejected.

    `market_time` is in seconds since the epoch, by the gateway's clock; `source` changes when the same question may
    have another answer, as after a new connection. An answer is told again only while TWS would refuse the repeat.
    """

    def __init__(
        self, clock: Callable[[], float], market_time: Callable[[], float], source: Callable[[], Hashable]
    ) -> None:
        self._clock = clock
        self._market_time = market_time
        self._source = source
        self._sent: list[_SentRequest] = []
        self._answers: dict[HistoryRequest, _Answer[T]] = {}
        self._flights = SingleFlight()
        self._open = asyncio.Semaphore(HISTORY_OPEN)
        self._open_of: defaultdict[str, _OpenRequests] = defaultdict(_OpenRequests)

    def __len__(self) -> int:
        """Return how many answers are held."""
        return len(self._answers)

    async def answer(self, request: HistoryRequest, deadline: float, ask: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Return the answer to `request`: of an identical request in progress or just answered, else of `ask`."""
        self._forget_old()
        if (kept := self._kept(request)) is not None:
            return kept.told
        flight = (request, self._bar(request), self._source())  # who asks after a bar's end wants that bar, too
        return await self._flights.share(flight, lambda: self._asked(request, deadline, ask))

    def take_turn(self, request: HistoryRequest) -> float:
        """Count a request that is sent now and whose answer is not kept, and return 0; or return the seconds until TWS
        allows it."""
        self._forget_old()
        wait_s = self.wait(request)
        if wait_s <= 0:
            self._sent.append(_SentRequest(self._clock(), request, current_caller()))
        return wait_s

    def spent(self) -> int:
        """Return how much of HISTORY_IN_WINDOW is used now, for all callers."""
        now = self._clock()
        return sum(each.request.weight for each in self._sent if now - each.at < HISTORY_WINDOW_S)

    async def close(self) -> None:
        await self._flights.close()

    async def _asked(self, request: HistoryRequest, deadline: float, ask: Callable[[], Coroutine[Any, Any, T]]) -> T:
        self._refuse_late(request, deadline)  # before it takes a place, which others may be waiting for
        async with self._place(current_caller()), self._open:
            while (wait_s := self.wait(request)) > 0:
                if (kept := self._kept(request)) is not None:  # of a request that began before, and was sent late
                    return kept.told
                self._refuse_late(request, deadline)
                await asyncio.sleep(wait_s)
            return await self._sent_now(request, ask)

    @asynccontextmanager
    async def _place(self, caller: str) -> AsyncIterator[None]:
        """Hold one of the caller's places. A caller is forgotten once none of its requests has one or waits for one."""
        own = self._open_of[caller]
        own.number += 1
        try:
            async with own.places:
                yield
        finally:
            own.number -= 1
            if not own.number:
                del self._open_of[caller]

    async def _sent_now(self, request: HistoryRequest, ask: Callable[[], Coroutine[Any, Any, T]]) -> T:
        bar, source = self._bar(request), self._source()  # an answer has at least the bars of when it was asked for
        sent = _SentRequest(self._clock(), request, current_caller())
        self._sent.append(sent)
        try:
            told = await ask()
        finally:
            sent.at = self._clock()
        self._answers[request] = _Answer(sent.at, bar, source, told)
        asyncio.get_running_loop().call_later(IDENTICAL_S, self._forget_old)
        return told

    def _kept(self, request: HistoryRequest) -> _Answer[T] | None:
        kept = self._answers.get(request)
        fits = kept is not None and (kept.bar, kept.source) == (self._bar(request), self._source())
        return kept if fits else None

    def _bar(self, request: HistoryRequest) -> int:
        """Return which bar it is, counted from the epoch, that is in progress."""
        return int(self._market_time() // request.bar_end_s)

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
        for request in [each for each, kept in self._answers.items() if now - kept.at >= IDENTICAL_S]:
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
