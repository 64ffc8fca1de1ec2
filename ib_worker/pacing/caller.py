"""Whose request is being carried out, and how much of what all share one caller may hold."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

SESSION = ""  # the session's own work, and answers that all callers share: neither can flood
LEFT_TO_OTHERS = 5  # of what is counted, such as lines, one caller leaves every fifth to the others

_caller: ContextVar[str] = ContextVar("caller", default=SESSION)


def current_caller() -> str:
    """Whose request the running task carries out."""
    return _caller.get()


@contextmanager
def acting_for(caller: str) -> Iterator[None]:
    """What is done inside, and by tasks that are begun inside, is done for this caller."""
    token = _caller.set(caller)
    try:
        yield
    finally:
        _caller.reset(token)


def max_share(whole: int) -> int:
    """How much of a common stock one caller may hold; a small stock can't be divided."""
    return whole - whole // LEFT_TO_OTHERS
