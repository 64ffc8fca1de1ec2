"""The time that each step of an event loop takes of its thread: everybody else waits for it."""

import asyncio
import gc
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

STEP_BAR_S = 0.020  # of thread time, that no step of a service may exceed


@dataclass
class Steps:
    """The longest step so far, and what it ran."""

    longest_s: float = 0.0
    what: str = ""
    over: list[tuple[float, str]] = field(default_factory=list)  # each step that was over the bar

    def clear(self) -> None:
        self.longest_s, self.what, self.over = 0.0, "", []

    def add(self, taken_s: float, handle: asyncio.Handle) -> None:
        if taken_s > self.longest_s:
            self.longest_s, self.what = taken_s, _name(handle)
        if taken_s > STEP_BAR_S:
            self.over.append((taken_s, _name(handle)))


def _name(handle: asyncio.Handle) -> str:
    """Return the name of the task that ran; the handle of a task's first step does not have it."""
    called = getattr(handle, "_callback", None)
    task = next((each for each in gc.get_referents(called) if isinstance(each, asyncio.Task)), None)
    return repr(handle if task is None else task)


@contextmanager
def measured() -> Iterator[Steps]:
    """Every step of asyncio's loop in this thread meanwhile. Time of a thread that others push aside does not count, so
    the figures hold on a busy machine."""
    steps, run, thread = Steps(), asyncio.Handle._run, threading.get_ident()

    def timed(handle: asyncio.Handle) -> None:
        began = time.thread_time()
        try:
            run(handle)
        finally:
            if threading.get_ident() == thread and asyncio.Handle._run is timed:  # not the step in which it ends
                steps.add(time.thread_time() - began, handle)

    asyncio.Handle._run = timed  # type: ignore[method-assign, assignment]  # the loop has no hook
    try:
        yield steps
    finally:
        asyncio.Handle._run = run  # type: ignore[method-assign]
