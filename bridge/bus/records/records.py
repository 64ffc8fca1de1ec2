"""Order records: two hashes per key that say how far a write has come, moved only by scripts. Fronts write what was
asked for into the first, and the leader what became of it into the second, which no front can write.

    new ──accept──► accepted ──finish──► done (kept seven days)
     └──withdraw──► withdrawn

`new` is the durable intent that nobody took yet, `accepted` is written by the lease's holder right before the frame,
and `done` holds the call's answer. Notes (SENT, ACKED, permId …) may be added from `accepted` on.
"""

import asyncio
import hashlib
from dataclasses import dataclass
from typing import Literal, get_args

import msgspec
import structlog
from pydantic_core import to_json

from bridge.bus.integrity.replication import UNKNOWN_ID, replication_id_of
from bridge.bus.integrity.watermark import Watermark, data_lost_error
from bridge.bus.keys import Keys
from bridge.bus.messages import Reply, Request, decode_reply, decode_request
from bridge.bus.records import scripts
from bridge.bus.records.admission import NO_RULES, AdmissionRules
from bridge.bus.records.take_over import TAKEN, Judge, RecordTakeOver, doubt_all
from bridge.bus.transport.connection import Refused
from bridge.bus.transport.errors import WRONG_TYPE, Fenced, StaleRequest
from bridge.bus.transport.pipeline import CommandPipeline
from bridge.tool import OPERATIONS, ToolRequest, ToolSpec

State = Literal["new", "accepted", "done", "withdrawn"]
RecordWord = Literal[
    State, "submitted", "absent", "other_principal", "conflict", "no_generation", "other_generation", "no_worker"
]

PASSES = {"idempotencyKey", "confirmationToken", "duplicateOf"}

TOLD = b"n:told"  # the one note that a front writes

log = structlog.get_logger()

_STATES: dict[bytes, State] = {each.encode(): each for each in get_args(State)}
_WORDS: dict[bytes, RecordWord] = {each.encode(): each for each in get_args(RecordWord)}


@dataclass(frozen=True)
class RecordSnapshot:
    """The result of a front's step: the record's state, or why nothing was written, and the attempt that the record
    holds."""

    word: RecordWord
    attempt: str = ""
    reply: bytes = b""
    generation: str = ""
    first_ms: int = 0  # when the key's earlier call was answered, by the server's clock


@dataclass(frozen=True)
class OrderRecord:
    """One order record as the worker reads it. Times are the server's clock in ms, 0 where not reached."""

    key: str
    state: State
    digest: str
    attempt: str
    token: int
    request: Request
    reply: Reply | None
    notes: dict[str, str]
    new_ms: int
    accepted_ms: int
    done_ms: int


def digest_of(declared: ToolSpec, arguments: ToolRequest) -> str:
    """Return the digest that two equal calls share.

    Defaults are left out, so that a new optional argument changes no digest. Arguments that only let an order pass are
    left out too, so that a retry does not need them.
    """
    given = arguments.model_dump(exclude_defaults=True, exclude=PASSES)
    always = type(arguments).always_digested
    stated = {
        name: given.get(name, getattr(arguments, name))
        for name in type(arguments).model_fields
        if name in given or name in always
    }
    return hashlib.sha256(b"%s\n%s" % (declared.name.encode(), to_json(stated))).hexdigest()


