"""Judges the order records of an earlier release, which fronts can write, by the audit log, which they cannot."""

import asyncio
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from itertools import chain
from typing import Literal

import msgspec
from pydantic import ValidationError

from bridge.audit_chain import AuditEntry
from bridge.bus.keys import Keys
from bridge.bus.messages import VERSION, Reply, Request, encode_reply
from bridge.bus.records.records import digest_of
from bridge.bus.records.scripts import KEPT_MS
from bridge.bus.records.take_over import EARLIER, JudgedRecord, UnownedRecord, unclear
from bridge.bus.transport.pipeline import CommandPipeline
from bridge.tool import OPERATIONS
from ib_worker.earlier_release.audited_calls import CHANGE, AuditedCalls, read_calls
from ib_worker.order_entry.lookup import PLACED

# Makes the answer of a call's intent, with the log's calls, for an attempt, as of the answer that its record has, with
# the session's accounts. None where the log does not say what became of the call's orders.
MakeAnswer = Callable[[AuditEntry, AuditedCalls, str, bytes, Collection[str]], Reply | None]


class _Status(msgspec.Struct):
    accounts: list[str] = []


class EarlierRecords:
    """The judge of records that a new leader does not own.

    An answer is made anew from the log, so nothing of a front's is in it. A call whose orders the log shows sent, and
    not settled, is left to IBKR's own lists. Nothing that the log does not have is believed, and nothing that it shows
    as sent is sent again, whatever fronts have deleted.
    """

    def __init__(self, pipe: CommandPipeline, keys: Keys, make_answer: MakeAnswer) -> None:
        self._pipe = pipe
        self._keys = keys
        self._make_answer = make_answer
        self._accounts: list[str] = []

    async def read_accounts(self) -> None:
        """Read the session's accounts from the last leader's status, before it is overwritten. Raises BusError."""
        status = await self._pipe.send("HGET", self._keys.heartbeat, "status")
        try:
            self._accounts = msgspec.json.decode(status or b"{}", type=_Status).accounts
        except msgspec.MsgspecError:
            self._accounts = []

    async def judge(self, records: Sequence[UnownedRecord]) -> Sequence[JudgedRecord]:
        """Return what becomes of these, and of the keys of the last week whose records are gone. Raises BusError."""
        judgement = _Judgement(await read_calls(self._pipe, self._keys), self._accounts, self._make_answer)
        return await judgement.of(records, self._pipe.clock.now_ms() - KEPT_MS)


@dataclass(frozen=True)
class _Judgement:
    calls: AuditedCalls
    accounts: Collection[str]
    make_answer: MakeAnswer

    async def of(self, records: Sequence[UnownedRecord], since_ms: int) -> list[JudgedRecord]:
        known = {each.key for each in records}
        gone = [each for each in self.calls.placed() if each.key not in known and _at_ms(each) >= since_ms]
        judged: list[JudgedRecord] = []
        for step in chain(
            (partial(self._judged, each) for each in records), (partial(self._restored, each) for each in gone)
        ):
            judged.append(step())
            await asyncio.sleep(0)  # the lease is renewed meanwhile
        return judged

    def _judged(self, record: UnownedRecord) -> JudgedRecord:
        placed = self.calls.placement(record.key)
        intent = placed or _same_call(record, self.calls.intents.get(record.key, ()))
        if intent is None:
            return unclear(record)
        open_to_ibkr = _accepted(intent, record)
        if record.state == "accepted" and open_to_ibkr is not None:
            return open_to_ibkr
        answered = self._answered(intent, record)
        return answered or (open_to_ibkr if placed is not None else None) or unclear(record)

    def _restored(self, intent: AuditEntry) -> JudgedRecord:
        """Return the record of a key that has placed something, and has no record any more."""
        gone = UnownedRecord(intent.key, "done", f"earlier-{intent.seq}", intent.digest, None)
        return self._answered(intent, gone) or replace(unclear(gone), request=_named(intent, gone.attempt))

    def _answered(self, intent: AuditEntry, record: UnownedRecord) -> JudgedRecord | None:
        if intent.tool != CHANGE and intent.tool not in PLACED:
            return None  # a cancel is free to run again
        reply = self.make_answer(intent, self.calls, record.attempt, record.reply, self.accounts)
        if reply is None:
            return None
        request = _request(intent, record) or _named(intent, record.attempt)
        return _record(intent, request, "done", reply=encode_reply(reply))


def _same_call(record: UnownedRecord, intents: Iterable[AuditEntry]) -> AuditEntry | None:
    """Return the latest intent of this very call: of its principal, its tool and its arguments."""
    asked = record.request
    if asked is None:
        return None
    call = (asked.op, asked.caller, record.digest)
    return next((each for each in reversed(list(intents)) if (each.tool, each.caller, each.digest) == call), None)


def _accepted(intent: AuditEntry, record: UnownedRecord) -> JudgedRecord | None:
    """Return the call as one that IBKR's lists will answer, None where its arguments are not known for certain."""
    request = _request(intent, record)
    if request is None:
        return None
    named = {"orderRef": intent.orderRef} if intent.orderRef and intent.tool not in PLACED else {}
    return _record(intent, request, "accepted", notes=named | {EARLIER: "1"})


def _request(intent: AuditEntry, record: UnownedRecord) -> Request | None:
    """Return the call's request, None where the record's arguments are not those whose digest the log has."""
    asked, declared = record.request, OPERATIONS.get(intent.tool)
    if asked is None or declared is None:
        return None
    try:
        arguments = declared.request.model_validate_json(bytes(asked.args))
    except ValidationError:
        return None
    if digest_of(declared, arguments) != intent.digest:
        return None
    return msgspec.structs.replace(_named(intent, record.attempt), args=asked.args, front=asked.front)


def _named(intent: AuditEntry, attempt: str) -> Request:
    """Return the request as far as the log has it: enough to tell a repeated call from another one."""
    none = msgspec.Raw(b"{}")
    return Request(
        VERSION, attempt, intent.tool, none, "earlier", _at_ms(intent), intent.caller, intent.request_id, intent.key,
        intent.digest,
    )  # fmt: skip


def _record(
    intent: AuditEntry,
    request: Request,
    state: Literal["accepted", "done"],
    reply: bytes = b"",
    notes: dict[str, str] | None = None,
) -> JudgedRecord:
    at_ms, token = _at_ms(intent), intent.token or "0"
    return JudgedRecord(intent.key, state, request, reply, True, at_ms, token, notes or {})


def _at_ms(entry: AuditEntry) -> int:
    return int(datetime.fromisoformat(entry.at).timestamp() * 1000)
