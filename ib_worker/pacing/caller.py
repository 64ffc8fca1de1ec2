"""The caller whose request a task carries out, and one caller's share of a common stock."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from contextvars import ContextVar

SESSION = ""  # the session's own work, and answers that all callers share: neither can flood
LEFT_TO_OTHERS = 5  # of what is counted, such as lines, one caller leaves every fifth to the others


def _stays() -> bool:
    return False


_caller: ContextVar[str] = ContextVar("caller", default=SESSION)
_has_left: ContextVar[Callable[[], bool]] = ContextVar("has_left", default=_stays)


def current_caller() -> str:
    """Return the caller whose request the running task carries out."""
    return _caller.get()


def current_caller_left() -> bool:
    """Return whether that caller has gone for good. A caller whose deadline passed may come back for the answer."""
    return _has_left.get()()


class _ActingFor(AbstractContextManager[None]):
    """A generator would do, and costs each request as much again."""

    def __init__(self, caller: str, has_left: Callable[[], bool]) -> None:
        self._wanted = caller, has_left

    def __enter__(self) -> None:
        caller, has_left = self._wanted
        self._tokens = _caller.set(caller), _has_left.set(has_left)

    def __exit__(self, *_: object) -> None:
        _caller.reset(self._tokens[0])
        _has_left.reset(self._tokens[1])


def acting_for(caller: str, has_left: Callable[[], bool] = _stays) -> AbstractContextManager[None]:
    """Carry out the block, and the tasks that it starts, for this caller."""
    return _ActingFor(caller, has_left)


def max_share(whole: int) -> int:
    """Return one caller's share of a common stock; a small stock can't be divided."""
    return whole - whole // LEFT_TO_OTHERS
