"""The events of the event log, and the cursor that says how far a reader has read. Pure."""

import re
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

EventKind = Literal["order", "execution", "commission", "session", "halt", "resume", "approval", "alert", "data_loss"]

_CURSOR = re.compile(r"(\d{1,16})\.(\d{1,16})-(\d{1,16})")


class SessionEvent(msgspec.Struct, frozen=True, omit_defaults=True):
    """One event. `time` is UTC by the clock of the session's answers, `account` is not masked: clients see it anyway.

    `details` has the fields of its kind: of an order its terms and quantities, of an execution its price and shares.
    """

    kind: EventKind
    time: str
    key: str = ""
    orderRef: str = ""
    orderId: int | None = None
    permId: int | None = None
    clientId: int | None = None
    account: str = ""
    conId: int | None = None
    symbol: str = ""  # the contract's name: SPY 18JUL25 400 P
    details: dict[str, Any] = {}


@dataclass(frozen=True)
class EventDraft:
    """An event that is to be logged if it is news.

    `subject` is what it is about, and `state` what it says: the log takes no event whose state is the one that it has
    of the subject already, as when a new leader reads all orders again. `progress` never falls, as an order's filled
    quantity: an event with less is an old one, told late.
    """

    subject: str
    state: str
    event: SessionEvent
    progress: float = 0.0


@dataclass(frozen=True)
class Cursor:
    """A place in the log: after event number `number`, whose id in the stream is `id`. Number 0 is the beginning."""

    number: int = 0
    id: str = "0-0"

    def __str__(self) -> str:
        return f"{self.number}.{self.id}"

    @classmethod
    def parse(cls, written: str) -> "Cursor":
        """Raises ValueError for what is no cursor."""
        found = _CURSOR.fullmatch(written)
        if found is None:
            raise ValueError("a cursor is expected exactly as an earlier answer gave it")
        return cls(int(found[1]), f"{found[2]}-{found[3]}")


@dataclass(frozen=True)
class ReadEvent:
    """An event, and the cursor right after it."""

    cursor: Cursor
    event: SessionEvent


@dataclass(frozen=True)
class EventPage:
    """The events after a cursor, oldest first.

    `gap`: events between the cursor and the first of them are lost, `missing` of them; None where nobody can tell how
    many, as after Redis has lost data. `next`: the cursor to go on with, also where there is no event.
    """

    events: tuple[ReadEvent, ...]
    next: Cursor
    gap: bool = False
    missing: int | None = 0


def encode_event(event: SessionEvent) -> bytes:
    return msgspec.json.encode(event)


def decode_event(line: bytes) -> SessionEvent:
    """Raises msgspec.DecodeError. Unknown fields of a later release are ignored."""
    return _EVENTS.decode(line)


_EVENTS = msgspec.json.Decoder(SessionEvent)
