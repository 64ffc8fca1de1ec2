"""The one budget of messages to TWS that all clients share: lanes with priority, and the rules for historical data."""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Coroutine, Hashable
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, Generic, TypeVar

from bridge.tool import ToolError
from ib_worker.flights import Flights

PER_S = 40.0  # TWS allows 50 messages in any second, over everything
BURST = 10.0  # at once; with what refills meanwhile no second has more than 50
KEPT_FOR_ORDERS = 4.0  # of the burst: an order never waits behind reads, and orders go first when all must wait
HISTORY_WINDOW_S = 600.0
HISTORY_IN_WINDOW = 58  # TWS allows 60
HISTORY_OPEN = 20  # at once; TWS allows 50, and slows down long before
SAME_CONTRACT_WINDOW_S = 2.0
SAME_CONTRACT_IN_WINDOW = 5  # TWS refuses the sixth for the same contract, exchange and tick type
IDENTICAL_S = 15.0  # TWS refuses the identical request again within this time

T = TypeVar("T")


class Lane(IntEnum):
    """Who goes first when messages must wait."""

    ORDERS = 0
    READS = 1
    BULK = 2  # history


@dataclass
class Bucket:
    """Tokens that refill steadily. Pure: the caller says what time it is."""

    rate: float
    size: float
    at: float = 0.0  # when it was full
    tokens: float = field(init=False)

    def __post_init__(self) -> None:
        self.tokens = self.size

    def wait(self, now: float, leave: float = 0.0) -> float:
        """Seconds until a token can be taken that leaves `leave` behind; 0 for now."""
        self.tokens = min(self.size, self.tokens + max(now - self.at, 0.0) * self.rate)
        self.at = max(now, self.at)
        return max(0.0, (1.0 + leave - self.tokens) / self.rate)

    def take(self) -> None:
        self.tokens -= 1.0


class Pacer:
    """Hands out turns to send one message each, to the first lane that has somebody waiting."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._bucket = Bucket(PER_S, BURST, clock())
        self._waiting: dict[Lane, deque[asyncio.Future[None]]] = {lane: deque() for lane in Lane}
        self._timer: asyncio.TimerHandle | None = None

    async def turn(self, lane: Lane) -> None:
        """Return when a message of this lane may be sent. Cancelling gives the place up."""
        if not any(self._waiting[each] for each in Lane if each <= lane) and self._granted(lane):
            return
        mine: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[lane].append(mine)
        self._serve()
        try:
            await mine
        except asyncio.CancelledError:
            with contextlib.suppress(ValueError):
                self._waiting[lane].remove(mine)
            raise

    def spend(self) -> None:
        """Account for a message that could not wait, such as the cancel of a request that was given up."""
        self._bucket.take()

    def waiting(self, lane: Lane) -> int:
        return len(self._waiting[lane])

    def _granted(self, lane: Lane) -> bool:
        if self._bucket.wait(self._clock(), _left_by(lane)) > 0:
            return False
        self._bucket.take()
        return True

    def _serve(self) -> None:
        """Grant what can be granted, then come back when the next token is due."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for lane in Lane:
            while self._waiting[lane] and self._granted(lane):
                turn = self._waiting[lane].popleft()
                if turn.done():  # cancelled in this very moment: its token goes to the next
                    self._bucket.tokens += 1.0
                else:
                    turn.set_result(None)
            if self._waiting[lane]:
                delay = self._bucket.wait(self._clock(), _left_by(lane))
                self._timer = asyncio.get_running_loop().call_later(delay, self._serve)
                return


def _left_by(lane: Lane) -> float:
    return 0.0 if lane is Lane.ORDERS else KEPT_FOR_ORDERS


@dataclass(frozen=True)
class HistoryRequest:
    """What makes two requests for historical data the same to TWS."""

    contract: Hashable
    whatToShow: str
    rest: Hashable

    @property
    def weight(self) -> int:
        return 2 if self.whatToShow == "BID_ASK" else 1


class HistoryPacer(Generic[T]):
    """Keeps historical requests inside TWS's limits: repeats are answered from here, the rest waits or is refused."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._sent: deque[tuple[float, HistoryRequest]] = deque()
        self._answers: dict[HistoryRequest, tuple[float, T]] = {}
        self._flights = Flights()
        self._open = asyncio.Semaphore(HISTORY_OPEN)

    async def answer(self, request: HistoryRequest, deadline: float, ask: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """The answer to `request`: of an identical one that is under way or just answered, else of `ask`."""
        self._forget_old()
        if request in self._answers:
            return self._answers[request][1]
        return await self._flights.share(request, lambda: self._asked(request, deadline, ask))

    async def close(self) -> None:
        await self._flights.close()

    async def _asked(self, request: HistoryRequest, deadline: float, ask: Callable[[], Coroutine[Any, Any, T]]) -> T:
        async with self._open:
            await self._allowed(request, deadline)
            found = await ask()
        self._answers[request] = (self._clock(), found)
        return found

    async def _allowed(self, request: HistoryRequest, deadline: float) -> None:
        """Wait for a place in TWS's windows, or refuse when it comes too late for the caller."""
        while (wait_s := self.wait(request)) > 0:
            if self._clock() + wait_s >= deadline:
                raise ToolError(
                    "paced",
                    f"TWS limits historical data to 60 requests in ten minutes. Ask again in {wait_s:.0f} seconds.",
                    retry_after_s=round(wait_s, 1),
                )
            await asyncio.sleep(wait_s)
        self._sent.append((self._clock(), request))

    def wait(self, request: HistoryRequest) -> float:
        """Seconds until TWS allows the request."""
        now = self._clock()
        spent = [(at, each.weight) for at, each in self._sent]
        near = [
            (at, 1)
            for at, each in self._sent
            if (each.contract, each.whatToShow) == (request.contract, request.whatToShow)
        ]
        return max(
            _until_room(spent, request.weight, HISTORY_IN_WINDOW, HISTORY_WINDOW_S, now),
            _until_room(near, 1, SAME_CONTRACT_IN_WINDOW, SAME_CONTRACT_WINDOW_S, now),
        )

    def _forget_old(self) -> None:
        now = self._clock()
        while self._sent and now - self._sent[0][0] >= HISTORY_WINDOW_S:
            self._sent.popleft()
        for request in [each for each, (at, _) in self._answers.items() if now - at >= IDENTICAL_S]:
            del self._answers[request]


def _until_room(spent: list[tuple[float, int]], weight: int, most: int, window_s: float, now: float) -> float:
    """Seconds until `weight` fits beside what was spent within the window. `spent` is oldest first."""
    recent = [(at, each) for at, each in spent if now - at < window_s]
    over = sum(each for _, each in recent) + weight - most
    for at, each in recent:
        if over <= 0:
            return 0.0
        over -= each
        if over <= 0:
            return window_s - (now - at)
    return 0.0
