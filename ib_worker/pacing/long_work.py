"""Work on long answers, done on threads beside the event loop's, in the caller's turn and with rests."""

import asyncio
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Generic, TypeVar, overload

from ib_worker.pacing.caller import SESSION, current_call
from ib_worker.pacing.thread_share import ThreadShare

SWITCH_S = 0.0002  # so soon the loop gets the interpreter back from the thread beside it, at each of its steps
SHORT_ROWS = 50  # are converted and encoded in a millisecond or two, and need no other thread
PIECE_S = 0.001  # of a thread's time, between two rests
FIRST_S = 0.005  # of a thread's time before its first rest, where no other works: a year of daily bars has none
REST_S = 0.003  # of one answer alone: the loop has the interpreter to itself for three quarters of the time
CALLERS_AT_ONCE = 4  # whose answers are made in turns; those of more wait

T = TypeVar("T")
R = TypeVar("R")


class GivenUp(Exception):
    """Nobody waits for this work any longer."""


class RestingRows(Sequence[T]):
    """Rows for a thread beside the loop's. Reading them lets the thread rest after each piece of work.

    `rest_s` returns the seconds of a rest as of now, or raises GivenUp; `first_s` are those of the thread's time before
    the first one.
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
            call.is_let_in = call.caller != SESSION
        async with self._portions.turn(call.caller):
            self._at_work += 1
            job = _Job(work, rows, self._rest_s, FIRST_S if self._at_work == 1 else PIECE_S)
            try:
                return await self._done(job)
            finally:
                self._at_work -= 1
                self._portions.had(call.caller, job.took_s)

    async def _done(self, job: "_Job[T, R]") -> R:
        """Do a job on a thread. Where its caller goes, it is ended first: the thread is the caller's until then."""
        submitted = self._threads.submit(job)
        result = asyncio.wrap_future(submitted)
        try:
            await asyncio.wait([result])
        except asyncio.CancelledError:
            job.is_given_up = True
            submitted.cancel()  # where no thread has begun it
            while not result.done():
                with suppress(asyncio.CancelledError):
                    await asyncio.wait([result])
            if not result.cancelled():
                result.exception()  # GivenUp, which nobody needs to fetch
            raise
        return result.result()

    async def each(self, rows: Sequence[T], convert: Callable[[T], R]) -> list[R]:
        return await self.run(rows, lambda rows: [convert(each) for each in rows])

    def _rest_s(self) -> float:
        """Return the rest of one thread: with others at work each works less, so that the loop keeps its part."""
        return REST_S * min(max(self._at_work, 1), CALLERS_AT_ONCE)

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


class _Job(Generic[T, R]):
    """One piece of work, and the seconds of thread time that it took."""

    def __init__(
        self, work: Callable[[Sequence[T]], R], rows: Sequence[T], rest_s: Callable[[], float], first_s: float
    ) -> None:
        self._work = work
        self._rows = rows
        self._rest_s = rest_s
        self._first_s = first_s
        self.took_s = 0.0
        self.is_given_up = False

    def __call__(self) -> R:
        began = time.thread_time()
        try:
            return self._work(RestingRows(self._rows, self._rest, self._first_s))
        finally:
            self.took_s = time.thread_time() - began

    def _rest(self) -> float:
        if self.is_given_up:
            raise GivenUp
        return self._rest_s()
