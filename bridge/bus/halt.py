"""The kill switch as Redis keeps it: its levels, who set it, when and why, and the way back."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Literal

import msgspec

from bridge.bus.messages import LOCAL
from bridge.text.plain_text import one_line

LATEST_MS = 253_402_300_799_000  # the last second that a datetime can tell
LONGEST_REASON, LONGEST_NAME = 200, 96  # characters

# No command: what a service says reaches models, and a coding agent has a shell.
RELEASE = (
    "Only the operator can release it. The operator does so at a terminal or on the console, as docs/operations.md "
    "says."
)

Level = Literal["reduce_only", "halt"]
REFUSES: dict[Level, str] = {
    "halt": "no new order and no change is sent, not even one that closes a position; cancels are still allowed",
    "reduce_only": "only orders and changes that reduce a position are sent; cancels are still allowed",
}


class Halt(msgspec.Struct, frozen=True):
    """A set switch. `reduce_only` accepts orders that can only reduce a position."""

    level: Level
    by: str
    reason: str
    since_ms: int  # the server's clock

    def since(self) -> datetime:
        return datetime.fromtimestamp(self.since_ms / 1000, UTC)

    def told(self) -> str:
        """Return who set the switch, when and why, for a message."""
        return f"{self.level} {self.origin()}"

    def refuses(self) -> str:
        """Return what is refused while the switch is set, as a clause."""
        return REFUSES[self.level]

    def origin(self) -> str:
        """Return who set the switch, when and why. The reason is a caller's words, quoted so that no reader takes them
        for ours; the time names Redis's clock, since a simulator has another date."""
        since = f"{self.since():%Y-%m-%d %H:%M:%S} UTC (server clock)" if self.since_ms else "an unknown time"
        reason = f'"{self.reason.replace(chr(34), chr(39))}"' if self.reason else "no reason given"
        by = f"{LOCAL} (a client without a token)" if self.by == LOCAL else self.by or "an unknown caller"
        return f"by {by} since {since}: {reason}"


def halt_of(found: Sequence[bytes | None]) -> Halt:
    """Return the switch as stored. A switch that is incomplete or written by hand counts as set."""
    level, by, reason, since_ms = (each or b"" for each in found)
    known: Level = "reduce_only" if level == b"reduce_only" else "halt"
    since = int(since_ms) if since_ms.isdigit() and len(since_ms) <= len(str(LATEST_MS)) else 0
    return Halt(known, _line(by), _line(reason), min(since, LATEST_MS))


def _line(stored: bytes) -> str:
    return one_line(stored.decode(errors="replace"), LONGEST_REASON)
