"""Recorded sessions in a few words: a connection's lines written as texts with dashes for empty fields."""

from __future__ import annotations

from collections.abc import Mapping

from ibgateway.recorder.layouts.field_grammar import Message
from ibgateway.recorder.transcript.transcript import (
    HANDSHAKE,
    TO_CLIENT,
    TO_GATEWAY,
    UNKNOWN,
    ConnectionEvent,
    Line,
    TranscriptFrame,
    fields_of,
    layout_of,
)

PLACE = "0 AAPL STK - 0.0 - - SMART - USD - - - - BUY 1 LMT 150 0 DAY - DU7654321 - 0 ref 1 0 0 0 0 0 0 0"
STATUS = "0 1 0 389001 0 0 3 - 0"
EXECUTED = "265598 AAPL STK - 0.0 - - IEX USD AAPL NMS"
EXECUTION = "then DU7654321 IEX BOT 1 1.0 389001 3 0 1 1.0 ref - - - 2 0"


def asked(text: str, at: float = 0.0, *, version: int = 178, client: int = 1) -> TranscriptFrame:
    """`61 1` is what a client sent."""
    return _entry(TO_GATEWAY, text, at, version, client)


def told(text: str, at: float = 0.0, *, version: int = 178, client: int = 1, known: bool = True) -> TranscriptFrame:
    """`62 1` is what the gateway sent."""
    return _entry(TO_CLIENT, text, at, version, client, known)


def session(*lines: Line, version: int = 178, client: int = 1, clientId: int = 3) -> list[Line]:
    """A connection from its handshake on."""
    return [
        ConnectionEvent(0.0, client, "connected"),
        TranscriptFrame(0.0, TO_GATEWAY, client, 0, HANDSHAKE, (f"v100..{version}",)),
        TranscriptFrame(0.0, TO_CLIENT, client, 0, HANDSHAKE, (str(version), "20250611 10:30:00 US/Eastern")),
        asked(f"71 2 {clientId} -", version=version, client=client),
        told("15 1 DU7654321", version=version, client=client),
        told("9 1 1", version=version, client=client),
        *lines,
    ]


def place(orderId: int, at: float = 0.0) -> Line:
    """placeOrder of version 178 with nothing but the common fields."""
    advisor = "- 0 - - - - - - 0 - -1 0 - - 0 - -"
    auction = "0 0 - 0 - - - - - 0 - - - - 0 - - - - - - - - - - 0 - - 0 0 - - 0 - 0 0 0 0"
    tail = "- - - - - - 0 - - - - - - - - 0 0 0 - - - 0 - -"
    return asked(f"3 {orderId} {PLACE} {advisor} {auction} {tail}", at)


def named(table: Mapping[int, Message], version: int, payload: bytes) -> dict[str, str]:
    """Each field's name and text, of several the first; Unfit when the layout is another."""
    texts = fields_of(payload)
    names = table[int(texts[0])].names(version, texts)
    return dict(reversed(list(zip(names, texts, strict=True))))


def _entry(direction: str, text: str, at: float, version: int, client: int, known: bool = True) -> TranscriptFrame:
    fields = tuple("" if each == "-" else each.replace("~", " ") for each in text.split())
    layout = layout_of(direction, int(fields[0]))
    entry = TranscriptFrame(at, direction, client, version, layout.name if layout else UNKNOWN, fields, known)
    assert entry.names or not known, f"{entry.message} has other fields at {version}: {text}"
    return entry
