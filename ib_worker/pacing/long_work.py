"""Work on long answers, done on a thread beside the event loop's, in the caller's turn."""

import asyncio
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from ib_worker.pacing.caller import current_caller
from ib_worker.pacing.thread_share import ThreadShare

SWITCH_S = 0.0005  # so soon the loop gets the interpreter back from the thread beside it, at each of its steps
SHORT_ROWS = 50  # are converted and encoded in a millisecond or two, and need no other thread

T = TypeVar("T")
R = TypeVar("R")


class LongWork:
    """One thread beside the loop's, for what takes long: more of them would only compete."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "long answers")
        self._portions = ThreadShare(time.monotonic)
        sys.setswitchinterval(SWITCH_S)

    async def run(self, rows: Sequence[T], work: Callable[[Sequence[T]], R]) -> R:
        """`work(rows)`, which is pure; beside the loop, in the caller's turn, if the rows are many. Raises ToolError
        paced."""
        if len(rows) <= SHORT_ROWS:
            return work(rows)
        caller = current_caller()
        async with self._portions.turn(caller):
            result, took_s = await asyncio.get_running_loop().run_in_executor(self._thread, _timed, work, rows)
            self._portions.had(caller, took_s)
        return result

    async def each(self, rows: Sequence[T], convert: Callable[[T], R]) -> list[R]:
        return await self.run(rows, lambda rows: [convert(each) for each in rows])

    def close(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)


def _timed(work: Callable[[Sequence[T]], R], rows: Sequence[T]) -> tuple[R, float]:
    """Return the result and the seconds of thread time."""
    began = time.thread_time()
    return work(rows), time.thread_time() - began
