"""Who is being served, and lines in which no caller can keep another waiting. Pure."""

import asyncio
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

SESSION = ""  # the session's own work, and answers that all callers share: neither can flood
LEFT_TO_OTHERS = 5  # of what is counted, such as lines, one caller leaves every fifth to the others

_caller: ContextVar[str] = ContextVar("caller", default=SESSION)

Turn = asyncio.Future[None]


def current() -> str:
    """Whose request the running task carries out."""
    return _caller.get()


@contextmanager
def serving(caller: str) -> Iterator[None]:
    """What is done inside, and by tasks that are begun inside, is done for this caller."""
    token = _caller.set(caller)
    try:
        yield
    finally:
        _caller.reset(token)


def share_of_one(whole: int) -> int:
    """How much of a common stock one caller may hold; a small stock can't be divided."""
    return whole - whole // LEFT_TO_OTHERS


class Rotation:
    """Waiting turns: first come, first served within a caller's line, and the callers one after the other."""

    def __init__(self) -> None:
        self._lines: dict[str, deque[Turn]] = {}  # the caller whose turn it is comes first

    def __len__(self) -> int:
        return sum(map(len, self._lines.values()))

    def add(self, caller: str, turn: Turn) -> None:
        self._lines.setdefault(caller, deque()).append(turn)

    def take(self) -> Turn:
        """The next turn; its caller goes to the end. Raises StopIteration when nobody waits."""
        caller = next(iter(self._lines))
        line = self._lines.pop(caller)
        turn = line.popleft()
        if line:
            self._lines[caller] = line
        return turn

    def remove(self, caller: str, turn: Turn) -> None:
        """Give a place up; it may have been taken already."""
        line = self._lines.get(caller, deque())
        if turn in line:
            line.remove(turn)
        if not line:
            self._lines.pop(caller, None)

    def before(self, caller: str) -> int:
        """How many turns go out before one that this caller would add now."""
        own = len(self._lines.get(caller, ()))
        return own + sum(min(len(line), own + 1) for each, line in self._lines.items() if each != caller)
