"""Work on long answers, done on threads beside the event loop's, in the caller's turn and with rests."""

import asyncio
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar, overload

from ib_worker.pacing.caller import current_call
from ib_worker.pacing.thread_share import ThreadShare

SWITCH_S = 0.0002  # so soon the loop gets the interpreter back from the thread beside it, at each of its steps
SHORT_ROWS = 50  # are converted and encoded in a millisecond or two, and need no other thread
PIECE_S = 0.001  # of a thread's time, between two rests
FIRST_S = 0.005  # of a thread's time before its first rest, where no other works: a year of daily bars has none
REST_S = 0.003  # of one answer alone: the loop has the interpreter to itself for three quarters of the time
CALLERS_AT_ONCE = 4  # whose answers are made in turns; those of more wait

T = TypeVar("T")
R = TypeVar("R")


class RestingRows(Sequence[T]):
    """Rows for a thread beside the loop's. Reading them lets the thread rest after each piece of work.

    `rest_s` returns the seconds of a rest as of now, `first_s` those of the thread's time before the first one.
    """

    def __init__(self, rows: Sequence[T], rest_s: Callable[[], float], first_s: float = PIECE_S) -> None:
        self._rows = rows
        self._rest_s = rest_s
        self._until = time.thread_time() + first_s

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, index: int) -> T: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[T]: ...

    def __getitem__(self, index: int | slice) -> T | Sequence[T]:
        if time.thread_time() >= self._until:
            time.sleep(self._rest_s())  # without the interpreter's lock
            self._until = time.thread_time() + PIECE_S
        return self._rows[index]


class LongWork:
    """Threads beside the loop's, for what takes long. Together they work for a third of the time at most."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(CALLERS_AT_ONCE, "long answers")
        self._at_work = 0
        self._portions = ThreadShare(time.monotonic)
        sys.setswitchinterval(SWITCH_S)

    async def run(self, rows: Sequence[T], work: Callable[[Sequence[T]], R], *, fields: int = 1) -> R:
        """Return `work(rows)`; beside the loop, in the caller's turn, if the rows are many. Raises ToolError paced
        where the call has had none yet.

        `work` is pure, and reads the rows one after the other. `fields` items make one row.
        """
        if len(rows) <= SHORT_ROWS * fields:
            return work(rows)
        call = current_call()
        if not call.is_let_in:
            self._portions.require_short_wait(call.caller)
            call.is_let_in = True
        async with self._portions.turn(call.caller):
            self._at_work += 1
            try:
                loop = asyncio.get_running_loop()
                first_s = FIRST_S if self._at_work == 1 else PIECE_S
                made = partial(_timed, work, rows, self._rest_s, first_s)
                result, took_s = await loop.run_in_executor(self._threads, made)
            finally:
                self._at_work -= 1
            self._portions.had(call.caller, took_s)
        return result

    async def each(self, rows: Sequence[T], convert: Callable[[T], R]) -> list[R]:
        return await self.run(rows, lambda rows: [convert(each) for each in rows])

    def _rest_s(self) -> float:
        """Return the rest of one thread: with others at work each works less, so that the loop keeps its part."""
        return REST_S * min(max(self._at_work, 1), CALLERS_AT_ONCE)

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


def _timed(
    work: Callable[[Sequence[T]], R], rows: Sequence[T], rest_s: Callable[[], float], first_s: float
) -> tuple[R, float]:
    """Return the result and the seconds of thread time."""
    began = time.thread_time()
    return work(RestingRows(rows, rest_s, first_s)), time.thread_time() - began
