"""Waiting turns in lines of their own, so that no caller can keep another waiting. Pure."""

import asyncio
from collections import deque
from typing import Generic, TypeVar

Turn = asyncio.Future[None]  # of one that waits until it is set
T = TypeVar("T")


class RoundRobinQueue(Generic[T]):
    """First come, first served within a caller's line, and the callers one after the other."""

    def __init__(self) -> None:
        self._lines: dict[str, deque[T]] = {}  # the caller whose turn it is comes first

    def __bool__(self) -> bool:
        return bool(self._lines)

    def __len__(self) -> int:
        return sum(map(len, self._lines.values()))

    def waiting(self, caller: str) -> int:
        return len(self._lines.get(caller, ()))

    def add(self, caller: str, turn: T) -> None:
        self._lines.setdefault(caller, deque()).append(turn)

    def take(self) -> T:
        """The next turn; its caller goes to the end. Raises StopIteration when nobody waits."""
        caller = next(iter(self._lines))
        line = self._lines.pop(caller)
        turn = line.popleft()
        if line:
            self._lines[caller] = line
        return turn

    def remove(self, caller: str, turn: T) -> None:
        """Give a place up; it may have been taken already."""
        line = self._lines.get(caller, deque())
        if turn in line:
            line.remove(turn)
        if not line:
            self._lines.pop(caller, None)

    def before(self, caller: str) -> int:
        """Return the highest number of turns that run before one that this caller would add now."""
        own = self.waiting(caller)
        return own + sum(min(len(line), own + 1) for each, line in self._lines.items() if each != caller)
