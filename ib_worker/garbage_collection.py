"""Keeps Python's cycle collector from stopping the loop: a full collection on a busy day takes 0.1 s.

The account's data live as long as the session and are freed by reference counts; the collector is only for cycles.
"""

import gc

from bridge.heap import release_free_pages

# Young objects are looked through often and in a few milliseconds; all of them once in millions of allocations.
YOUNG, YOUNGER_RUNS, OLDER_RUNS = 700, 5, 1_000


def tune() -> None:
    """At the process's start: what is there is no garbage."""
    gc.collect()
    release_free_pages()
    gc.freeze()
    gc.set_threshold(YOUNG, YOUNGER_RUNS, OLDER_RUNS)


def keep() -> None:
    """After a session has been read: what is known now stays, and is not looked through again."""
    gc.freeze()
