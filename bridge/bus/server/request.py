"""One request at the worker: the calls of the bus that its handler may make, and the delivery of its answer.

Until accept() returns a write has sent nothing, so it can be rejected for certain. From then on its answer, good or
bad, is stored under its key; without an answer its record stays accepted, which callers see as pending. A handler that
raises the ToolError pending answers the caller and leaves the record open for reconciliation.
"""

import asyncio
from collections.abc import Awaitable, Callable
from secrets import token_hex
from typing import Any, Literal

import msgspec
import structlog

from bridge.bus.keys import Keys
from bridge.bus.leadership.lease import Lease
from bridge.bus.messages import ACCOUNTS, SIMULATED, TRUNCATED, VERSION, Reply, Request, encode_error, encode_reply
from bridge.bus.records.admission import AdmissionRules
from bridge.bus.records.records import OrderRecord, RecordKeeper
from bridge.bus.timing import USUAL
from bridge.bus.transport.connection import BusError
from bridge.bus.transport.errors import Fenced, StaleRequest
from bridge.bus.transport.outage_log import Outage
from bridge.bus.transport.pipeline import CommandPipeline
from bridge.tool import ToolError

RETRY_S = 0.2  # between attempts at a step that Redis has not answered

log = structlog.get_logger()


class RequestContext:
    """One request as its handler sees it. `deadline` is by the loop's clock: after it nobody waits for an answer."""

    def __init__(
        self, request: Request, wait_s: float, lease: Lease, records: RecordKeeper, note_s: float = USUAL.note_s
    ) -> None:
        self.request = request.record
        self.proof = request.proof
        self.token = request.token  # a provider's, where the front shows it
        self.operation = request.op
        self.arguments = bytes(request.args)
        self.caller = request.caller  # the principal
        self.client = request.client
        self.key = request.key
        self.request_id = request.request_id
        self.traceparent = request.traceparent
        self.deadline = asyncio.get_running_loop().time() + wait_s + request.grace_ms / 1000
        self.truncated: dict[str, Any] | None = None  # how much of a long answer is told, for the reply
        self.accounts: list[str] | None = None  # the answer leaves out others, by its client's rights
        self.simulated = False  # the answer's figures are a simulator's
        self.stage: Literal["fresh", "accepting", "accepted"] = "fresh"
        # What tells this delivery of a write from another. A read has no record, and needs none.
        self.execution = "" if request.key is None else token_hex(8)
        self.gate: AdmissionRules | None = None  # which a placing has tried to pass
        self.limit = asyncio.timeout(wait_s)
        self.caller_left = False  # before the deadline, so that nobody comes back for what it has begun
        self._lease = lease
        self._records = records
        self._note_s = note_s

    def remaining_s(self) -> float:
        return self.deadline - asyncio.get_running_loop().time()

    def still_leader(self) -> bool:
        """Return whether this worker still leads. It awaits nothing: call it between accept() and the frame; if false,
        send nothing and raise Fenced."""
        return self._lease.held()

    async def accept(self, gate: AdmissionRules | None = None, **notes: str) -> None:
        """Accept a write, the last step before its frame: from here on the caller never gets `not_executed`.

        A placing gives its gate; notes are on the record before anything is sent. Raises Fenced or StaleRequest if this
        request must not be carried out, and ToolError if the gate rejects it; let all pass. Raise Fenced also later, as
        long as certainly nothing was sent.
        """
        if self.key is None:
            raise RuntimeError(f"{self.operation} is a read: it has nothing to accept")
        if not self._lease.held():
            raise Fenced
        if gate is not None:
            await self._records.owned.wait()
        self.stage, self.gate = "accepting", gate
        try:
            await retry_until_answered(lambda: self._records.accept(self.request, self.execution, gate, **notes))
        except (Fenced, StaleRequest, ToolError):
            self.stage = "fresh"
            raise
        if not self._lease.held():
            raise Fenced
        self.stage = "accepted"
        self.limit.reschedule(None)  # what is sent can't be unsent: the handler's own deadlines end it

    def mark_not_sent(self) -> None:
        """Mark, after accept(), that the frame was not and will not be written: the error that follows withdraws the
        record, and the key may be used again."""
        self.stage = "accepting"

    async def latest_equal(self, terms: str) -> tuple[str, OrderRecord | None] | None:
        """The key and record of an order that holds those with the same terms. Raises BusError."""
        return await self._records.latest_equal(terms)

    def age_s(self, record: OrderRecord) -> float:
        """Return the seconds since the record was accepted, by the server's clock."""
        return abs(self._records.now_ms() - record.accepted_ms) / 1000

    async def note(self, **fields: str) -> None:
        """Write the order's progress (sent, acked, permId …) on its record. Raises Fenced or StaleRequest.

        While Redis is away this gives up after `note_s`: the broker knows the order by its orderRef all the same.
        """
        try:
            async with asyncio.timeout(self._note_s):
                await retry_until_answered(lambda: self._records.note(self.key or "", **fields))
        except TimeoutError:
            log.warning("note_lost", key=self.key, fields=list(fields))


