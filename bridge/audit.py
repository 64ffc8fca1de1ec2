"""The audit log's entries and their chain: each entry carries the digest of the one before. Pure."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

GENESIS = "0" * 64  # what the first entry names as the digest before it


class Entry(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line of the log. `at` is UTC by the writer's clock; accounts are masked before they come here."""

    seq: int
    prev: str
    at: str
    event: str  # intent, sending, sent, acked, status, fill, refused, answered, halt, resume, reconciled, takeover
    caller: str = ""
    request_id: str = ""
    tool: str = ""
    key: str = ""
    digest: str = ""  # of tool and arguments
    account: str = ""
    orderRef: str = ""
    orderId: int | None = None
    clientId: int = 0
    permId: int | None = None
    status: str = ""
    token: str = ""  # the writer's lease
    details: dict[str, Any] = {}


@dataclass(frozen=True)
class Broken:
    """Where a chain fails: the entry's place in what was read, and what is wrong with it."""

    seq: int
    reason: str


def encode(entry: Entry) -> bytes:
    return msgspec.json.encode(entry)


def digest(line: bytes) -> str:
    """The digest that the next entry carries as `prev`: over the line's bytes, exactly as stored."""
    return hashlib.sha256(line).hexdigest()


def verify(lines: Iterable[bytes], head: tuple[int, str] | None = None) -> Iterator[Broken]:
    """Every break of the chain: an edited, missing or reordered entry; with `head` (seq, digest) also a cut end.

    A log whose beginning was archived starts at any seq, and its first `prev` is taken as given.
    """
    seq, prev = 0, ""
    for line in lines:
        try:
            entry = msgspec.json.decode(line, type=Entry)
        except msgspec.MsgspecError as problem:
            yield Broken(seq + 1, f"not an entry: {problem}")
            seq, prev = seq + 1, digest(line)
            continue
        yield from _check_link(entry, seq, prev)
        seq, prev = entry.seq, digest(line)
    if head is not None and seq != head[0]:
        yield Broken(head[0], f"the log ends at {seq}, but {head[0]} entries were written")
    elif head is not None and (prev or GENESIS) != head[1]:
        yield Broken(seq, "the last entry was changed after it was written")


def _check_link(entry: Entry, seq: int, prev: str) -> Iterator[Broken]:
    if prev and entry.seq != seq + 1:
        yield Broken(entry.seq, f"follows entry {seq}")
    elif prev and entry.prev != prev:
        yield Broken(entry.seq, f"entry {seq} was changed after it was written")
    elif not prev and entry.seq == 1 and entry.prev != GENESIS:
        yield Broken(1, "the first entry does not begin the chain")