class RecordClient:
    """The front's access to records: submit, look, withdraw."""

    def __init__(self, pipe: CommandPipeline, keys: Keys, front: str) -> None:
        self._pipe = pipe
        self._keys = keys
        self.generation = ""  # as last heard

    async def submit(
        self, request: Request, message: bytes, ttl_ms: int, generation: str = "", renews: bool = False
    ) -> RecordSnapshot:
        """Create the record and publish the request with proof and token, or find what the key already holds. Doing it
        again with the same attempt is harmless; `generation` then says that Redis must not have lost its data in
        between. `renews`: the answer of an earlier call is replayed only until that call's deadline."""
        names, key = self._keys, request.key or ""
        keys = (
            names.order(key), names.generation, names.requests, names.answer(key), names.lease, names.owned,
        )  # fmt: skip
        principal = (request.caller, "1" if renews else "0", request.proof, request.token)
        arguments = (request.digest, request.id, ttl_ms, message, generation, scripts.TOMBSTONE_MS, *principal)
        return self._heard(await scripts.SUBMIT.run(self._pipe, keys, *arguments))

    async def read(self, key: str, attempt: str = "") -> RecordSnapshot:
        """Return the record as the call with this attempt is to see it."""
        return self._heard(await scripts.LOOK.run(self._pipe, self._parts(key), attempt))

    def _parts(self, key: str) -> tuple[str, ...]:
        names = self._keys
        return (names.order(key), names.generation, names.answer(key), names.lease, names.owned)

    async def told(self, key: str) -> None:
        """Note that the call's client has received the answer and its key."""
        await scripts.TOLD.run(self._pipe, (self._keys.order(key),))

    async def withdraw(self, key: str, attempt: str) -> RecordSnapshot:
        """Take the attempt back unless somebody accepted it: `withdrawn` is certain, `absent` means that the record was
        not there (any more)."""
        return self._heard(await scripts.WITHDRAW.run(self._pipe, self._parts(key), attempt, scripts.TOMBSTONE_MS))

    async def compared(self) -> bool | None:
        """Return whether a leader has compared this very server process with the watermark; None where nobody can tell.

        A server that was restarted or promoted since may hold an older copy. Raises BusError.
        """
        told = self._pipe.send("INFO", "replication")
        told.add_done_callback(lambda done: done.cancelled() or done.exception())
        [under] = await self._pipe.send("HMGET", self._keys.heartbeat, "compared")
        try:
            now = replication_id_of(await told)
        except Refused:
            return None
        return None if under is None or now == UNKNOWN_ID else under.decode() == now

    def _heard(self, answer: list[bytes]) -> RecordSnapshot:
        word, attempt, reply, generation = answer[:4]
        self.generation = generation.decode(errors="replace")
        first = answer[5] if len(answer) > 5 else b""
        return RecordSnapshot(
            _WORDS.get(word, "absent"), attempt.decode(), reply, self.generation, int(first) if first.isdigit() else 0
        )


