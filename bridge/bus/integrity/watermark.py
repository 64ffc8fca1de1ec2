"""The watermark: the least that Redis must know, in memory and in a small file, so that a loss of data is detected.

A Redis that was restored from an older copy still answers, and nothing in its answers shows the loss. So the leader
counts its steps in Redis (`revision`, which each renewal of the lease raises too). A count below the watermark means
that steps are lost.
"""

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zlib import crc32

import msgspec
import structlog

from bridge.audit_chain import GENESIS
from bridge.bus.halt import Halt
from bridge.tool import ToolError

SLOT = 4096  # bytes; one page, so that a process that is killed leaves a slot whole
CLIPPED = 500  # characters of what somebody else wrote, so that a slot has room

log = structlog.get_logger()


class KnownState(msgspec.Struct, frozen=True, omit_defaults=True):
    """The state that this session's leaders have seen in Redis. Unknown fields of a later release are ignored."""

    session: str
    generation: str = ""
    revision: int = 0
    token: int = 0
    audit_seq: int = 0
    audit_digest: str = GENESIS
    halt: Halt | None = None
    releases: int = -1  # of the switch, so far: one that is gone and was not released is lost; below 0 not known
    day_from_ms: int = 0  # when the exchange's day began that `day_orders` counts
    day_orders: int = 0
    steered: str = (
        ""  # what ibkr_connect or ibkr_disconnect asked for last, as `bridge.bus.controls.connection_target` writes it
    )
    written: int = 0  # counts a process's writes: of two slots with the same revision the higher is the newer

    def orders_of(self, day_from_ms: int) -> int:
        """Return how many orders were accepted on the exchange's day that began then."""
        return self.day_orders if self.day_from_ms == day_from_ms else 0


@dataclass(frozen=True)
class DataLoss:
    """A loss: Redis has less than the leader knew. `audit_seq` is where its log ends, `revision` its last step."""

    known: KnownState
    revision: int
    audit_seq: int

    @property
    def entries(self) -> int:
        """Return the number of lost entries of the audit log."""
        return max(self.known.audit_seq - self.audit_seq, 0)

    def __str__(self) -> str:
        if self.revision == 0:
            return f"Redis has lost its history, and with it {self.entries} entries of the audit log"
        if not self.entries:
            return "Redis lacks data that this session had: keys were deleted, or an older copy of them was put back"
        return (
            f"Redis was put back to an older copy of its data: its audit log ends at entry {self.audit_seq}, and "
            f"{self.known.audit_seq} had been written"
        )


def data_lost_error() -> ToolError:
    """Return the error of a call that met an older copy of Redis: it sent nothing, but its key may be known no more."""
    return ToolError(
        "unknown",
        "Redis has lost data, or was restored from an older copy, so an earlier call with this key may have been "
        "carried out. This call sent nothing. Retry with the same key in 30 seconds, never with another key.",
        reason="data_lost",
    )


class Watermark:
    """The known state, raised as Redis confirms steps. Without a file it lasts as long as this process."""

    def __init__(self, session: str, path: Path | None = None) -> None:
        self.known = KnownState(session)
        self._file = WatermarkFile(path) if path is not None else None

    def load(self) -> None:
        """Read the file of an earlier leader, if it knows more. Call this with each new lease."""
        found = self._file.read() if self._file is not None else None
        if found is None:
            return
        if found.session != self.known.session:
            log.warning("watermark_of_another_session", session=found.session)
        elif found.revision > self.known.revision:
            self.known = found

    def note(self, revision: int = 0, **figures: Any) -> None:
        """Record what Redis has confirmed. The revision never falls; an answer may arrive after a later one's."""
        self._raise(revision, figures)
        if self._file is not None:
            self._file.write(self.known)

    def observe(self, revision: int, **figures: Any) -> None:
        """Record what a standby has read; its leader may write the same file, and then knows more."""
        self._raise(revision, figures)
        if self._file is not None and not self._file.has(self.known):
            self._file.write(self.known)

    def counted_twice(self, revision: int) -> bool:
        """Return whether Redis has counted a step under a number that is already known.

        That happens when an older copy replaced Redis between request and answer. From then on every comparison finds
        that Redis has less. Call this in the order in which Redis has answered.
        """
        twice = 0 < revision <= self.known.revision
        if twice:
            self.note(self.known.revision + 1)
        return twice

    def _raise(self, revision: int, figures: dict[str, Any]) -> None:
        highest = max(revision, self.known.revision)
        self.known = msgspec.structs.replace(self.known, revision=highest, **figures)

    async def sync(self) -> None:
        """For ever: force the file to the disk after each change, beside the orders' way."""
        if self._file is None:
            await asyncio.Event().wait()
        else:
            await self._file.sync()


