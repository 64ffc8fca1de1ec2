"""Reference data: answers of TWS that change rarely, each kept for its own time."""

from collections.abc import Callable, Hashable
from typing import Any

KEPT = 100  # answers; the one whose time is over first goes first
KEPT_CHARS = 4_000_000  # of all texts that are kept: a worker has half a gigabyte for everything


class ReferenceData:
    """A table with an age for each answer. It outlives a connection: what it holds belongs to the login."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._answers: dict[Hashable, tuple[float, Any, int]] = {}  # until when, what, and its characters

    @property
    def chars(self) -> int:
        return sum(chars for _, _, chars in self._answers.values())

    def get(self, key: Hashable) -> Any:
        """Return the answer, or None where none is kept or its time is over."""
        until, answer, _ = self._answers.get(key, (0.0, None, 0))
        return answer if until > self._clock() else None

    def keep(self, key: Hashable, answer: Any, seconds: float, chars: int = 0) -> None:
        """Keep an answer. `chars`: of the text that a caller chose, so that many of them do not fill the memory."""
        self._answers.pop(key, None)
        self._answers[key] = self._clock() + seconds, answer, chars
        while len(self._answers) > KEPT or self.chars > KEPT_CHARS:
            del self._answers[min(self._answers, key=lambda each: self._answers[each][0])]
