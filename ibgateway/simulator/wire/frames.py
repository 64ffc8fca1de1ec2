"""Frames: the handshake's prefix, the length before every frame, and the longest frame."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

MAX_FRAME = 1 << 20  # a client's largest legitimate frame is an advisor's XML, some tens of KiB
HELLO = b"API\0"
OFFER = re.compile(rb"v(\d{1,4})(?:\.\.(\d{1,4}))?(?: ([^\0]*))?\0?")

_length = struct.Struct(">I")


class BadFrame(Exception):
    """Bytes that cannot be a frame; later bytes of the connection cannot be read either."""


@dataclass(frozen=True)
class VersionOffer:
    """A client's first message: the versions that it speaks, and its connect options."""

    minVersion: int
    maxVersion: int
    options: str = ""


def frame(payload: bytes) -> bytes:
    return _length.pack(len(payload)) + payload


class _Lengths(dict[int, bytes]):
    """The length prefixes; those of short frames are computed once."""

    def __missing__(self, length: int) -> bytes:
        return _length.pack(length)


_lengths = _Lengths((length, _length.pack(length)) for length in range(256))


def frames(payloads: Sequence[bytes]) -> bytes:
    """Return many frames as one bytes object, so that one write sends them all."""
    parts = [b""] * (2 * len(payloads))
    parts[0::2] = map(_lengths.__getitem__, map(len, payloads))
    parts[1::2] = payloads
    return b"".join(parts)


def parse_offer(payload: bytes) -> VersionOffer:
    """Read a client's first frame, such as `v157..178`."""
    match = OFFER.fullmatch(payload)
    if match is None:
        raise BadFrame("the first frame must offer versions, such as v157..200")
    lowest = int(match[1])
    return VersionOffer(lowest, int(match[2] or lowest), (match[3] or b"").decode("ascii", "replace"))


class FrameReader:
    """Splits received bytes into frames; holds at most one incomplete frame."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._hello = False

    @property
    def unfinished(self) -> bool:
        return bool(self._data)

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield the payload of every frame that is complete now; BadFrame when the rest can't be one."""
        self._data += data
        if not self._hello and not self._take_hello():
            return
        yield from self._complete()

    def _take_hello(self) -> bool:
        head = bytes(self._data[: len(HELLO)])
        if not HELLO.startswith(head):
            raise BadFrame("a client must begin with API and a zero byte")
        self._hello = len(head) == len(HELLO)
        if self._hello:
            del self._data[: len(HELLO)]
        return self._hello

    def _complete(self) -> Iterator[bytes]:
        data, at = self._data, 0
        try:
            while len(data) - at >= 4:
                (length,) = _length.unpack_from(data, at)
                if not 0 < length <= MAX_FRAME:
                    raise BadFrame(f"a frame of {length} bytes; 1 to {MAX_FRAME} are possible")
                end = at + 4 + length
                if end > len(data):
                    break
                payload = bytes(data[at + 4 : end])
                at = end
                yield payload
        finally:
            del data[:at]
