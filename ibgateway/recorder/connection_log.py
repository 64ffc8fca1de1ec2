"""One connection's bytes, both ways, as the lines of a transcript. Pure; it stops at the first bytes it cannot read."""

from __future__ import annotations

from dataclasses import replace

from ibgateway.recorder.framing import FrameSplitter
from ibgateway.recorder.layouts.field_grammar import LayoutMismatch
from ibgateway.recorder.transcript.scrub import Scrubber, veil
from ibgateway.recorder.transcript.transcript import (
    HANDSHAKE,
    STOPPED,
    TO_CLIENT,
    TO_GATEWAY,
    UNKNOWN,
    ConnectionEvent,
    Line,
    TranscriptFrame,
    fields_of,
    layout_of,
)
from ibgateway.simulator.wire.frames import BadFrame, parse_offer

HIGHEST_VERSION = 200  # from 201 on ids are binary and bodies protobuf
LOWEST_VERSION = 100  # before that a gateway's frames have no length
REFUSED_VERSION = 157  # the layout in which a gateway refuses a client's versions


class UnreadableBytes(Exception):
    """Bytes that cannot be read, so that all later bytes of the connection are uncertain."""


class ConnectionLog:
    """Turns bytes given to `feed` into lines. Unreadable bytes give a last line with the reason, and end the record."""

    def __init__(self, client: int, scrubber: Scrubber) -> None:
        self._client = client
        self._scrubber = scrubber
        self._cutters = {TO_GATEWAY: FrameSplitter(of_client=True), TO_CLIENT: FrameSplitter(of_client=False)}
        self._offered = False
        self._version = 0
        self.stopped = False

    def feed(self, direction: str, data: bytes, at: float) -> list[Line]:
        lines: list[Line] = []
        if self.stopped:
            return lines
        try:
            for payload in self._cutters[direction].feed(data):
                lines.append(self._entry(direction, payload, at))
        except (BadFrame, UnreadableBytes) as error:
            self.stopped = True
            lines.append(ConnectionEvent(at, self._client, STOPPED, str(error)))
        return lines

    def _entry(self, direction: str, payload: bytes, at: float) -> TranscriptFrame:
        if direction == TO_GATEWAY and not self._offered:
            parse_offer(payload)
            self._offered = True
            offer = payload.decode("ascii", "replace").removesuffix("\0")
            return TranscriptFrame(at, direction, self._client, 0, HANDSHAKE, (self._scrubber.text(offer),))
        texts = _texts(payload)
        if direction == TO_CLIENT and not self._version and len(texts) == 2:
            self._version = _version(texts[0])
            return TranscriptFrame(
                at, direction, self._client, 0, HANDSHAKE, tuple(self._scrubber.text(text) for text in texts)
            )
        return self._message(direction, texts, at)

    def _message(self, direction: str, texts: list[str], at: float) -> TranscriptFrame:
        if not (texts[0].isascii() and texts[0].isdecimal() and len(texts[0]) < 5):
            raise UnreadableBytes("a frame that does not begin with a message id")
        version = self._version or REFUSED_VERSION
        layout = layout_of(direction, int(texts[0]))
        name = layout.name if layout else UNKNOWN
        try:
            names = layout.names(version, texts) if layout else None
        except LayoutMismatch:
            names = None
        if names is None:
            veiled = (texts[0], *map(veil, texts[1:]))
            return TranscriptFrame(at, direction, self._client, version, name, veiled, known=False)
        fields = tuple(self._scrubber.fields(names, texts))
        return TranscriptFrame(at, direction, self._client, version, name, fields)


def again(line: Line, scrubber: Scrubber) -> Line:
    """Mask a recorded line again with the secrets that were found after it."""
    if not isinstance(line, TranscriptFrame) or not line.known:
        return line
    names = line.names or [HANDSHAKE] * len(line.fields)
    return replace(line, fields=tuple(scrubber.again(names, line.fields)))


def _texts(payload: bytes) -> list[str]:
    if not payload.endswith(b"\0"):
        raise UnreadableBytes("a frame that does not end in a zero byte")
    return fields_of(payload)


def _version(text: str) -> int:
    version = int(text) if text.isascii() and text.isdecimal() and len(text) < 5 else 0
    if not LOWEST_VERSION <= version <= HIGHEST_VERSION:
        raise UnreadableBytes(f"server version {version or '?'}: only {LOWEST_VERSION} to {HIGHEST_VERSION} are text")
    return version