class WatermarkFile:
    """A file with two slots.

    The newer slot is overwritten in place, in microseconds and without a sync, so a killed process leaves all it knew.
    Once that slot is on disk, the other one is used next, so a crash of the machine leaves one slot intact. Nothing
    here raises: without the file the next leader compares Redis with IBKR alone.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None
        self._slot = 0
        self._written = 0
        self._dirty = asyncio.Event()
        self._said = False

    def read(self) -> KnownState | None:
        """The newer whole slot, None where there is none."""
        found = self._newest()
        if found is None:
            return None
        slot, known = found
        self._written = known.written
        self._slot = 1 - slot  # the newer one stays whole whatever happens next
        return known

    def has(self, known: KnownState) -> bool:
        """Return whether the file already holds this revision or a later one of the same session."""
        found = self._newest()
        return found is not None and found[1].session == known.session and found[1].revision >= known.revision

    def _newest(self) -> tuple[int, KnownState] | None:
        """The slot that tells of the most steps: two processes of one machine that share the file count their writes
        each for itself. After another session's, whose steps say nothing here, the later one."""
        try:
            text = self._path.read_bytes()
        except OSError:
            return None
        found = [(slot, known) for slot in (0, 1) if (known := _parsed(text[slot * SLOT :][:SLOT]))]
        if len({known.session for _, known in found}) > 1:
            return max(found, key=lambda each: (each[1].written, each[0]))
        return max(found, key=lambda each: (each[1].revision, each[1].written, each[0]), default=None)

    def write(self, known: KnownState) -> None:
        self._written += 1
        text = _text(msgspec.structs.replace(known, written=self._written))
        self._tried(lambda: os.pwrite(self._opened(), text, self._slot * SLOT))
        self._dirty.set()

    async def sync(self) -> None:
        """Force the file to the disk after each change, for ever."""
        while True:
            await self._dirty.wait()
            self._dirty.clear()
            if self._descriptor is None:
                continue
            await asyncio.to_thread(self._tried, self._synced)
            if not self._dirty.is_set():  # what was written meanwhile may be only half on the disk
                self._slot = 1 - self._slot

    def _synced(self) -> None:
        os.fsync(self._opened())

    def _opened(self) -> int:
        """Ours alone, and no other process follows a link that somebody else has put there."""
        if self._descriptor is None:
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
            self._descriptor = os.open(self._path, flags, 0o600)
        return self._descriptor

    def _tried(self, step: Callable[[], object]) -> None:
        try:
            step()
        except OSError as error:
            if not self._said:
                log.warning("watermark_file_unusable", file=str(self._path), error=str(error))
            self._said = True

    def close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def _text(known: KnownState) -> bytes:
    halt = known.halt
    if halt is not None:
        known = msgspec.structs.replace(
            known, halt=msgspec.structs.replace(halt, by=halt.by[:CLIPPED], reason=halt.reason[:CLIPPED])
        )
    body = msgspec.json.encode(known)
    return b"%08x %s\n" % (crc32(body), body)


def _parsed(slot: bytes) -> KnownState | None:
    line, end, _ = slot.partition(b"\n")
    digest, _, body = line.partition(b" ")
    if not end or digest != b"%08x" % crc32(body):
        return None
    try:
        return msgspec.json.decode(body, type=KnownState)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
