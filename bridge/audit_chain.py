"""The audit log's entries and their chain: each entry carries the digest of the one before. Pure."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

GENESIS = "0" * 64  # what the first entry names as the digest before it
DATA_LOSS: Literal["data_loss"] = (
    "data_loss"  # the event of an entry that says where the log was cut, as Redis had lost what came after
)
CUT = "Redis lost the end of its log here"  # how the finding about such an entry begins
NO_BEGINNING = "the first entry does not begin the chain"


class AuditEntry(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line of the log. `at` is UTC by the writer's clock; accounts are masked by the writer."""

    seq: int
    prev: str
    at: str
    event: str  # intent, refused, halt, resume, data_loss, and those of ib_worker.orders.events
    caller: str = ""  # the principal
    label: str = ""  # the MCP client's name
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
class ChainBreak:
    """One place where a chain fails: the entry's seq, and what is wrong with it."""

    seq: int
    reason: str


def encode(entry: AuditEntry) -> bytes:
    return msgspec.json.encode(entry)


def digest(line: bytes) -> str:
    """The digest that the next entry carries as `prev`: over the line's bytes, exactly as stored."""
    return hashlib.sha256(line).hexdigest()


class Chain:
    """A check of the log, line by line. `seq` and `digest` are of the last line taken.

    Without `after` (seq and digest of the entry before the first) any beginning is accepted, unless it is the log's
    very first entry.
    """

    def __init__(self, after: tuple[int, str] | None = None) -> None:
        self.seq, self.digest = after or (0, "")

    def take(self, line: bytes) -> ChainBreak | None:
        """Return what is wrong with this line or the one before, None if nothing is."""
        before, self.digest = (self.seq, self.digest), digest(line)
        try:
            link = _links.decode(line)
        except msgspec.MsgspecError as problem:
            self.seq += 1
            return ChainBreak(self.seq, f"not an entry: {problem}")
        self.seq = link.seq
        return _check_link(link, *before) or (_cut(line) if link.event == DATA_LOSS else None)

    def end(self, head: tuple[int, str]) -> ChainBreak | None:
        """Compare the log's end with the head (seq, digest) kept beside it; return the break, None if there is none."""
        if self.seq != head[0]:
            return ChainBreak(head[0], f"the log ends at {self.seq}, but {head[0]} entries were written")
        if (self.digest or GENESIS) != head[1]:
            return ChainBreak(self.seq, "the last entry was changed after it was written")
        return None


def verify(
    lines: Iterable[bytes], head: tuple[int, str] | None = None, after: tuple[int, str] | None = None
) -> Iterator[ChainBreak]:
    """Every break of the chain: an edited, missing, inserted or reordered entry; with `head` also a cut end, with
    `after` also a cut beginning."""
    chain = Chain(after)
    for line in lines:
        if broken := chain.take(line):
            yield broken
    if head is not None and (broken := chain.end(head)):
        yield broken


class _Link(msgspec.Struct):
    """The part of an entry that its chain needs: the digests vouch for the rest."""

    seq: int
    prev: str
    at: str
    event: str


_links = msgspec.json.Decoder(_Link)


def _check_link(link: _Link, seq: int, prev: str) -> ChainBreak | None:
    if prev and link.seq != seq + 1:
        return ChainBreak(link.seq, f"follows entry {seq}")
    if prev and link.prev != prev:
        return ChainBreak(link.seq, f"entry {seq} was changed after it was written" if seq else NO_BEGINNING)
    if not prev and link.seq == 1 and link.prev != GENESIS:
        return ChainBreak(1, NO_BEGINNING)
    return None


def _cut(line: bytes) -> ChainBreak:
    """Describe the break that an entry reports which was written after Redis had lost the end of its log."""
    entry = msgspec.json.decode(line, type=AuditEntry)
    known, last = entry.details.get("known_seq"), entry.details.get("cut_at")
    return ChainBreak(
        entry.seq,
        f"{CUT}: entries {_next(last)} to {known} had been written ({entry.at})",
    )


def _next(seq: object) -> object:
    return seq + 1 if isinstance(seq, int) else seq
