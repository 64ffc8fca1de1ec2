"""Gives freed memory back to the system, and keeps Python's cycle collector from stopping the event loop.

A full collection of a busy worker takes 0.1 s, and of a front where a thousand requests wait as long. The account's
data live as long as the session and are freed by reference counts; the collector is only for cycles.
"""

import asyncio
import ctypes
import gc
import sys
from collections.abc import Callable

REST_S = 3.0  # between looks

# Young objects are looked through often and in a few milliseconds; all of them once in millions of allocations.
YOUNG, YOUNGER_RUNS, OLDER_RUNS = 700, 5, 1_000


def tune() -> None:
    """Treat what a process has at its start as no garbage, and give its free pages back."""
    gc.collect()
    release_free_pages()
    gc.freeze()
    gc.set_threshold(YOUNG, YOUNGER_RUNS, OLDER_RUNS)


def keep() -> None:
    """Leave what there is alone from now on, as after a session has been read: it is not looked through again."""
    gc.freeze()


def release_free_pages() -> None:
    """Return the free pages of the C library's heap to the system, where that library has such a call (glibc).

    Imports build and drop schemas, parsers and patterns. glibc keeps the pages in between: about a tenth of each
    process at rest.
    """
    if sys.platform == "linux" and (trim := getattr(ctypes.CDLL(None), "malloc_trim", None)) is not None:
        trim(0)


async def release_at_rest(is_idle: Callable[[], bool], every_s: float = REST_S) -> None:
    """Release the free pages again and again, for ever, each time that nothing is running: the first calls of a front
    leave 4 MiB, and long answers more. Where nothing was freed it takes 0.02 ms."""
    while True:
        await asyncio.sleep(every_s)
        if is_idle():
            release_free_pages()
