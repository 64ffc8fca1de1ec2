"""Asks a human's approval for a live order, and takes the answer: without it nothing is accepted."""

import hashlib
import secrets
from dataclasses import dataclass

from bridge.bus.controls.approvals import WAITS_MS, Answer, Approval, FormResult, answer_form, ask_approval
from bridge.bus.keys import Keys
from bridge.bus.server.request import RequestContext
from bridge.bus.timing import USUAL
from bridge.bus.transport.connection import bus_errors
from bridge.bus.transport.pipeline import CommandPipeline
from bridge.tool import ToolError

# Why a form's answer lets nothing pass.
INVALID: dict[FormResult, str] = {
    "replayed": "this answer was used already. Retry with the same idempotencyKey to get the outcome",
    "unknown": "no such form is open: a newer form replaced it, or it is too old",
    "other_caller": "the form was shown to another client",
    "voided": "the kill switch was set or released after the form was shown. Retry with the same idempotencyKey",
    "expired": f"it came more than {USUAL.form_s:g} seconds after the form was shown, so its prices are too old",
}


@dataclass(frozen=True)
class ApprovalRequest:
    """A request for a person's approval: the checked order, and the server's own text for it."""

    terms: str
    summary: str


class Approvals:
    """`forms`: whether the person at an MCP client may answer too, or only the operator."""

    def __init__(self, pipe: CommandPipeline, keys: Keys, forms: bool) -> None:
        self._pipe = pipe
        self._keys = keys
        self._forms = forms

    async def require(self, asked: RequestContext, question: ApprovalRequest) -> str:
        """Return who approved this very order under this key.

        Raises ToolError approval_required while nobody has. Its `challenge` is for the front, which shows the form to a
        client that can.
        """
        key, challenge = asked.key or "", secrets.token_urlsafe(24) if self._forms else ""
        bound = hashlib.sha256(
            "\n".join((asked.caller, asked.request.digest or "", question.terms)).encode()
        ).hexdigest()
        wanted = Approval(key, bound, asked.caller, question.summary)
        with bus_errors(self._pipe.url):
            by = await ask_approval(self._pipe, self._keys, wanted, challenge)
        if by:
            return by
        raise ToolError(
            "approval_required",
            f"A live order needs a person's approval: {question.summary} Ask the operator to approve {key} within "
            f"{WAITS_MS // 60_000} minutes, then call again with the same idempotencyKey.",
            approval=key,
            digest=bound,
            summary=question.summary,
            **({"challenge": challenge} if challenge else {}),
        )

    async def answer(self, caller: str, key: str, challenge: str, answer: Answer) -> str:
        """Return who has approved by a form.

        Raises ToolError approval_declined or confirmation_invalid: nothing is sent.
        """
        with bus_errors(self._pipe.url):
            word = await answer_form(self._pipe, self._keys, key, challenge, caller, answer == "approve")
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
