"""One call of a write, from its durable intent to its result: done, certainly not executed, pending, or unknown."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec

from bridge.bus.client.replies import ReplyInbox, WorkerLost
from bridge.bus.messages import Reply, Request, decode_reply, encode_record, result_of
from bridge.bus.records.records import RecordClient, RecordSnapshot
from bridge.bus.records.scripts import NEW_GRACE_MS
from bridge.bus.transport.connection import BusError, Full, Unanswered
from bridge.bus.transport.pipeline import CommandPipeline
from bridge.tool import ToolError

GRACE_S = 5.0  # of the whole wait, kept for a worker that has accepted to answer
POLL_S = 0.05  # how often a record is read that no reply will come for
QUIET_POLL_S = 0.5  # how often while the reply channel stands, where a look is only a precaution

# Why nothing was carried out; the word is the `reason` in the error's details.
NOT_EXECUTED = {
    "no_worker": "no worker serves this session. Start ib_worker, then retry with the same key.",
    "late": "no worker accepted it in time, and it was withdrawn. Retry with the same key.",
    "worker_lost": "the worker was lost before it accepted the call, which was withdrawn. Retry with the same key.",
    "bus_down": "Redis does not answer, so this call sent nothing. An earlier call with this key may have: start "
    "Redis, then retry with the same key.",
    "withdrawn": "the worker withdrew it. Retry with the same key.",
}
FULL = (
    "Not executed: Redis is out of memory or disk and accepts no writes, so this call sent nothing. An earlier call "
    "with this key may have. Give Redis more memory or disk, then retry with the same key. Make an urgent cancel in "
    "TWS."
)
NO_HISTORY = (
    "Redis has no history of this session, or has lost a part of it: writes wait until the worker has compared Redis "
    "with IBKR. This call sent nothing, but an earlier call with this key may have. Retry with the same key in 30 "
    "seconds."
)
PENDING = "A worker has accepted the call and not answered yet. Retry with the same key, never with another one."
ELSEWHERE = "Another call with this key is in progress. Retry with the same key to get its answer."
UNKNOWN = "Redis cannot tell whether the call was carried out. Retry with the same key, never with another one."
CONFLICT = "This idempotencyKey belongs to a call with other arguments. Use a new key for a new order."
REPLAYED = "Replayed: the answer of {} to the first call with this key."
RENEWED = "A new cancel: the first call with this key was answered at {}, and its deadline has passed."
UNKNOWN_TIME = "an unknown time"
OTHER_PRINCIPAL = "This idempotencyKey belongs to another client. Nothing was sent. Use a new key."


@dataclass(frozen=True)
class Deadlines:
    """Two times of the loop's clock: the last time at which a worker may accept, and the end of the wait for its
    answer."""

    accept_by: float
    answer_by: float

    @classmethod
    def within(cls, total_s: float) -> "Deadlines":
        now = _now()
        return cls(now + total_s - min(GRACE_S, total_s / 4), now + total_s)

    def accept_in_s(self) -> float:
        return self.accept_by - _now()

    def grace_ms(self) -> int:
        return round((self.answer_by - self.accept_by) * 1000)


class Submission:
    """One write. `request` builds the envelope of an attempt; each attempt has its own id.

    `renews`: a call after the first call's deadline acts again instead of replaying the first answer.
    """

    def __init__(
        self,
        pipe: CommandPipeline,
        replies: ReplyInbox,
        records: RecordClient,
        times: Deadlines,
        request: Callable[[], Request],
        renews: bool = False,
    ) -> None:
        self._pipe = pipe
        self._replies = replies
        self._records = records
        self._times = times
        self._request = request
        self._renews = renews
        self._first_ms = 0  # when the call was answered that this one renews
        self._connects = -1  # the connection on which the attempt was submitted
        self._key = ""
        self._accepted = False  # by a worker, as far as we have seen

    async def result(self) -> bytes:
        """Return the result as JSON. Raises ToolError, always with the key in its details."""
        try:
            result = await self._until_answered()
        except ToolError as error:
            error.details.setdefault("key", self._key)
            raise
        return _prefixed(result, RENEWED.format(_clock(self._first_ms))) if self._first_ms else result

    async def _until_answered(self) -> bytes:
        try:
            async with asyncio.timeout_at(self._times.answer_by):
                while True:
                    answer = await self._attempt(self._request())
                    if answer is not None:
                        return answer
        except TimeoutError:
            raise _pending(PENDING) if self._accepted else _unknown() from None

    async def _attempt(self, request: Request) -> bytes | None:
        """Make one attempt; None if another call's attempt under this key came to nothing, so this call has to try
        again."""
        self._key = request.key or ""
        with self._replies.expected(request.id) as call:
            seen = await self._submit(request)
            if seen.word == "done":
                reply = _stored(seen.reply)
                return result_of(reply) if seen.attempt == request.id else _replayed(reply, seen.first_ms)
            if seen.word == "other_principal":
                raise ToolError("idempotency_conflict", OTHER_PRINCIPAL)
            if seen.word == "conflict":
                raise ToolError("idempotency_conflict", CONFLICT)
            if seen.attempt != request.id:
                return await self._await_other_attempt(seen.attempt)
            if seen.word == "no_generation":
                raise ToolError("unknown", NO_HISTORY, reason=seen.word)
            if seen.word in NOT_EXECUTED:
                raise await self._not_executed(seen.word)
            self._first_ms = seen.first_ms or self._first_ms
            return await self._own(request.id, call)

    async def _submit(self, request: Request) -> RecordSnapshot:
        """Register the attempt. Repeated when nobody answered: that is one attempt still, which at most one worker may
        accept, and Redis must not have lost its data in between."""
        message = encode_record(request)
        ttl_ms = round(self._times.accept_in_s() * 1000) + NEW_GRACE_MS
        generation = self._records.generation or await self._generation()
        try:
            seen = await self._records.submit(request, message, ttl_ms, renews=self._renews)
        except Unanswered:
            return await self._submit_again(request, message, ttl_ms, generation)
        except BusError as error:
            raise refused_by_bus(error) from error
        self._connects = self._pipe.connects
        return seen

    async def _generation(self) -> str:
        """Asked before anything is submitted, so that whatever fails here has sent nothing."""
        try:
            return (await self._records.read(self._key)).generation
        except BusError as error:
            raise refused_by_bus(error) from error

    async def _submit_again(self, request: Request, message: bytes, ttl_ms: int, generation: str) -> RecordSnapshot:
        until = min(self._times.accept_by, _now() + self._pipe.timing.submit_again_s)
        while generation and _now() < until:
            await asyncio.sleep(POLL_S)
            seen = await _if_answered(self._records.submit(request, message, ttl_ms, generation, self._renews))
            if seen is not None and seen.word in ("no_generation", "other_generation"):
                break
            if seen is not None:
                return seen
        raise _unknown()

    async def _own(self, attempt: str, call: asyncio.Future[Reply]) -> bytes | None:
        """Wait for the reply, reading the record now and then; withdraw it when no worker will accept it any more.

        That nothing was carried out is believed of the worker's reply and of this call's own withdrawal alone.
        """
        while True:
            reply = await self._reply(call)
            if reply is not None:
                return result_of(reply)
            withdraws = _now() >= self._times.accept_by or _worker_lost(call)
            seen = await _if_answered(self._next_look(attempt, withdraws))
            if seen is None or (seen.word == "withdrawn" and not seen.reply and not withdraws):
                continue
            self._accepted = seen.word == "accepted"
            if seen.word == "done":
                return result_of(_stored(seen.reply))
            if seen.word == "absent":  # it outlives this wait, so Redis has lost it
                raise _unknown()
            if seen.attempt != attempt:
                return None
            if seen.word == "withdrawn" and seen.reply:  # the worker refused it, and its reply was missed
                return result_of(_stored(seen.reply))
            if seen.word == "withdrawn":
                raise await self._not_executed("worker_lost" if _worker_lost(call) else "late")

    def _next_look(self, attempt: str, withdraws: bool) -> Awaitable[RecordSnapshot]:
        if withdraws:
            return self._records.withdraw(self._key, attempt)
        return self._records.read(self._key, attempt)

    async def _reply(self, call: asyncio.Future[Reply]) -> Reply | None:
        """The reply, or None when it is time to look at the record."""
        if _broken(call):
            await asyncio.sleep(POLL_S)
            return None
        wait_s = min(QUIET_POLL_S, max(self._times.accept_in_s(), POLL_S))
        await asyncio.wait([call], timeout=wait_s)
        return call.result() if call.done() and not _broken(call) else None

    async def _await_other_attempt(self, attempt: str) -> bytes | None:
        """Wait for the answer of another call with this key; None if that call was withdrawn."""
        while True:
            await asyncio.sleep(POLL_S)
            seen = await _if_answered(self._records.read(self._key, attempt))
            late = _now() >= self._times.accept_by
            if seen is None:
                continue
            self._accepted = seen.word == "accepted"
            if seen.word == "done":
                return result_of(_stored(seen.reply))
            if seen.word == "absent":  # that call's front is gone, or Redis has lost it
                raise _unknown()
            if late and not self._accepted:
                raise _pending(ELSEWHERE)
            if seen.word == "withdrawn" or seen.attempt != attempt:
                return None

    async def _not_executed(self, reason: str) -> ToolError:
        """Only what a server has said that can't have gone back is certain: behind a new connection there may be a
        replica that was promoted and lacks the last writes, or an older copy, until the leader has compared."""
        try:
            compared = await self._records.compared()
        except BusError:
            return _unknown()
        if self._pipe.connects != self._connects or compared is False:
            return _unknown()
        return not_executed(reason)


def _now() -> float:
    return asyncio.get_running_loop().time()


def not_executed(reason: str, **details: Any) -> ToolError:
    return ToolError("not_executed", f"Not executed: {NOT_EXECUTED[reason]}", reason=reason, **details)


def refused_by_bus(error: BusError, **details: Any) -> ToolError:
    """Redis took nothing of the call."""
    if isinstance(error, Full):
        return ToolError("not_executed", FULL, reason="bus_down", error=str(error), **details)
    return not_executed("bus_down", error=str(error), **details)


def _pending(text: str) -> ToolError:
    return ToolError("pending", text)


def _unknown() -> ToolError:
    return ToolError("unknown", UNKNOWN)


def _broken(call: asyncio.Future[Reply]) -> bool:
    """No reply will come; what it would say is in the record."""
    return call.done() and call.exception() is not None


def _worker_lost(call: asyncio.Future[Reply]) -> bool:
    return call.done() and isinstance(call.exception(), WorkerLost)


async def _if_answered(step: Awaitable[RecordSnapshot]) -> RecordSnapshot | None:
    try:
        return await step
    except BusError:
        return None


def _stored(reply: bytes) -> Reply:
    """The answer in a record. Raises ToolError unknown where it is damaged."""
    try:
        return decode_reply(reply)
    except msgspec.DecodeError:
        raise _unknown() from None


def _replayed(reply: Reply, first_ms: int) -> bytes:
    """A stored answer, marked as such, with its time first in its message."""
    said = REPLAYED.format(_clock(first_ms))
    try:
        result = result_of(reply)
    except ToolError as error:
        raise ToolError(error.code, f"{said} {error.message}", **error.details | {"replayed": True}) from None
    return _prefixed(result, said, replayed=True)


def _prefixed(result: bytes, said: str, **fields: Any) -> bytes:
    """The result with a sentence first in its message and with these fields, where its shape has a place for them. An
    earlier release's Bracket and Cancelled had a message and no `replayed`."""
    value = msgspec.json.decode(result)
    if not isinstance(value, dict) or not value.keys() & {"message", *fields}:
        return result
    text = {"message": f"{said} {value['message']}".rstrip()} if "message" in value else {}
    return msgspec.json.encode(value | fields | text)


def _clock(at_ms: int) -> str:
    """Return an answer's time by Redis' clock, which is named: a simulator's orders and quotes have another date."""
    return (
        f"{datetime.fromtimestamp(at_ms / 1000, UTC):%Y-%m-%d %H:%M:%S} UTC (server clock)" if at_ms else UNKNOWN_TIME
    )
