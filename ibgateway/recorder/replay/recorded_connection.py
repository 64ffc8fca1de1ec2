"""A recorded connection, ready to be replayed: its requests, their identity, and their replies with their times."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from ibgateway.recorder.replay.request_equality import Facts, exact, facts, loose
from ibgateway.recorder.transcript.correlation import (
    CANCEL_ORDER,
    GLOBAL_CANCEL,
    ON_ORDERS,
    PLACE_ORDER,
    RequestExchange,
    exchanges,
)
from ibgateway.recorder.transcript.transcript import (
    CLOSED_BY_CLIENT,
    CLOSED_BY_GATEWAY,
    HANDSHAKE,
    TO_CLIENT,
    BadTranscript,
    ConnectionEvent,
    Line,
    TranscriptFrame,
    clients,
)

START_API = 71
CLOSED = frozenset({CLOSED_BY_CLIENT, CLOSED_BY_GATEWAY})
ACTS = ON_ORDERS | {GLOBAL_CANCEL}
ABOUT_ACCOUNTS = frozenset({6, 7, 8, 61, 63, 71, 73, 94, 95})  # these change when orders do


def id_of(request: TranscriptFrame) -> str | None:
    """Return the client's id of a request; None if it has none."""
    return request.get("orderId" if request.msgId in {PLACE_ORDER, CANCEL_ORDER} else "reqId")


@dataclass(frozen=True)
class RecordedReply:
    """A gateway's frame. `pause` is the time since the request; `after` indexes the act that had to come first."""

    index: int
    entry: TranscriptFrame
    pause: float
    after: int | None = None
    after_pause: float = 0.0


@dataclass(frozen=True)
class RecordedRequest:
    """A recorded request."""

    index: int
    entry: TranscriptFrame
    answers: tuple[RecordedReply, ...]

    @cached_property
    def facts(self) -> Facts:
        return facts(self.entry)

    @cached_property
    def exact(self) -> Facts:
        return exact(self.facts)

    @cached_property
    def loose(self) -> Facts:
        return loose(self.facts)

    @property
    def id(self) -> str | None:
        """The recorded client's id of the request."""
        return id_of(self.entry)


@dataclass(frozen=True)
class RecordedConnection:
    """One recorded connection."""

    version: int
    greeting: TranscriptFrame
    asked: tuple[RecordedRequest, ...]
    closes_after: float | None = None  # the gateway closed the connection so long after the last request

    @cached_property
    def clientId(self) -> str:  # noqa: N802 - TWS's own word
        first = next((one for one in self.asked if one.entry.msgId == START_API), None)
        return (first.entry.get("clientId") if first else None) or ""

    @cached_property
    def _by_kind(self) -> dict[int, list[RecordedRequest]]:
        kinds: dict[int, list[RecordedRequest]] = {}
        for one in self.asked:
            if one.entry.known:
                kinds.setdefault(one.entry.msgId, []).append(one)
        return kinds

    @cached_property
    def number(self) -> int:
        """Count the requests that a client can repeat."""
        return sum(map(len, self._by_kind.values()))

    def of_kind(self, msgId: int) -> list[RecordedRequest]:
        return self._by_kind.get(msgId, [])


def scripts(lines: Iterable[Line]) -> list[RecordedConnection]:
    """Return every recorded connection that reached startApi; BadTranscript if there is none."""
    found = [script for one in clients(lines).values() if (script := _script(one)) is not None]
    if not found:
        raise BadTranscript("no connection in the transcript reached startApi")
    return found


def _script(lines: Sequence[Line]) -> RecordedConnection | None:
    entries = [line for line in lines if isinstance(line, TranscriptFrame)]
    greeting = next((one for one in entries if one.message == HANDSHAKE and one.direction == TO_CLIENT), None)
    found = exchanges(lines)
    if greeting is None or not found:
        return None
    acts = [one for one in found if one.request.msgId in ACTS]
    asked = tuple(_asked(one, acts) for one in found)
    return RecordedConnection(int(greeting.fields[0]), greeting, asked, _closed_after(lines, found[-1].request.at))


def _closed_after(lines: Iterable[Line], last: float) -> float | None:
    """Return the time of the close if the gateway closed first; it also closes after the client."""
    first = next((line for line in lines if isinstance(line, ConnectionEvent) and line.event in CLOSED), None)
    return first.at - last if first is not None and first.event == CLOSED_BY_GATEWAY else None


def _asked(exchange: RequestExchange, acts: Sequence[RequestExchange]) -> RecordedRequest:
    answers = tuple(_answer(exchange, index, entry, acts) for index, entry in exchange.replies)
    return RecordedRequest(exchange.index, exchange.request, answers)


def _answer(
    exchange: RequestExchange, index: int, entry: TranscriptFrame, acts: Sequence[RequestExchange]
) -> RecordedReply:
    """Pair a frame with the act before it: no client sees an order's change before it has placed the order."""
    pause = entry.at - exchange.request.at
    between = [one for one in acts if exchange.index < one.index < index and _moves(one, entry)]
    if not between:
        return RecordedReply(index, entry, pause)
    return RecordedReply(index, entry, pause, between[-1].index, entry.at - between[-1].request.at)


def _moves(act: RequestExchange, entry: TranscriptFrame) -> bool:
    return entry.msgId in ABOUT_ACCOUNTS or act.request.msgId == GLOBAL_CANCEL
