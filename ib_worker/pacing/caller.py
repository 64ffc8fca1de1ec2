"""The caller whose request a task carries out, and one caller's share of a common stock."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from contextvars import ContextVar

SESSION = ""  # the session's own work, and answers that all callers share: neither can flood
LEFT_TO_OTHERS = 5  # of what is counted, such as lines, one caller leaves every fifth to the others


def _stays() -> bool:
    return False


class ActingFor(AbstractContextManager["ActingFor"]):
    """One call of a caller, while it is carried out. A generator would do, and costs each call as much again."""

    def __init__(self, caller: str, has_left: Callable[[], bool]) -> None:
        self.caller = caller
        self.has_left = has_left
        self.is_let_in = False  # its long work has begun: the rest waits as long as it must, and is not refused

    def __enter__(self) -> "ActingFor":
        around = _acting.get()
        self.is_let_in = around.is_let_in and around.caller == self.caller  # a part of the same call
        self._token = _acting.set(self)
        return self

    def __exit__(self, *_: object) -> None:
        _acting.reset(self._token)


_NOBODYS = ActingFor(SESSION, _stays)
_acting: ContextVar[ActingFor] = ContextVar("acting", default=_NOBODYS)


def current_call() -> ActingFor:
    """Return the call that the running task carries out."""
    return _acting.get()


def current_caller() -> str:
    """Return the caller whose request the running task carries out."""
    return _acting.get().caller


def current_caller_left() -> bool:
    """Return whether that caller has gone for good. A caller whose deadline passed may come back for the answer."""
    return _acting.get().has_left()


def acting_for(caller: str, has_left: Callable[[], bool] = _stays) -> ActingFor:
    """Carry out the block, and the tasks that it starts, for this caller."""
    return ActingFor(caller, has_left)


def max_share(whole: int) -> int:
    """Return one caller's share of a common stock; a small stock can't be divided."""
    return whole - whole // LEFT_TO_OTHERS
