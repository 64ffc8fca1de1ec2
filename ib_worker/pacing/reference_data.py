"""Reference data: answers of TWS that change rarely, each kept for its own time."""

from collections.abc import Callable, Hashable
from typing import Any

KEPT = 100  # answers; the oldest goes first


class ReferenceData:
    """A table with an age for each answer. It outlives a connection: what it holds belongs to the login."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._answers: dict[Hashable, tuple[float, Any]] = {}  # until when, and what

    def get(self, key: Hashable) -> Any:
        """Return the answer, or None where none is kept or its time is over."""
        until, answer = self._answers.get(key, (0.0, None))
        return answer if until > self._clock() else None

    def keep(self, key: Hashable, answer: Any, seconds: float) -> None:
        self._answers.pop(key, None)
        self._answers[key] = self._clock() + seconds, answer
        while len(self._answers) > KEPT:
            del self._answers[next(iter(self._answers))]
