"""Asks a human's approval for a live order, and takes the answer: without it nothing is accepted."""

import asyncio
import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NoReturn

from bridge.bus.controls.approvals import (
    WAITS_MS,
    Answer,
    Approval,
    CurrentApproval,
    FormResult,
    answer_form,
    approval_state,
    ask_approval,
    waiting_approvals,
)
from bridge.bus.controls.kill_switch import halted_error, read_halt
from bridge.bus.halt import Halt
from bridge.bus.keys import Keys
from bridge.bus.server.request import RequestContext
from bridge.bus.timing import USUAL
from bridge.bus.transport.connection import BusError, Refused, bus_errors
from bridge.bus.transport.errors import WRONG_TYPE
from bridge.bus.transport.outage_log import Outage
from bridge.bus.transport.pipeline import CommandPipeline
from bridge.tool import ToolError

UNREADABLE = "?"  # stands for the principal of a damaged record: it is no client's
SWEEP_S = 5.0  # between looks for orders that wait no more

# Why a form's answer lets nothing pass.
INVALID: dict[FormResult, str] = {
    "replayed": "this answer was used already. Retry with the same idempotencyKey to get the outcome",
    "unknown": "no such form is open: a newer form replaced it, or it is too old",
    "other_caller": "the form was shown to another client",
    "voided": "the kill switch was set or released after the form was shown. Retry with the same idempotencyKey",
    "expired": f"it came more than {USUAL.form_s:g} seconds after the form was shown, so its prices are too old",
}


CLOSED: dict[Answer, str] = {"decline": "declined", "cancel": "closed"}


@dataclass(frozen=True)
class ApprovalRequest:
    """A request for a person's approval: the checked order, the server's own text for it, and the time of answers.
    `closing`: the order only reduces a position. `change`: of an order that is at IBKR, which no halt holds up.
    `part_terms`: the terms without the quantity, where an approval counts for a smaller `quantity` too."""

    terms: str
    summary: str
    at: datetime
    closing: bool = False
    change: bool = False
    part_terms: str = ""
    quantity: str = ""

    def halted_by(self, halt: Halt) -> bool:
        """Return whether the kill switch would hold it up, approved or not."""
        return not self.change and not (self.closing and halt.level == "reduce_only")


class Approvals:
    """`forms`: whether the person at an MCP client may answer too, or only the operator."""

    def __init__(self, pipe: CommandPipeline, keys: Keys, forms: bool) -> None:
        self._pipe = pipe
        self._keys = keys
        self._forms = forms

    async def require(self, context: RequestContext, question: ApprovalRequest) -> str:
        """Return who approved this very order under this key.

        Raises ToolError approval_required while nobody has, and approval_refused where the operator has refused. Raises
        halted where the kill switch would let no approved order pass: nobody is asked then. The `challenge` of
        approval_required is for the front, which shows the form to a client that can.
        """
        key, challenge = context.key or "", secrets.token_urlsafe(24) if self._forms else ""
        bound = _bound(context, question.terms)
        part = _bound(context, f"any quantity\n{question.part_terms}") if question.part_terms else ""
        wanted = Approval(
            key, bound, context.caller, question.summary, part_digest=part, quantity=question.quantity if part else ""
        )
        with bus_errors(self._pipe.url):
            halt = await read_halt(self._pipe, self._keys)
            if halt is not None and question.halted_by(halt):
                raise halted_error(halt)
            by = await ask_approval(self._pipe, self._keys, wanted, challenge, question.at)
        if by:
            return by
        hidden = {"challenge": challenge} if challenge else {}
        raise waits_error(key, question.summary, digest=bound, **hidden)

    async def answer(self, caller: str, key: str, challenge: str, answer: Answer, at: datetime) -> str:
        """Return who has approved by a form.

        Raises ToolError approval_declined or confirmation_invalid: nothing is sent. Raises approval_required where the
        client closed the form before a person can have read it: the order waits for the operator.
        """
        approve = answer == "approve"
        reason = f"the form was {CLOSED.get(answer, '')} at the client"
        with bus_errors(self._pipe.url):
            word = await answer_form(self._pipe, self._keys, key, challenge, caller, approve, reason, at)
            if word == "waits":
                raise await self._unread(key, answer)
        if word == "refused":
            what = "declined this order" if answer == "decline" else "closed the question without an answer"
            raise ToolError(
                "approval_declined",
                f"The person at the client {what}. Nothing was sent. Do not retry unless they want it.",
                reason="declined" if answer == "decline" else "cancelled",
            )
        if word != "approved":
            raise ToolError(
                "confirmation_invalid", f"The answer is not valid: {INVALID[word]}. Nothing was sent.", reason=word
            )
        return caller

    async def state(self, key: str) -> CurrentApproval:
        """Return the approval under the key as it stands. Raises ToolError bus_down."""
        with bus_errors(self._pipe.url):
            return await approval_state(self._pipe, self._keys, key, self._forms)

    async def owner(self, key: str) -> str:
        """Return the principal whose order waits under the key, empty for none and UNREADABLE for a damaged record.
        Raises ToolError bus_down."""
        with bus_errors(self._pipe.url):
            try:
                found: bytes | None = await self._pipe.send("HGET", self._keys.approval(key), "caller")
            except Refused as error:
                if WRONG_TYPE not in str(error):
                    raise
                return UNREADABLE
        return (found or b"").decode(errors="replace")

    async def _unread(self, key: str, answer: Answer) -> ToolError:
        read_s = self._pipe.timing.read_form_s
        why = (
            f"The client {CLOSED[answer]} the form by itself, within {read_s:g} s, before a person can have read it. "
            "That is no refusal. "
        )
        found = await approval_state(self._pipe, self._keys, key)
        return waits_error(key, found.summary, why, reason="unread")


def _bound(context: RequestContext, terms: str) -> str:
    """Return the digest of the caller, the call's arguments and these terms."""
    return hashlib.sha256("\n".join((context.caller, context.request.digest or "", terms)).encode()).hexdigest()


async def end_overdue_approvals(pipe: CommandPipeline, keys: Keys, every_s: float = SWEEP_S) -> NoReturn:
    """For ever: write into the event log which orders wait no more, as their time is over or a halt has voided them."""
    unread = Outage("approvals_not_read")
    while True:
        try:
            await waiting_approvals(pipe, keys)
            unread.over()
        except BusError as error:
            unread.failed(error)
        await asyncio.sleep(every_s)


def waits_error(key: str, summary: str, why: str = "", **details: Any) -> ToolError:
    """Return the error of an order that waits for a person: for how long, who can approve it, and what to call next."""
    return ToolError(
        "approval_required",
        f"{why}A live order needs a person's approval: {summary} Nothing was sent. Ask the operator to approve {key} "
        f"within {WAITS_MS // 60_000} minutes, or to refuse it, at the operator's terminal. ibkr_wait_for with the "
        f"events order_approved and order_refused of orderKey {key} tells the outcome. Once it is approved, call again "
        "with the same arguments and idempotencyKey.",
        approval=key,
        summary=summary,
        waits_seconds=WAITS_MS // 1000,
        **details,
    )
