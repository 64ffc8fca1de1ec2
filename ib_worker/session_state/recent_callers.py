"""The clients that have called in this term, each with its last call."""

import time
from dataclasses import dataclass

RECENT_S = 60.0  # who has called within this time is using the session
MOST_CALLERS = 100  # whose last call is remembered


@dataclass(frozen=True)
class CallerActivity:
    """A caller's last call, by a clock that nobody sets, and the number of its calls."""

    at: float
    operation: str
    calls: int


class RecentCallers:
    """The callers of this term, the latest last."""

    def __init__(self) -> None:
        self._callers: dict[str, CallerActivity] = {}

    def note(self, caller: str, operation: str) -> None:
        """Note who calls, and what."""
        before = self._callers.pop(caller, None)
        self._callers[caller] = CallerActivity(time.monotonic(), operation, before.calls + 1 if before else 1)
        while len(self._callers) > MOST_CALLERS:
            del self._callers[next(iter(self._callers))]

    def names(self, beside: str | None = None) -> list[str]:
        """Return the callers of the last minute, the latest last, without `beside`."""
        since = time.monotonic() - RECENT_S
        return [name for name, did in self._callers.items() if name != beside and did.at >= since]

    def activity(self) -> list[tuple[str, str, int, int]]:
        """Return name, last operation, seconds since, and calls of each caller of this term, the latest first."""
        now = time.monotonic()
        return [(name, did.operation, round(now - did.at), did.calls) for name, did in reversed(self._callers.items())]
