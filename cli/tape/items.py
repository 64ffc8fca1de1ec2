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
    """A notice about the tape itself: `good` where it continues, else why it has stopped."""

    text: str
    good: bool = False


TapeItem = TracedCall | ReadEvent | PnL | Missed | TapeNotice
