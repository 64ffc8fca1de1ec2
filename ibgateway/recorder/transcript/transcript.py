"""The file of a transcript: a header, then a line of JSON for each frame and each event of a connection."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ibgateway.recorder.layouts.field_grammar import LayoutMismatch, Message
from ibgateway.recorder.layouts.replies import REPLIES
from ibgateway.recorder.layouts.requests import REQUESTS

FORMAT = 1
TO_GATEWAY, TO_CLIENT = "to gateway", "to client"
HANDSHAKE = "handshake"  # the two frames that have no message id: the client's offer, the gateway's answer
UNKNOWN = "unknown"

CONNECTED = "connected"
CLOSED_BY_CLIENT, CLOSED_BY_GATEWAY = "closed by client", "closed by gateway"
STOPPED = "recording stopped"


class BadTranscript(Exception):
    """A file or a line that is not a transcript's."""


@dataclass(frozen=True)
class TranscriptFrame:
    """One frame. `at` is in seconds since the recording began; `client` numbers the connections from 1."""

    at: float
    direction: str
    client: int
    version: int  # the server version that both agreed on; 0 in the handshake
    message: str
    fields: tuple[str, ...]
    known: bool = True  # False: no layout fits, so only the classes of its fields were kept

    @property
    def msgId(self) -> int:  # noqa: N802 - TWS's own word
        """-1 for the handshake's frames, which have no id."""
        return -1 if self.message == HANDSHAKE else int(self.fields[0])

    @property
    def layout(self) -> Message | None:
        return layout_of(self.direction, self.msgId)

    @property
    def names(self) -> tuple[str, ...]:
        """A name for each field; empty when no layout fits."""
        try:
            return self.layout.names(self.version, self.fields) if self.layout and self.known else ()
        except LayoutMismatch:
            return ()

    def get(self, name: str) -> str | None:
        """The first field of a name."""
        names = self.names
        return self.fields[names.index(name)] if name in names else None

    @property
    def payload(self) -> bytes:
        """The frame as it goes over the wire."""
        return "".join(f"{field}\0" for field in self.fields).encode("utf-8", "surrogateescape")


@dataclass(frozen=True)
class ConnectionEvent:
    """An event of a connection other than a frame."""

    at: float
    client: int
    event: str
    detail: str = ""


Line = TranscriptFrame | ConnectionEvent


def layout_of(direction: str, msgId: int) -> Message | None:
    return (REQUESTS if direction == TO_GATEWAY else REPLIES).get(msgId)


def fields_of(payload: bytes) -> list[str]:
    """Return the texts of a payload; bytes that are not UTF-8 become surrogates."""
    return payload.decode("utf-8", "surrogateescape").removesuffix("\0").split("\0")


def header(recorded: str) -> str:
    """Return the first line; `recorded` is the time of the recording in ISO 8601."""
    return json.dumps({"transcript": FORMAT, "recorded": recorded})


def as_json(line: Line) -> str:
    if isinstance(line, ConnectionEvent):
        shown: dict[str, Any] = {"at": round(line.at, 6), "client": line.client, "event": line.event}
        return json.dumps(shown | ({"detail": line.detail} if line.detail else {}))
    shown = {
        "at": round(line.at, 6),
        "direction": line.direction,
        "client": line.client,
        "version": line.version,
        "message": line.message,
    }
    return json.dumps(shown | ({} if line.known else {"known": False}) | {"fields": line.fields})


def read(lines: Iterable[str]) -> Iterator[Line]:
    """Read the lines of a transcript; an unfinished last line of a killed recording is left out."""
    for number, text in enumerate(lines, 1):
        if number > 1 and not text.endswith("\n"):
            return
        try:
            shown = json.loads(text)
            if number == 1:
                _check_header(shown)
            else:
                yield _line(shown)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise BadTranscript(f"line {number} is not a line of a transcript: {error}") from error


def _check_header(shown: Any) -> None:
    if shown.get("transcript") != FORMAT:
        raise BadTranscript(f"this is not a transcript of format {FORMAT}")


def _line(shown: dict[str, Any]) -> Line:
    at, client = float(shown["at"]), int(shown["client"])
    if "event" in shown:
        return ConnectionEvent(at, client, str(shown["event"]), str(shown.get("detail", "")))
    if shown["direction"] not in {TO_GATEWAY, TO_CLIENT}:
        raise ValueError(f"{shown['direction']!r} is not a direction")
    fields = _texts(shown["fields"])
    if shown["message"] != HANDSHAKE:
        int(fields[0])
    known = bool(shown.get("known", True))
    return TranscriptFrame(at, shown["direction"], client, int(shown["version"]), str(shown["message"]), fields, known)


def _texts(fields: Sequence[Any]) -> tuple[str, ...]:
    if not fields or not all(isinstance(field, str) for field in fields):
        raise ValueError("the fields of a frame must be texts")
    return tuple(fields)


def clients(lines: Iterable[Line]) -> dict[int, list[Line]]:
    """The lines of each connection, in the order in which they came."""
    found: dict[int, list[Line]] = {}
    for line in lines:
        found.setdefault(line.client, []).append(line)
    return found
