"""The journal of every frame in and out, with time, direction and client: the record of the wire."""

from __future__ import annotations

import json
import os
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ibgateway.simulator.wire import requests

if TYPE_CHECKING:
    from ibgateway.simulator.gateway.connection import Connection

MAX_FRAMES = 400_000  # older quote traffic is forgotten first, then everything else
QUOTES = frozenset({b"1", b"2", b"12", b"13", b"21", b"45", b"46", b"50", b"99"})


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """One frame. `at` is on the simulator's clock, `wall` on the machine's; `version` is the connection's."""

    number: int
    at: float
    wall: float
    direction: str  # "in" is from the client
    connection: int
    clientId: int | None
    version: int
    payload: bytes

    @property
    def fields(self) -> list[str]:
        """Return the frame's texts, the message id first."""
        return self.payload.decode("utf-8", "backslashreplace").removesuffix("\0").split("\0")

    @property
    def msgId(self) -> int | None:  # noqa: N802 - TWS's own word
        """Return the message id; None for the handshake's frames, which have none."""
        head = self.fields[0]
        return int(head) if self.version and head.isdecimal() else None

    @property
    def request(self) -> Any:
        """Decode a client's frame as the simulator reads it."""
        return requests.decode(self.payload, self.version)

    def as_json(self) -> str:
        shown = {name: getattr(self, name) for name in ("number", "at", "wall", "direction", "connection", "clientId")}
        return json.dumps(shown | {"fields": self.fields}, ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class _Batch:
    """Frames of one write, kept as one entry, since quote traffic is large."""

    number: int
    at: float
    wall: float
    direction: str
    connection: int
    clientId: int | None
    version: int
    payloads: tuple[bytes, ...]

    def entries(self, but: frozenset[bytes] = frozenset()) -> Iterator[JournalEntry]:
        """Return an entry for each frame, except those of some message ids."""
        for offset, payload in enumerate(self.payloads):
            if but and payload[: payload.find(b"\0")] in but:
                continue
            yield JournalEntry(
                self.number + offset,
                self.at,
                self.wall,
                self.direction,
                self.connection,
                self.clientId,
                self.version,
                payload,
            )


def _asks_for_an_order(entry: JournalEntry) -> bool:
    try:
        return not entry.request.placed[1].whatIf
    except requests.BadFields:
        return False  # it was refused with 321


def opened(path: Path) -> FileIO:
    """Open a journal's file; it keeps the lines of a killed process, and begins a new line."""
    file = FileIO(path, "a+")
    if size := file.seek(0, os.SEEK_END):
        file.seek(size - 1)
        if file.read(1) != b"\n":
            file.write(b"\n")
    return file


class Journal:
    """The last frames in memory, and all of them in a file where one is given.

    The file has a frame before the frame has an effect: a process that is killed leaves no gap. Its last line can be
    cut off.
    """

    def __init__(self, file: FileIO | None = None, most: int = MAX_FRAMES) -> None:
        self._file = file
        self._most = most
        self._kept: deque[JournalEntry] = deque(maxlen=most)  # what is not quotes, from batches that were let go
        self._batches: deque[_Batch] = deque()
        self._held = 0
        self._number = 1

    @property
    def last(self) -> int:
        """The number of the latest frame; frames are numbered from 1."""
        return self._number - 1

    def record(self, direction: str, connection: Connection, payloads: Iterable[bytes], at: float, wall: float) -> None:
        frames = tuple(payloads)
        batch = _Batch(
            self._number, at, wall, direction, connection.number, connection.clientId, connection.version, frames
        )
        self._number += len(frames)
        self._batches.append(batch)
        self._held += len(frames)
        while self._held > self._most and len(self._batches) > 1:
            self._let_go(self._batches.popleft())
        if self._file is not None:
            left = "".join(entry.as_json() + "\n" for entry in batch.entries()).encode()
            while left:
                left = left[self._file.write(left) :]

    def _let_go(self, batch: _Batch) -> None:
        self._held -= len(batch.payloads)
        self._kept.extend(batch.entries(but=QUOTES))

    def __iter__(self) -> Iterator[JournalEntry]:
        yield from list(self._kept)
        for batch in list(self._batches):
            yield from batch.entries()

    def entries(
        self,
        direction: str | None = None,
        msgId: int | None = None,
        clientId: int | None = None,
        after: int = 0,
    ) -> list[JournalEntry]:
        """Return the frames of a direction, a message id and a client, with numbers above `after`."""
        return [
            entry
            for entry in self
            if entry.number > after
            and direction in {None, entry.direction}
            and clientId in {None, entry.clientId}
            and (msgId is None or (entry.version and entry.payload.startswith(b"%d\0" % msgId)))
        ]

    def orders(self, after: int = 0) -> list[JournalEntry]:
        """Return the placeOrder frames that ask for a real order, without what-ifs and unreadable frames."""
        return [entry for entry in self.entries("in", 3, after=after) if _asks_for_an_order(entry)]
