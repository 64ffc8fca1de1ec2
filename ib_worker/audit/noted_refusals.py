"""The bounds of refused calls that fronts report: a flood of them must not fill the audit log. Pure."""

from collections import deque

WINDOW_S = 60.0
MOST_OF_ONE = 20  # reports of one client in a window
MOST = 200  # of all clients: a worker without clients believes any name


class NotedRefusals:
    """Counts the reports of the last window."""

    def __init__(self) -> None:
        self._noted: deque[tuple[float, str]] = deque()

    def admits(self, caller: str, now: float) -> bool:
        """Return whether one more report of the client is written; if so, count it."""
        while self._noted and self._noted[0][0] <= now - WINDOW_S:
            self._noted.popleft()
        of_caller = sum(name == caller for _, name in self._noted)
        if len(self._noted) >= MOST or of_caller >= MOST_OF_ONE:
            return False
        self._noted.append((now, caller))
        return True
