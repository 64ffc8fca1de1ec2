"""What one caller may use of this front: calls a second, and calls at once."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from bridge.tool import ToolError


@dataclass(frozen=True)
class Allowance:
    """What each caller has. A burst is spent at once, and refills at `calls_per_s`."""

    calls_per_s: float
    burst: int
    at_once: int


@dataclass
class _Caller:
    left: float
    filled_at: float
    running: int = 0


class Limits:
    """Counts what callers use; callers are names from the tokens file, so there are only as many as that has."""

    def __init__(self, allowance: Allowance) -> None:
        self._allowance = allowance
        self._callers: dict[str, _Caller] = {}

    @contextmanager
    def admitted(self, name: str, now: float) -> Iterator[None]:
        """Hold one of the caller's places; raises ToolError `paced` with the seconds to wait."""
        caller = self._callers.setdefault(name, _Caller(self._allowance.burst, now))
        self._refill(caller, now)
        if caller.running >= self._allowance.at_once:
            raise ToolError(
                "paced",
                f"{name} already has {caller.running} calls running, the most at once: wait for one to end",
                retry_after_s=1.0,
            )
        if caller.left < 1:
            wait_s = round((1 - caller.left) / self._allowance.calls_per_s, 3)
            raise ToolError(
                "paced",
                f"{name} calls more than {self._allowance.calls_per_s:g} times a second: wait {wait_s} s",
                retry_after_s=wait_s,
            )
        caller.left -= 1
        caller.running += 1
        try:
            yield
        finally:
            caller.running -= 1

    def _refill(self, caller: _Caller, now: float) -> None:
        gained = (now - caller.filled_at) * self._allowance.calls_per_s
        caller.left = min(self._allowance.burst, caller.left + gained)
        caller.filled_at = now
