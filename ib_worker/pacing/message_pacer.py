"""The one budget of messages to TWS that all clients share: lanes with priority, and callers in rotation in each."""

import asyncio
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum

from bridge.fair_queue import RoundRobinQueue, Turn
from bridge.tool import ToolError
from ib_worker.pacing.caller import SESSION, current_caller

PER_S = 50  # messages that TWS allows in any second, over everything
STEADY = 0.7  # of them go out steadily
AT_ONCE = 0.4  # after a quiet moment: sixteen reads, so that 40 options of an unknown underlying take 0.8 seconds
WINDOW_S = 1.14  # in which no more go out than TWS allows in a second: a network may stall and deliver them together
KEPT_FOR_ORDERS = 0.2  # of the burst: an order never waits behind reads, and orders go first when all must wait
LONGEST_WAIT_S = 10.0  # whoever would wait longer is told so at once: few wait for an answer for more than 15 seconds


class Priority(IntEnum):
    """The lane of a message: lower lanes go first when messages must wait."""

    CANCELS = 0  # they reduce risk: no flood of orders holds them up
    ORDERS = 1
    READS = 2
    BULK = 3  # history


@dataclass
class Bucket:
    """A token bucket. Pure: the caller passes the time."""

    rate: float
    size: float
    at: float = 0.0  # when it was full
    tokens: float = field(init=False)

    def __post_init__(self) -> None:
        self.tokens = self.size

    def wait(self, now: float, leave: float = 0.0) -> float:
        """Return the seconds until a token can be taken that leaves `leave` behind; 0 for now."""
        self.tokens = min(self.size, self.tokens + max(now - self.at, 0.0) * self.rate)
        self.at = max(now, self.at)
        return max(0.0, (1.0 + leave - self.tokens) / self.rate)

    def take(self) -> None:
        self.tokens -= 1.0


class Window:
    """The messages of the last seconds, of which there are at most `limit`. Pure: the caller passes the time."""

    def __init__(self, limit: int, seconds: float) -> None:
        self._limit = limit
        self._seconds = seconds
        self._sent: deque[float] = deque(maxlen=limit)

    def wait(self, now: float, leave: float = 0.0) -> float:
        """Return the seconds until a message can go out that leaves room for `leave` more; 0 for now."""
        most = max(self._limit - int(leave), 1)
        return max(0.0, self._sent[-most] + self._seconds - now) if len(self._sent) >= most else 0.0

    def take(self, now: float) -> None:
        self._sent.append(now)

    def give_back(self) -> None:
        self._sent.pop()


class MessagePacer:
    """Grants turns to send one message each: in the first lane with a waiting caller, to the least recently served."""

    def __init__(self, clock: Callable[[], float], per_s: int = PER_S) -> None:
        self._clock = clock
        self.per_s = per_s
        self.sent: Counter[Priority] = Counter()  # messages of each lane, so far
        self._bucket = Bucket(per_s * STEADY, per_s * AT_ONCE, clock())
        self._window = Window(per_s, WINDOW_S)
        self._kept = self._bucket.size * KEPT_FOR_ORDERS
        self._waiting: dict[Priority, RoundRobinQueue[Turn]] = {lane: RoundRobinQueue() for lane in Priority}
        self._timer: asyncio.TimerHandle | None = None

    async def wait_turn(self, lane: Priority) -> None:
        """Return when a message of this lane may be sent. A cancelled wait gives its place up.

        Raises ToolError paced where the wait would be too long; never for orders and the session's own work.
        """
        if not any(self._waiting[each] for each in Priority if each <= lane) and self._granted(lane):
            return
        caller = current_caller()
        if lane > Priority.ORDERS and caller != SESSION:
            self._refuse_long(lane, caller)
        mine: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[lane].add(caller, mine)
        self._serve()
        try:
            await mine
        except asyncio.CancelledError:
            self._waiting[lane].remove(caller, mine)
            raise

    def post(self, lane: Priority, send: Callable[[], None]) -> None:
        """Call `send` at the session's next turn, for a message that nobody waits for, such as the cancel of a request
        that was given up."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        turn.add_done_callback(lambda _: send())
        self._waiting[lane].add(SESSION, turn)
        self._serve()

    def waiting(self, lane: Priority) -> int:
        return len(self._waiting[lane])

    def wait_s(self, lane: Priority, caller: str) -> float:
        """Return the seconds that a new message of this caller would wait if no order comes between."""
        before = sum(len(self._waiting[each]) for each in Priority if each < lane) + self._waiting[lane].before(caller)
        return before / self._bucket.rate + self._wait(lane)

    def _refuse_long(self, lane: Priority, caller: str) -> None:
        wait_s = self.wait_s(lane, caller)
        if wait_s > LONGEST_WAIT_S:
            raise ToolError(
                "paced",
                f"Too many requests wait for TWS (limit: {self.per_s} messages per second). Retry in {wait_s:.0f} "
                "seconds, and request less at once.",
                retry_after_s=round(wait_s, 1),
            )

    def _granted(self, lane: Priority) -> bool:
        if self._wait(lane) > 0:
            return False
        self._bucket.take()
        self._window.take(self._clock())
        self.sent[lane] += 1
        return True

    def _wait(self, lane: Priority) -> float:
        now, left = self._clock(), self._left_by(lane)
        token_s, room_s = self._bucket.wait(now, left), self._window.wait(now, left)
        if room_s > 0:  # a full window must not be followed by a second burst
            self._bucket.tokens = min(self._bucket.tokens, 1.0 + left)
        return max(token_s, room_s)

    def _serve(self) -> None:
        """Grant the turns that are due, then schedule itself for the next token."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for lane in Priority:
            while self._waiting[lane] and self._granted(lane):
                turn = self._waiting[lane].take()
                if turn.done():  # cancelled in this very moment: its token goes to the next
                    self._bucket.tokens += 1.0
                    self._window.give_back()
                    self.sent[lane] -= 1
                else:
                    turn.set_result(None)
            if self._waiting[lane]:
                self._timer = asyncio.get_running_loop().call_later(self._wait(lane), self._serve)
                return

    def _left_by(self, lane: Priority) -> float:
        return 0.0 if lane <= Priority.ORDERS else self._kept
