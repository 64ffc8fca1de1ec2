"""The gateway's clock against this machine's."""

from collections.abc import Callable
from datetime import datetime, timedelta

NEVER = float("-inf")


class GatewayClock:
    """The difference between the gateway's clock and this machine's."""

    def __init__(self, utcnow: Callable[[], datetime]) -> None:
        self._utcnow = utcnow
        self.ahead = timedelta(0)  # of this machine's clock, where the gateway lives at another date
        self.last_read = (NEVER, 0.0)  # when the time was asked for, and how many seconds it is ahead
        self.last_answer = (NEVER, 0.0)  # the same, by TWS's last answer alone

    def now(self) -> datetime:
        """Return the time for answers: all times of an answer are of one clock. That is the clock of the gateway if its
        date differs from this machine's, as in a simulator."""
        return self._utcnow() + self.ahead
