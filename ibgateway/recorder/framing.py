"""Cuts each direction's bytes into payloads, however they were split; the handshake's prefix is taken off."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from ibgateway.simulator.wire.frames import HELLO, BadFrame

MAX_FRAME = 0xFFFFFF  # a gateway's scanner parameters take some MiB; more than this no official client reads

_length = struct.Struct(">I")


class FrameSplitter:
    """One direction; holds at most one incomplete frame. A client's bytes begin with `API` and a zero byte."""

    def __init__(self, *, of_client: bool) -> None:
        self._data = bytearray()
        self._expected = HELLO if of_client else b""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield each payload that is complete now; BadFrame when the bytes can't be frames."""
        self._data += data
        if not self._take_prefix():
            return
        at = 0
        try:
            while (end := self._end_of(at)) <= len(self._data):
                payload = bytes(self._data[at + 4 : end])
                at = end
                yield payload
        finally:
            del self._data[:at]

    def _take_prefix(self) -> bool:
        head = self._data[: len(self._expected)]
        if not self._expected.startswith(head):
            raise BadFrame("the client did not begin with API and a zero byte")
        if len(head) < len(self._expected):
            return False
        del self._data[: len(head)]
        self._expected = b""
        return True

    def _end_of(self, at: int) -> int:
        """Return the end of the frame at `at`, as far as it is known."""
        if len(self._data) - at < 4:
            return at + 4
        (length,) = _length.unpack_from(self._data, at)
        if not 0 < length <= MAX_FRAME:
            raise BadFrame(f"a frame of {length} bytes")
        return at + 4 + int(length)
