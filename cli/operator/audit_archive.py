"""The audit log's archive: files of lines as they were stored. Only archived entries may be trimmed from Redis."""

import fcntl
import os
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

from bridge.audit_chain import GENESIS, Chain, ChainBreak, digest
from bridge.bus.controls.audit_log import read_archived, read_log, trim
from bridge.bus.keys import Keys
from bridge.bus.transport.pipeline import CommandPipeline

LINES_PER_FILE = 20_000  # held in memory until they are written
RESTORED = "if an older copy of Redis was restored since, --after-restore sets aside what only the archive holds"
LONGEST_LINE = 1 << 20  # bytes, and far more than an entry has


class ArchiveMismatch(Exception):
    """The archive and the log do not match: nothing is trimmed."""


class Archive:
    """A folder with the files of one session: SESSION-FIRST-LAST.jsonl, by the seq of their first and last line.

    A file gets its name only once it is complete and on disk, so a crash leaves no partial file.
    """

    def __init__(self, folder: Path, session: str) -> None:
        self._folder = folder
        self._session = session
        self._name = re.compile(re.escape(session) + r"-([0-9]{12})-([0-9]{12})\.jsonl")

    def files(self) -> list[Path]:
        """Return the files of the archive, oldest first."""
        if not self._folder.is_dir():
            return []
        return sorted(each for each in self._folder.iterdir() if self._name.fullmatch(each.name))

    def lines(self) -> Iterator[bytes]:
        for each in self.files():
            with each.open("rb") as file:
                for line in file:
                    yield line[:-1]

    def last(self) -> bytes | None:
        """The last line, None where nothing is archived."""
        files = self.files()
        if not files:
            return None
        with files[-1].open("rb") as file:
            file.seek(max(files[-1].stat().st_size - LONGEST_LINE, 0))
            return file.read().splitlines()[-1]

    def end(self) -> tuple[int, str]:
        """Seq and digest of the last line; (0, GENESIS) where nothing is archived."""
        files, last = self.files(), self.last()
        named = self._name.fullmatch(files[-1].name) if files else None
        return (int(named[2]), digest(last)) if named and last is not None else (0, GENESIS)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Nobody else writes meanwhile. Raises ArchiveMismatch where somebody does."""
        self._folder.mkdir(parents=True, exist_ok=True)
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
        except BlockingIOError:
            raise ArchiveMismatch("another process archives into this folder now") from None
        finally:
            os.close(folder)

    def write(self, lines: list[bytes], first: int) -> Path:
        """One more file, on disk when this returns."""
        whole = self._folder / f"{self._session}-{first:012d}-{first + len(lines) - 1:012d}.jsonl"
        part = whole.with_suffix(".part")
        with part.open("wb") as file:
            file.writelines(line + b"\n" for line in lines)
            file.flush()
            os.fsync(file.fileno())
        part.rename(whole)
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        return whole

    def set_aside(self, after: int) -> Path:
        """Move what it holds beyond seq `after` into a folder beside its files, which nothing here reads."""
        aside = self._folder / f"set-aside-{self._session}-{after + 1:012d}-{self.end()[0]:012d}"
        aside.mkdir(exist_ok=True)
        for each in self.files():
            first, last = (int(each.name.removesuffix(".jsonl").split("-")[place]) for place in (-2, -1))
            if last <= after:
                continue
            if first <= after:  # before its file goes, so that a crash in between loses nothing
                with each.open("rb") as file:
                    self.write([line[:-1] for line in islice(file, after - first + 1)], first)
            each.rename(aside / each.name)
        return aside


async def archive_log(pipe: CommandPipeline, keys: Keys, archive: Archive) -> int:
    """Archive the log's entries beyond the archive, then trim them; return how many were written to files.

    Raises ArchiveMismatch if log and archive do not match, BusError, OSError. After any failure the entries are in
    the log or in a complete file, and a second call continues from there.
    """
    with archive.alone():
        return await _archive(pipe, keys, archive)


async def _archive(pipe: CommandPipeline, keys: Keys, archive: Archive) -> int:
    archived, trimmed = archive.end(), await read_archived(pipe, keys.audit_head)
    if archived[0] < trimmed[0] or (archived[0] == trimmed[0] and archived != trimmed):
        raise ArchiveMismatch(f"entries up to {trimmed[0]} were archived before, and this folder ends at {archived[0]}")
    chain, count, lines = Chain(archived), 0, list[bytes]()
    async for line in read_log(pipe, keys, archived[0]):
        if broken := chain.take(line):
            raise ArchiveMismatch(f"entry {broken.seq}: {broken.reason}; {RESTORED}")
        lines.append(line)
        if len(lines) == LINES_PER_FILE:
            archive.write(lines, chain.seq - len(lines) + 1)
            count, lines = count + len(lines), []
    if lines:
        archive.write(lines, chain.seq - len(lines) + 1)
    last = archive.last()
    if last is not None and not await trim(pipe, keys, last):
        raise ArchiveMismatch(f"the log holds another entry than the archive's last: {RESTORED}")
    return count + len(lines)


async def set_aside_after_restore(pipe: CommandPipeline, keys: Keys, archive: Archive) -> Path | None:
    """Set aside what the archive holds and the log of a restored copy does not; where it went, None where nothing did.

    Raises ArchiveMismatch where the archive is of another log.
    """
    with archive.alone():
        shared = await _shared(pipe, keys, archive)
        return archive.set_aside(shared) if shared < archive.end()[0] else None


async def _shared(pipe: CommandPipeline, keys: Keys, archive: Archive) -> int:
    """The seq of the last entry that both hold; a trimmed one is told by its digest."""
    trimmed, archived = await read_archived(pipe, keys.audit_head), archive.lines()
    last = next(islice(archived, trimmed[0] - 1, None), None) if trimmed[0] else None
    if (digest(last) if last is not None else GENESIS) != trimmed[1]:
        raise ArchiveMismatch(f"this folder's entry {trimmed[0]} is not the one that was archived from this log")
    shared = trimmed[0]
    async for line in read_log(pipe, keys, shared):
        if line != next(archived, None):
            break
        shared += 1
    return shared


async def verify_both(
    archive: Archive, log: AsyncIterator[bytes], trimmed: tuple[int, str], head: tuple[int, str]
) -> tuple[int, list[ChainBreak]]:
    """The number of entries over archive and log, and every break; where both hold an entry, they must agree."""
    whole, end, count = Chain((0, GENESIS)), archive.end(), 0
    found: list[ChainBreak] = []
    for line in archive.lines():
        count += 1
        if broken := whole.take(line):
            found.append(broken)
    twice = Chain(trimmed)
    async for line in log:
        chain = twice if twice.seq < end[0] else whole  # what is archived and not trimmed yet was counted above
        count += chain is whole
        if broken := chain.take(line):
            found.append(broken)
        if chain is twice and twice.seq == end[0] and twice.digest != end[1]:
            found.append(ChainBreak(twice.seq, "the archive holds another entry"))
    if broken := whole.end(head):
        found.append(broken)
    return count, found
