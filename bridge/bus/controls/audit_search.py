"""Reads the audit log from its end: the newest entries that contain a text."""

from dataclasses import dataclass

import msgspec

from bridge.audit_chain import AuditEntry
from bridge.bus.keys import Keys
from bridge.bus.transport.connection import Refused
from bridge.bus.transport.errors import WRONG_TYPE
from bridge.bus.transport.pipeline import CommandPipeline

PAGE = 500  # entries in one read
SCANNED = 20_000  # entries that one search goes through at most


@dataclass(frozen=True)
class AuditPage:
    """Entries, newest first. `before`: the seq to go on below, 0 where the log has no more."""

    entries: list[AuditEntry]
    before: int
    scanned: int


async def search_audit(
    pipe: CommandPipeline, keys: Keys, text: str, before: int = 0, most: int = 100, scanned: int = SCANNED
) -> AuditPage:
    """Return the newest entries below seq `before` (0: from the end) whose line has every word of the text, in small or
    capital letters. Raises BusError."""
    words = [each.lower() for each in text.split()]
    found: list[AuditEntry] = []
    read, at = 0, before
    while read < scanned:
        rows = await _page(pipe, keys, at)
        for seq, line in rows:
            read, at = read + 1, seq
            if (entry := _matching(line, words)) is not None:
                found.append(entry)
            if len(found) == most:
                return AuditPage(found, at if at > 1 else 0, read)
        if len(rows) < PAGE:
            return AuditPage(found, 0, read)
    return AuditPage(found, at, read)


def _matching(line: bytes, words: list[str]) -> AuditEntry | None:
    """Return the entry if it has all the words, None also for a line that can't be read."""
    text = line.decode(errors="replace").lower()
    if not all(each in text for each in words):
        return None
    try:
        return _ENTRIES.decode(line)
    except msgspec.MsgspecError:
        return None


async def _page(pipe: CommandPipeline, keys: Keys, before: int) -> list[tuple[int, bytes]]:
    try:
        rows = await pipe.send("XREVRANGE", keys.audit, f"({before}-0" if before else "+", "-", "COUNT", PAGE)
    except Refused as error:
        if WRONG_TYPE not in str(error):
            raise
        return []
    return [(int(name.split(b"-")[0]), fields[1]) for name, fields in rows]


_ENTRIES = msgspec.json.Decoder(AuditEntry)
