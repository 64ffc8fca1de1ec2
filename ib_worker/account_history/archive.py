"""The archive of the account's past: files of lines on a volume of the worker's own. Blocking: called in a thread."""

import os
import re
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import structlog

from bridge.bus.history.store import Record

OWNER_ALONE = 0o600  # the lines name accounts and what they hold
Name = tuple[str, str]  # shelf and field

log = structlog.get_logger("ib_worker.account_history.archive")


class HistoryArchive:
    """A folder with one file of a session for each year, SESSION-YYYY.jsonl. Lines are only ever added."""

    def __init__(self, folder: Path, session: str) -> None:
        self._folder = folder
        self._session = session
        self._named = re.compile(re.escape(session) + r"-[0-9]{4}\.jsonl")

    def append(self, records: Iterable[Record]) -> None:
        """Add the records; they are on disk when this returns. Raises OSError."""
        years = defaultdict[int, list[bytes]](list)
        for each in records:
            years[datetime.fromtimestamp(each.at, UTC).year].append(msgspec.json.encode(each))
        self._folder.mkdir(parents=True, exist_ok=True)
        for year, lines in years.items():
            self._add(self._folder / f"{self._session}-{year:04d}.jsonl", lines)

    def read(self) -> dict[Name, Record]:
        """Return every record, the latest of each name. Raises OSError.

        A line that cannot be read is passed over: a crash in the middle of a write leaves one.
        """
        found: dict[Name, Record] = {}
        for file in self._files():
            for number, line in enumerate(file.read_bytes().splitlines(), 1):
                try:
                    each = _RECORDS.decode(line)
                except msgspec.DecodeError as error:
                    log.warning("history_line_unreadable", file=file.name, line=number, error=str(error))
                    continue
                found[each.shelf, each.field] = each
        return found

    def _files(self) -> list[Path]:
        if not self._folder.is_dir():
            return []
        return sorted(each for each in self._folder.iterdir() if self._named.fullmatch(each.name))

    def _add(self, file: Path, lines: list[bytes]) -> None:
        with os.fdopen(os.open(file, os.O_RDWR | os.O_CREAT | os.O_APPEND, OWNER_ALONE), "ab+") as whole:
            if whole.tell() and not _ends_a_line(whole.fileno(), whole.tell()):
                whole.write(b"\n")
            whole.write(b"".join(line + b"\n" for line in lines))
            whole.flush()
            os.fsync(whole.fileno())


def _ends_a_line(file: int, size: int) -> bool:
    return os.pread(file, 1, size - 1) == b"\n"


_RECORDS = msgspec.json.Decoder(Record)
