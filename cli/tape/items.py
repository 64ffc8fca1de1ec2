"""The items of a tape. Pure."""

from dataclasses import dataclass

from bridge.bus.client.call_trace import TracedCall
from bridge.bus.events.event import ReadEvent
from bridge.tools.account import PnL


@dataclass(frozen=True)
class Missed:
    """Events or calls that the tape does not have, `count` of them; None where nobody can tell how many."""

    what: str
    count: int | None


@dataclass(frozen=True)
class TapeNotice:
    """A word on the tape itself: `good` that it goes on, else why it stands still."""

    text: str
    good: bool = False


TapeItem = TracedCall | ReadEvent | PnL | Missed | TapeNotice
