"""Log lines for what fails again and again: one when it begins, and one when it is over where that is heard."""

import time

import structlog

LINES_APART_S = 60.0

log = structlog.get_logger()


class Outage:
    """One thing that may be away; `event` names the log line of its beginning, `<event>_over` that of its end."""

    def __init__(self, event: str) -> None:
        self._event = event
        self._since: float | None = None
        self._failures = 0

    def failed(self, error: object, **fields: object) -> None:
        """Log the first failure; count the following ones."""
        self._failures += 1
        if self._since is None:
            self._since = time.monotonic()
            log.warning(self._event, error=str(error), **fields)

    def over(self) -> None:
        """Log the end, if anything had failed."""
        if self._since is not None:
            lasted_s = round(time.monotonic() - self._since, 1)
            log.info(f"{self._event}_over", after_s=lasted_s, failures=self._failures)
        self._since, self._failures = None, 0


class RepeatedError:
    """One thing that may happen over and over, and whose end nobody hears of: a line at first and whenever it is told
    otherwise, then one a minute at most, with how often it happened."""

    def __init__(self, event: str) -> None:
        self._event = event
        self._told: dict[str, object] = {}
        self._quiet_until = float("-inf")
        self._times = 0

    def happened(self, **fields: object) -> None:
        self._times += 1
        now = time.monotonic()
        if now < self._quiet_until and fields == self._told:
            return
        log.warning(self._event, **fields, times=self._times)
        self._told, self._quiet_until, self._times = fields, now + LINES_APART_S, 0