class RecordKeeper:
    """The leader's access to records: every step from acceptance on."""

    def __init__(self, pipe: CommandPipeline, keys: Keys, token: int, watermark: Watermark | None = None) -> None:
        """Without a watermark of the leader's nothing is compared."""
        self._pipe = pipe
        self._keys = keys
        self._token = str(token)
        self._watermark = watermark or Watermark(keys.session)
        self.owned = (
            asyncio.Event()
        )  # until then nothing is placed: a front may have deleted an earlier release's record
        self.owned.set()

    async def accept(self, request: Request, execution: str, gate: AdmissionRules | None = None, **notes: str) -> None:
        """The last step before the frame; a placing passes its gate here, and the notes are written with it. Raises
        Fenced, Gone, or ToolError (halted, limit_exceeded, possible_duplicate, unknown); then nothing may be sent."""
        key, names, known = request.key or "", self._keys, self._watermark.known
        duplicate = names.duplicate(gate.terms if gate else "none")
        keys = (
            names.order(key), names.lease, names.inflight, names.halt, names.accepted, duplicate, names.generation,
            names.revision, names.duplicate(gate.shared or gate.terms) if gate else duplicate, names.halts,
            names.answer(key),
        )  # fmt: skip
        gated = gate.arguments() if gate else NO_RULES
        noted = [part for pair in notes.items() for part in pair]
        switch = (int(known.halt is not None), known.releases)
        figures = (known.revision, known.generation, *switch, known.day_from_ms, known.day_orders)
        declared = OPERATIONS.get(request.op)
        renews = int(declared is not None and declared.relieves)
        asked = (renews, request.digest, msgspec.json.encode(request.record))
        arguments = (self._token, request.id, execution, key, scripts.KEPT_MS, *gated, *figures, *asked, *noted)
        word, *details = await scripts.ACCEPT.run(self._pipe, keys, *arguments)
        _moved(word)
        if word == b"behind":
            raise data_lost_error()
        if gate is not None and word != b"accepted":
            gate.raise_refusal(word.decode(), *details)
        revision, of_the_day = map(int, details[1:])
        if self._watermark.counted_twice(revision):
            raise data_lost_error()
        self._accepted(gate, revision, of_the_day)

    def _accepted(self, gate: AdmissionRules | None, revision: int, of_the_day: int) -> None:
        counted = {"day_from_ms": gate.day_from_ms, "day_orders": of_the_day} if gate and of_the_day else {}
        self._watermark.note(revision, **counted)

    async def finish(self, request: Request, reply: bytes) -> None:
        """Store the answer and send it to the caller. Raises StaleRequest if a later leader has adopted the order."""
        key = request.key or ""
        names = self._keys
        keys = (
            names.order(key),
            names.lease,
            names.inflight,
            names.replies(request.front),
            names.revision,
            names.answer(key),
        )
        message = msgspec.json.encode(request.record)
        arguments = (self._token, reply, request.digest, request.id, message, key, scripts.KEPT_MS)
        known = self._watermark.known.revision
        word, revision = await scripts.FINISH.run(self._pipe, keys, *arguments, known)
        _moved(word)
        self._watermark.note(int(revision))

    async def refuse(self, request: Request, execution: str, reply: bytes, gate: AdmissionRules | None = None) -> None:
        """Withdraw an attempt for which nothing was sent, and send the caller the reason.

        The attempt was accepted by this execution or not at all. Its key may be used again, and its counts at the gate
        are given back.
        """
        key, names = request.key or "", self._keys
        gated = (
            (names.accepted, names.duplicate(gate.terms), names.duplicate(gate.shared or gate.terms)) if gate else ()
        )
        keys = (names.order(key), names.answer(key), names.replies(request.front), names.inflight, *gated)
        orders = gate.orders if gate else 0
        arguments = (request.id, reply, scripts.TOMBSTONE_MS, execution, self._token, key, orders)
        if given_back := int(await scripts.REFUSE.run(self._pipe, keys, *arguments)):
            self._watermark.note(day_orders=max(self._watermark.known.day_orders - given_back, 0))

    async def latest_equal(self, terms: str) -> tuple[str, OrderRecord | None] | None:
        """Return the key of the latest order with these terms while it holds its equals, with its record."""
        found = await self._pipe.send("GET", self._keys.duplicate(terms))
        return (found.decode(), await self._readable(found.decode())) if found else None

    def now_ms(self) -> int:
        return self._pipe.clock.now_ms()

    async def note(self, key: str, **fields: str) -> None:
        """Write free fields on an order that is accepted or done. Raises Fenced or Gone."""
        pairs = [part for pair in fields.items() for part in pair]
        keys = (self._keys.order(key), self._keys.lease, self._keys.answer(key))
        _moved(await scripts.NOTE.run(self._pipe, keys, self._token, scripts.KEPT_MS, *pairs))

    async def adopt(self, key: str) -> None:
        """Take over an order that an earlier leader accepted: it can't finish it any more. Raises Fenced or Gone."""
        keys = (self._keys.order(key), self._keys.lease, self._keys.answer(key))
        _moved(await scripts.ADOPT.run(self._pipe, keys, self._token))

    async def unfinished(self) -> list[OrderRecord]:
        """Return the accepted and unfinished orders, oldest first. Those of an earlier leader (another `token`) have to
        be adopted and reconciled."""
        members = await self._inflight()
        records = [await self._readable(member.decode(errors="replace")) for member in members]
        accepted = [record for record in records if record is not None and record.state == "accepted"]
        return sorted(accepted, key=lambda record: (record.accepted_ms, record.key))

    async def _inflight(self) -> list[bytes]:
        """Return the keys of orders in flight. If the set was overwritten with another type, it is started again."""
        try:
            members: list[bytes] = await self._pipe.send("SMEMBERS", self._keys.inflight)
        except Refused as error:
            if WRONG_TYPE not in str(error):
                raise
            log.error("inflight_unreadable", error=str(error))
            await self._pipe.send("DEL", self._keys.inflight)
            return []
        return members

    async def _readable(self, key: str) -> OrderRecord | None:
        """Return the record, None if it is damaged: it must not keep a worker from serving."""
        try:
            return await self.read(key)
        except (msgspec.DecodeError, UnicodeDecodeError, KeyError, ValueError, Refused) as error:
            log.error("record_unreadable", key=key, error=str(error))
            return None

    async def read(self, key: str) -> OrderRecord | None:
        """The record of a key, None where there is none (or where only a tombstone is left)."""
        own, asked = (
            self._pipe.send("HGETALL", self._keys.answer(key)),
            self._pipe.send("HGETALL", self._keys.order(key)),
        )
        kept, told = _fields(await own), _fields(await asked)
        if kept.get(b"st") in TAKEN:
            return _record(key, kept | {name: told[name] for name in (TOLD,) if name in told})
        return _record(key, told) if b"req" in told else None

    async def is_taken(self, key: str) -> bool:
        """Return whether a leader has accepted or answered the key, by its own part of the record."""
        return await self._pipe.send("HGET", self._keys.answer(key), "st") in TAKEN

    async def own(self, judge: Judge = doubt_all) -> None:
        """Make the records of an earlier release this leader's own, once, as the judge finds them; from then on no
        front's word counts for what was accepted or answered. Raises Fenced."""
        names = self._keys
        if await self._pipe.send("GET", names.owned) == self._token.encode():
            self.owned.set()
            return
        count, doubted = await RecordTakeOver(self._pipe, names, self._token).run(judge)
        if not await scripts.OWN.run(self._pipe, (names.lease, names.owned), self._token):
            raise Fenced
        self.owned.set()
        if count:
            log.info("records_taken_over", count=count, doubted=doubted)

    async def counted_ids(self) -> int:
        """Return the highest order id that was handed out; 0 if none was, or if the counter is lost or damaged."""
        return int(await scripts.COUNTED.run(self._pipe, (self._keys.order_ids,)))

    async def order_ids(self, floor: int, count: int = 1) -> int:
        """Return the first of `count` fresh order ids, not below `floor` (TWS's nextValidId) and above every earlier
        id. The mark is stored before the ids are used. Raises Fenced."""
        keys = (self._keys.order_ids, self._keys.lease)
        first = int(await scripts.ORDER_IDS.run(self._pipe, keys, self._token, floor, count))
        if first == 0:
            raise Fenced
        return first


def _fields(flat: list[bytes]) -> dict[bytes, bytes]:
    return dict(zip(flat[::2], flat[1::2], strict=True))


def _moved(word: bytes) -> None:
    if word == b"fenced":
        raise Fenced
    if word == b"gone":
        raise StaleRequest


def _record(key: str, fields: dict[bytes, bytes]) -> OrderRecord:
    reply = fields.get(b"res")
    return OrderRecord(
        key=key,
        state=_STATES[fields[b"st"]],
        digest=fields.get(b"dg", b"").decode(),
        attempt=fields[b"att"].decode(),
        token=int(fields.get(b"tok", b"0")),
        request=decode_request(fields[b"req"]),
        reply=decode_reply(reply) if reply else None,
        notes={name[2:].decode(): value.decode() for name, value in fields.items() if name.startswith(b"n:")},
        new_ms=int(fields.get(b"t_new", b"0")),
        accepted_ms=int(fields.get(b"t_accepted", b"0")),
        done_ms=int(fields.get(b"t_done", b"0")),
    )
