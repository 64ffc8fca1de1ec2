"""The records that an earlier release kept where fronts may write, made the leader's own: what they say is believed as
far as something says the same that no front can write."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

import msgspec

from bridge.bus.keys import Keys
from bridge.bus.messages import VERSION, Request, decode_request, encode_error
from bridge.bus.records import scripts
from bridge.bus.transport.connection import Refused
from bridge.bus.transport.errors import Fenced
from bridge.bus.transport.pipeline import CommandPipeline
from bridge.order_references import order_ref
from bridge.tool import OPERATIONS, ToolError

AT_ONCE = 1000  # names that one step of a scan looks at: a long one would keep orders waiting
TAKEN = (b"accepted", b"done")
NOBODY = msgspec.Raw(b"{}")
EARLIER = "earlier"  # the note of a record that an earlier release has accepted


@dataclass(frozen=True)
class UnownedRecord:
    """A record that is accepted or done by the part that fronts may write."""

    key: str
    state: Literal["accepted", "done"]
    attempt: str
    digest: str
    request: Request | None  # None: unreadable
    reply: bytes = b""


@dataclass(frozen=True)
class JudgedRecord:
    """A record as the leader makes it: `free` for one under which a call may run again, as a cancel may. `certain`: by
    more than a front's word. The request's id is the attempt."""

    key: str
    state: Literal["accepted", "done", "free"]
    request: Request
    reply: bytes = b""
    certain: bool = False
    at_ms: int = 0
    token: str = "0"
    notes: dict[str, str] = field(default_factory=dict)

    def fields(self) -> list[str | bytes]:
        """Return the names and values of the record's hash, without its state."""
        request = self.request
        told: dict[str, str | bytes] = {
            "dg": request.digest, "att": request.id, "tok": self.token, "req": msgspec.json.encode(request.record),
            "t_new": str(self.at_ms), "t_accepted": str(self.at_ms),
        }  # fmt: skip
        if self.state == "done":
            told |= {"res": self.reply, "t_done": str(self.at_ms)}
        told |= {f"n:{name}": value for name, value in self.notes.items()}
        return [part for pair in told.items() for part in pair]


# Gets all that fronts say was accepted or done. It may return records of other keys too, which fronts have deleted.
Judge = Callable[[Sequence[UnownedRecord]], Awaitable[Sequence[JudgedRecord]]]


def unclear(record: UnownedRecord) -> JudgedRecord:
    """Return the answer for a key of which nothing but a front's word is known. The key is used up: what it sent, if
    anything, is not sent again. A cancel is free to run again."""
    asked = record.request
    declared = OPERATIONS.get(asked.op) if asked is not None else None
    request = Request(
        VERSION, record.attempt, asked.op if asked else "", NOBODY, "earlier", 0, asked.caller if asked else "", "",
        record.key, record.digest,
    )  # fmt: skip
    if declared is not None and declared.relieves:
        return JudgedRecord(record.key, "free", request)
    return JudgedRecord(record.key, "done", request, encode_error(record.attempt, _not_known(record.key)))


def _not_known(key: str) -> ToolError:
    return ToolError(
        "not_confirmed",
        "The answer of this key is not known: an earlier release kept it where any front can write, and the audit log "
        "does not confirm it. Nothing was sent now, and nothing is sent under this key again. Check "
        f"ibkr_get_open_orders and ibkr_get_executions: an order of this key has orderRef {order_ref(key)}. If you "
        "still want it, use a new idempotencyKey.",
        orderRef=order_ref(key),
        idempotencyKey=key,
    )


async def doubt_all(records: Sequence[UnownedRecord]) -> Sequence[JudgedRecord]:
    """Judge for a bus without an audit log: doubt every record."""
    return [unclear(each) for each in records]


@dataclass(frozen=True)
class RecordTakeOver:
    """One leader's take-over, in its term."""

    pipe: CommandPipeline
    keys: Keys
    token: str

    async def run(self, judge: Judge) -> tuple[int, int]:
        """Return how many records were made this leader's, and for how many of them nothing vouches. Raises Fenced."""
        found = [each async for page in self._order_keys() for each in await self._unowned(page)]
        count = doubted = 0
        judged = await judge(found)
        for start in range(0, len(judged), AT_ONCE):
            some = judged[start : start + AT_ONCE]
            taken = await asyncio.gather(*map(self._take_over, some))
            if any(each < 0 for each in taken):
                raise Fenced
            count += sum(taken)
            doubted += sum(each for each, record in zip(taken, some, strict=True) if not record.certain)
        return count, doubted

    async def _take_over(self, record: JudgedRecord) -> int:
        names = self.keys
        keys = (names.order(record.key), names.lease, names.answer(record.key), names.inflight)
        arguments = (self.token, record.state, record.key, int(record.certain), scripts.KEPT_MS, *record.fields())
        return int(await scripts.TAKE_OVER.run(self.pipe, keys, *arguments))

    async def _unowned(self, keys: list[str]) -> list[UnownedRecord]:
        return [each for each in await asyncio.gather(*map(self._look, keys)) if each is not None]

    async def _look(self, key: str) -> UnownedRecord | None:
        try:
            found = await self.pipe.send("HMGET", self.keys.order(key), "st", "att", "dg", "req", "res")
            kept = await self.pipe.send("HGET", self.keys.answer(key), "st")
        except Refused:  # of another type, it is no record
            return None
        state, attempt, digest, request, reply = (each or b"" for each in found)
        if kept == b"done" or state not in TAKEN:
            return None
        named = {"attempt": attempt.decode(errors="replace"), "digest": digest.decode(errors="replace")}
        taken: Literal["accepted", "done"] = "accepted" if state == b"accepted" else "done"
        return UnownedRecord(key, taken, request=_readable(request), reply=reply, **named)

    async def _order_keys(self) -> AsyncIterator[list[str]]:
        """Yield the keys that have a record, page by page."""
        cursor, pattern = b"0", self.keys.order("ANY").removesuffix("ANY") + "*"
        while True:
            cursor, found = await self.pipe.send("SCAN", cursor, "MATCH", pattern, "COUNT", AT_ONCE)
            yield [key for name in found if (key := self.keys.key_of(name.decode(errors="replace")))]
            if cursor == b"0":
                return


def _readable(request: bytes) -> Request | None:
    try:
        return decode_request(request)
    except msgspec.DecodeError:
        return None
