"""A live order's approval by the person at the client: requested in one round, answered in the next, at any replica.

The worker decides which order needs approval and keeps the question; the front shows it and returns the answer. Only a
2026-07-28 client with elicitation can be asked, since there a call may return for input. Any other client gets the
worker's own error, and so does one that ends the form before a person can have read it: the operator approves, or
nothing is sent.
"""

from typing import Any

import msgspec
from fastmcp import Context
from fastmcp.tools import ToolResult
from fastmcp.tools.base import InputRequiredToolResult
from mcp_types import ElicitRequest, ElicitRequestFormParams, ElicitResult, InputRequiredResult
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from bridge.bus.client.client import BusClient
from bridge.bus.controls.approvals import Answer
from bridge.tool import OPERATIONS, ToolError
from bridge.tools.orders import AnswerForm
from mcp_front.tools.bus_tools import KEY
from mcp_front.tools.pipeline import Answer as ToolAnswer
from mcp_front.tools.pipeline import Call
from mcp_front.tools.request_state import SharedRequestStateCodec

NEEDS_APPROVAL = "approval_required"
UNANSWERED = ("retry", "timeout", "worker_lost", "no_worker", "bus_down", "overloaded")
AGAIN = "Retry with the same key; the person may be asked again."
CHALLENGE = "challenge"  # in that error's details, for the front alone
FORM = "confirmation"  # the name of the one question in a round
APPROVE = "approve"  # the name of the one field of its form

# A form with no field hangs some hosts, and one that is only accepted may be accepted without a look.
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {APPROVE: {"type": "boolean", "title": "Send this live order", "default": False}},
    "required": [APPROVE],
}


class ApprovalState(msgspec.Struct, frozen=True):
    """The sealed state that returns with an answer: the order it is about, and the challenge of its question."""

    key: str
    challenge: str


class LiveOrderApproval:
    """Submits writes, and asks the person at the client where the worker requires an approval."""

    def __init__(self, bus: BusClient, codec: SharedRequestStateCodec, submit: ToolAnswer) -> None:
        self._bus = bus
        self._codec = codec
        self._submit = submit

    async def submit(self, call: Call) -> ToolResult:
        context = call.origin.fastmcp  # None in the direct lane, whose clients can not be asked
        state = context.request_state if context is not None else None
        if state is not None:
            call = await self._answered(call, msgspec.json.decode(state, type=ApprovalState))
        try:
            return await self._submit(call)
        except ToolError as error:
            challenge = error.details.pop(CHALLENGE, None)
            if error.code != NEEDS_APPROVAL or challenge is None or state is not None:
                raise
            if context is None or not can_ask(context):
                raise
            return await self._question(error, challenge)

    async def _question(self, error: ToolError, challenge: str) -> InputRequiredToolResult:
        """The round's result: the worker's own words, and the state that the answer comes back with."""
        await self._codec.refresh()
        form = ElicitRequestFormParams(message=error.details["summary"], requested_schema=SCHEMA)
        asked = ApprovalState(error.details[KEY], challenge)
        return InputRequiredToolResult(
            InputRequiredResult(
                input_requests={FORM: ElicitRequest(params=form)},
                request_state=msgspec.json.encode(asked).decode(),
            )
        )

    async def _answered(self, call: Call, asked: ApprovalState) -> Call:
        """The call under the key that the person has approved. Raises ToolError where they have not."""
        answer = AnswerForm(key=asked.key, challenge=asked.challenge, answer=_answer(call.context))
        try:
            await self._bus.ask(OPERATIONS["answer_form"], answer, call.caller)
        except ToolError as error:
            if error.code in UNANSWERED:
                text = f"Not executed: the person's answer did not reach the worker. {error.message} {AGAIN}"
                raise ToolError("not_executed", text, reason=error.code, **{KEY: asked.key}) from error
            raise ToolError(error.code, error.message, **error.details, **{KEY: asked.key}) from error
        made = getattr(call.request, KEY) is None
        return msgspec.structs.replace(call, request=call.request.model_copy(update={KEY: asked.key}), made_key=made)


def can_ask(context: Context) -> bool:
    """Return whether this request's client shows forms; a client that supports only URLs does not."""
    request = context.request_context
    if request is None or request.protocol_version not in MODERN_PROTOCOL_VERSIONS:
        return False
    capabilities = request.session.client_capabilities
    elicitation = capabilities.elicitation if capabilities else None
    return elicitation is not None and (elicitation.form is not None or elicitation.url is None)


def _answer(context: Context) -> Answer:
    """Only a ticked form is a yes."""
    response = (context.input_responses or {}).get(FORM)
    if not isinstance(response, ElicitResult) or response.action == "cancel":
        return "cancel"
    return "approve" if response.action == "accept" and (response.content or {}).get(APPROVE) is True else "decline"
