"""The limits of one caller at this front: requests per second, and concurrent calls. Pure."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from bridge.tool import ToolError

QUEUED_S = 5.0  # so long a request may wait for its turn; one that would wait longer is refused with the wait


def rate_limiter(per_s: float, burst: int) -> "RateLimiter | None":
    """Return the limiter of an operator who has set a rate, None for a rate of 0."""
    return RateLimiter(per_s, burst) if per_s else None


class RateLimiter:
    """Spreads each caller's requests: a burst after a pause, then `per_s` evenly. Callers are names from the tokens
    file, so there are only as many as that has."""

    def __init__(self, per_s: float, burst: int) -> None:
        self._per_s = per_s
        self._ahead_s = burst / per_s
        self._next: dict[str, float] = {}  # when the caller's next request is due if none may be early

    def wait_s(self, caller: str, now: float) -> float:
        """Return the seconds until the caller's next request may pass, and reserve its place.

        Raises ToolError `paced` with the seconds after which a request would pass at once.
        """
        following, wait_s = self._place(caller, now)
        if wait_s > QUEUED_S:
            raise ToolError(
                "paced",
                f"Too many requests of {caller} (limit: {self._per_s:g} per second). Retry in {wait_s:.3g} seconds.",
                retry_after_s=round(wait_s, 3),
            )
        self._next[caller] = following
        return wait_s

    def waits(self, caller: str, now: float) -> bool:
        """Return whether the caller's next request has to wait; if not, reserve its place."""
        following, wait_s = self._place(caller, now)
        if not wait_s:
            self._next[caller] = following
        return bool(wait_s)

    def delay_s(self, caller: str, now: float, most_s: float) -> float:
        """Return the seconds until the caller's next request may pass, and reserve its place; of one that would wait
        longer than `most_s`, that."""
        following, wait_s = self._place(caller, now)
        if wait_s > most_s:
            return most_s
        self._next[caller] = following
        return wait_s

    def _place(self, caller: str, now: float) -> tuple[float, float]:
        """Return the time at which the request after the caller's next is due, and the next one's wait in seconds."""
        following = max(self._next.get(caller, now), now) + 1 / self._per_s
        return following, max(following - self._ahead_s - now, 0.0)


class ConcurrencyLimiter:
    """Counts the calls that each caller has running, streams included."""

    def __init__(self, at_once: int) -> None:
        self._at_once = at_once
        self._running: Counter[str] = Counter()

    @contextmanager
    def admitted(self, name: str) -> Iterator[None]:
        """Hold one of the caller's places; raises ToolError `paced`."""
        if self._running[name] >= self._at_once:
            raise ToolError(
                "paced",
                f"Too many calls of {name} in progress (limit: {self._at_once}). Retry when one has ended.",
                retry_after_s=1.0,
            )
        self._running[name] += 1
        try:
            yield
        finally:
            self._running[name] -= 1
            if not self._running[name]:  # a client gives itself its name, and may give itself many
                del self._running[name]
