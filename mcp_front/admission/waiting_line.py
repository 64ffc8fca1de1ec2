"""Requests that wait for a place, in rotation by principal, then by label, then by connection. Pure."""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

Path = tuple[str, ...]  # who waits: principal, label, connection


May = Callable[[Path], bool]  # whether who waits below a path may have a turn


def _anybody(_: Path) -> bool:
    return True


@dataclass(eq=False)
class Turn:
    """One request that waits. `given` ends when the request may enter, or with an error where it lost its turn."""

    given: asyncio.Future[None]
    size: int  # bytes
    path: Path = ()  # by which it waits


class WaitingLine:
    """First come, first served on one connection; the connections of a label, the labels of a principal and the
    principals one after another. So a client gets no more by more connections, and a token no more by more labels."""

    def __init__(self) -> None:
        self.size = 0  # bytes of all turns
        self._turns: deque[Turn] = deque()
        self._lines: dict[str, WaitingLine] = {}  # the one whose turn it is comes first

    def __bool__(self) -> bool:
        return bool(self._turns or self._lines)

    def size_of(self, path: Path) -> int:
        """Return the bytes that wait for everybody below `path`."""
        if not path:
            return self.size
        line = self._lines.get(path[0])
        return line.size_of(path[1:]) if line else 0

    def add(self, path: Path, turn: Turn) -> None:
        self.size += turn.size
        if path:
            self._lines.setdefault(path[0], WaitingLine()).add(path[1:], turn)
        else:
            self._turns.append(turn)

    def take(self, may: May = _anybody, path: Path = ()) -> Turn | None:
        """Remove and return the next turn of those who `may` have one; its principal, label and connection go to the
        end. None where nobody waits who may. `path`: of this line."""
        turn: Turn | None = None
        if self._turns:
            turn = self._turns.popleft()
        else:
            for name, line in self._lines.items():
                below = (*path, name)
                if may(below) and (turn := line.take(may, below)) is not None:
                    break
            if turn is not None:
                line = self._lines.pop(name)
                if line:
                    self._lines[name] = line
        if turn is not None:
            self.size -= turn.size
        return turn

    def drop(self) -> Turn:
        """Remove and return the newest turn of whoever has most bytes waiting."""
        if self._turns:
            turn = self._turns.pop()
        else:
            name = max(self._lines, key=lambda each: self._lines[each].size)
            turn = self._lines[name].drop()
            if not self._lines[name]:
                del self._lines[name]
        self.size -= turn.size
        return turn

    def remove(self, path: Path, turn: Turn) -> bool:
        """Give a turn up, and return whether it still waited."""
        if path:
            line = self._lines.get(path[0])
            found = line is not None and line.remove(path[1:], turn)
            if line is not None and not line:
                del self._lines[path[0]]
        else:
            found = turn in self._turns
            if found:
                self._turns.remove(turn)
        self.size -= turn.size if found else 0
        return found
