"""The caller whose request a task carries out, and one caller's share of a common stock."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

SESSION = ""  # the session's own work, and answers that all callers share: neither can flood
LEFT_TO_OTHERS = 5  # of what is counted, such as lines, one caller leaves every fifth to the others

_caller: ContextVar[str] = ContextVar("caller", default=SESSION)


def current_caller() -> str:
    """Return the caller whose request the running task carries out."""
    return _caller.get()


@contextmanager
def acting_for(caller: str) -> Iterator[None]:
    """Carry out the block, and the tasks that it starts, for this caller."""
    token = _caller.set(caller)
    try:
        yield
    finally:
        _caller.reset(token)


def max_share(whole: int) -> int:
    """Return one caller's share of a common stock; a small stock can't be divided."""
    return whole - whole // LEFT_TO_OTHERS
