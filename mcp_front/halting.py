"""Answers ibkr_halt_trading: the switch is set in Redis by this front itself, so that it needs no worker."""

import secrets
from datetime import UTC, datetime

import msgspec
from fastmcp.tools import ToolResult

from bridge.bus.asking import Asker
from bridge.orders import CancelAllOrders, HaltTrading
from bridge.tool import OPERATIONS, ToolError
from mcp_front.calls import Call
from mcp_front.results import value_result

RELEASE = "Only the operator releases it, with `python -m cli resume`."


class Halting:
    def __init__(self, asker: Asker) -> None:
        self._asker = asker

    async def halt(self, call: Call) -> ToolResult:
        """The switch first: what fails afterwards does not take it back."""
        request = call.request
        assert isinstance(request, HaltTrading)
        halt = await self._asker.halt(call.caller.name, request.reason)
        cancelled, text = None, f"Trading is halted for every client. {RELEASE}"
        if request.cancelOrders:
            cancelled, text = await self._cancel(call, text)
        whole = {
            "halted": True,
            "level": halt.level,
            "by": halt.by,
            "reason": halt.reason,
            "since": datetime.fromtimestamp(halt.since_ms / 1000, UTC).isoformat(),
            "cancelled": cancelled,
            "message": text,
        }
        return value_result(call.declared, whole)

    async def _cancel(self, call: Call, text: str) -> tuple[object, str]:
        try:
            reply = await self._asker.submit(
                OPERATIONS["cancel_all_orders"],
                CancelAllOrders(),
                key=secrets.token_urlsafe(15),
                caller=call.caller.name,
                request_id=call.caller.request_id,
                traceparent=call.caller.traceparent,
            )
        except ToolError as error:
            return None, f"{text} Whether the open orders are cancelled is not known: {error.message}"
        told = msgspec.json.decode(reply)
        return told["orders"], f"{text} {told['message']}"