Handle = Callable[[RequestContext], Awaitable[bytes]]
Leave = Callable[[OrderRecord], None]


async def retry_until_answered(step: Callable[[], Awaitable[None]], pause_s: float = RETRY_S) -> None:
    """Repeat a step that may be repeated until Redis has answered it."""
    outage = Outage("bus_step_repeated")
    while True:
        try:
            await step()
        except BusError as error:
            outage.failed(error)
            await asyncio.sleep(pause_s)
        else:
            return outage.over()


class RequestRunner:
    """Runs requests and delivers their answers."""

    def __init__(
        self, pipe: CommandPipeline, keys: Keys, records: RecordKeeper, leave: Leave, is_alone: Callable[[], bool]
    ) -> None:
        """`leave` takes the record of a write that was accepted, and then failed here without an answer. `is_alone`
        tells whether one request is in hand: its answer shares no round trip."""
        self._pipe = pipe
        self._keys = keys
        self._records = records
        self._leave = leave
        self._is_alone = is_alone

    async def carry_out(self, context: RequestContext, handle: Handle) -> None:
        try:
            message = await _answer(context, handle)
        except ToolError as error:
            await self._fail(context, error)
        except (Fenced, StaleRequest, TimeoutError) as reason:
            log.info("request_dropped", id=context.request.id, reason=type(reason).__name__, stage=context.stage)
            await self._drop(context)
        except Exception:
            log.exception("handler_failed", id=context.request.id, operation=context.operation)
            await self._break(context)
        else:
            await self._deliver(context, message)

    async def _deliver(self, context: RequestContext, message: bytes) -> None:
        if context.key is None:
            await self._publish(context, message)
        else:
            await self._finish(context, message)

    async def _fail(self, context: RequestContext, error: ToolError) -> None:
        message = encode_error(context.request.id, error)
        if context.key is None:
            await self._publish(context, message)
        elif context.stage == "accepted" and error.code == "pending":  # told now; its outcome is still to be found out
            await self._publish(context, message)
            await self._hand_over(context)
        elif context.stage == "accepted":
            await self._finish(context, message)
        else:
            await retry_until_answered(
                lambda: self._records.refuse(context.request, context.execution, message, context.gate)
            )

    async def _drop(self, context: RequestContext) -> None:
        """Withdraw the record of a request that nobody waits for, or that nobody may carry out, if nothing was sent."""
        if context.stage != "fresh":
            error = ToolError(
                "not_executed", "Not executed: the worker lost its lease. Retry with the same key.", reason="fenced"
            )
            message = encode_error(context.request.id, error)
            await retry_until_answered(
                lambda: self._records.refuse(context.request, context.execution, message, context.gate)
            )

    async def _break(self, context: RequestContext) -> None:
        """Report a handler's bug. After accept() it is unknown what was sent: the record stays accepted until it is
        reconciled."""
        if context.stage == "accepted":
            text = (
                "The worker failed after it had accepted the order. Retry with the same key, or read the open orders."
            )
            await self._publish(
                context, encode_error(context.request.id, ToolError("unknown", text, reason="internal"))
            )
            await self._hand_over(context)
        else:
            await self._fail(
                context, ToolError("internal", f"The worker failed in {context.operation}; its log has the cause.")
            )

    async def _hand_over(self, context: RequestContext) -> None:
        found: list[OrderRecord | None] = []

        async def read() -> None:
            found[:] = [await self._records.read(context.key or "")]

        await retry_until_answered(read)
        if found[0] is not None and found[0].state == "accepted":
            self._leave(found[0])

    async def _finish(self, context: RequestContext, message: bytes) -> None:
        try:
            await retry_until_answered(lambda: self._records.finish(context.request, message))
        except (Fenced, StaleRequest):
            log.warning("order_was_adopted", id=context.request.id, key=context.key)

    async def _publish(self, context: RequestContext, message: bytes) -> None:
        try:
            send = self._pipe.send_alone if self._is_alone() else self._pipe.send
            await send("SPUBLISH", self._keys.replies(context.request.front), message)
        except BusError as error:  # the caller has lost the bus as well, and is told so
            log.warning("reply_lost", id=context.request.id, error=str(error))


async def _answer(context: RequestContext, handle: Handle) -> bytes:
    """Return the encoded reply. A TimeoutError means that the deadline has passed, never that something inside timed
    out."""
    try:
        async with context.limit:
            result = await handle(context)
            if context.key is not None and context.stage == "fresh":
                await context.accept()
    except TimeoutError as error:
        if context.limit.expired():
            raise
        raise RuntimeError("the handler let a TimeoutError pass") from error
    details: dict[str, Any] = {} if context.truncated is None else {TRUNCATED: context.truncated}
    if context.accounts is not None:
        details[ACCOUNTS] = context.accounts
    if context.simulated:
        details[SIMULATED] = True
    return encode_reply(Reply(VERSION, context.request.id, True, msgspec.Raw(result), details=details))
