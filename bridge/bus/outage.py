"""Log lines for what fails again and again while something is away: one when it begins, one when it is over."""

import time

import structlog

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
