"""Time as the bus measures it: a clock that counts suspend, and the server's clock, which all sides share."""

import time

_COUNTS_SUSPEND = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)  # macOS: CLOCK_MONOTONIC counts suspend


def boottime() -> float:
    """Seconds that pass also while the machine sleeps, so that a lease can't outlive a closed lid."""
    return time.clock_gettime(_COUNTS_SUSPEND)


class ServerClock:
    """Redis' clock as estimated here: deadlines hold although hosts disagree about the time."""

    def __init__(self) -> None:
        self._ahead: float | None = None
        self.measured_at = float("-inf")

    def measured(self, server_s: float, before: float, after: float) -> None:
        """Take the answer of TIME, asked at `before` and heard at `after` (both `boottime`)."""
        self._ahead = server_s - (before + after) / 2
        self.measured_at = after

    @property
    def known(self) -> bool:
        return self._ahead is not None

    def now_ms(self) -> int:
        if self._ahead is None:
            raise RuntimeError("the server's clock is asked before the first answer of the server")
        return round((boottime() + self._ahead) * 1000)
