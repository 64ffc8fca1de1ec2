"""Answers ibkr_halt_trading: the switch is set in Redis by this front itself, so that it needs no worker."""

import asyncio
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec
from fastmcp.tools import ToolResult

from bridge.bus.asking import Asker
from bridge.orders import CancelAllOrders, HaltTrading
from bridge.tool import OPERATIONS, Effect, ToolError
from mcp_front.auth import lacking
from mcp_front.calls import Call
from mcp_front.limits import Limits
from mcp_front.results import value_result

RELEASE = (
    "Only the operator releases it, with `python -m cli resume --session {0}` "
    "(in containers: `docker compose run --rm operator resume --session {0}`)."
)
UNKNOWN = "Whether the open orders are cancelled is not known"
CANCEL_EVERY_S = 1.0  # a halt is never paced, so what it cancels is
WAITING = 16  # of one caller, for a cancel: more is a loop


@dataclass(frozen=True)
class Cancelled:
    """The orders, None where they are not known, what to say of them, and the cancel's key where one was asked for."""

    orders: object
    said: str
    key: str | None = None


class Halting:
    def __init__(self, asker: Asker) -> None:
        self._asker = asker
        self._cancels = _Cancels(asker)

    async def halt(self, call: Call) -> ToolResult:
        """The switch first: what fails or is forbidden afterwards does not take it back."""
        request = call.request
        assert isinstance(request, HaltTrading)
        halt = await self._asker.halt(call.caller.name, request.reason)
        session = self._asker.keys.session
        cancelled = await self._cancel(call) if request.cancelOrders else Cancelled(None, "")
        text = f"Trading is halted for every client. {RELEASE.format(session)} {cancelled.said}"
        whole = {
            "halted": True,
            "level": halt.level,
            "by": halt.by,
            "reason": halt.reason,
            "since": datetime.fromtimestamp(halt.since_ms / 1000, UTC).isoformat(),
            "cancelled": cancelled.orders,
            "idempotencyKey": cancelled.key,
            "message": text.rstrip(),
        }
        return value_result(call.declared, whole)

    async def _cancel(self, call: Call) -> Cancelled:
        scope = lacking(Effect.WRITE)
        if scope is not None:
            said = f"Nothing was cancelled: that needs a token with the scope {scope}, which yours has not."
            return Cancelled(None, said)
        try:
            return await self._cancels.cancel(call)
        except ToolError as error:
            return Cancelled(None, f"This call cancelled nothing: {error.message}")


class _Cancels:
    """Cancels everything once for all who ask meanwhile. Who comes while it is being done waits for the next time: an
    order may have become open since."""

    def __init__(self, asker: Asker) -> None:
        self._asker = asker
        self._waiting = Limits(WAITING)
        self._turn = asyncio.Lock()
        self._due = 0.0
        self._next: asyncio.Task[Cancelled] | None = None

    async def cancel(self, call: Call) -> Cancelled:
        """Raises ToolError `paced` where too many of the caller's wait already."""
        with self._waiting.admitted(call.caller.name):
            if self._next is None:
                self._next = asyncio.create_task(self._do(call))
            return await asyncio.shield(self._next)  # one that hangs up does not take it from the others

    async def _do(self, call: Call) -> Cancelled:
        async with self._turn:
            loop = asyncio.get_running_loop()
            await asyncio.sleep(self._due - loop.time())
            self._due, self._next = loop.time() + CANCEL_EVERY_S, None
            return await self._submit(call)

    async def _submit(self, call: Call) -> Cancelled:
        key = secrets.token_urlsafe(15)
        try:
            reply = await self._asker.submit(
                OPERATIONS["cancel_all_orders"],
                CancelAllOrders(),
                key=key,
                caller=call.caller.name,
                label=call.caller.label,
                request_id=call.caller.request_id,
                traceparent=call.caller.traceparent,
            )
        except ToolError as error:
            known = "Nothing was cancelled" if error.code == "not_executed" else UNKNOWN
            asked = f"Ask ibkr_cancel_all_orders with idempotencyKey={key}."
            return Cancelled(None, f"{known}: {error.message} {asked}", key)
        told = msgspec.json.decode(reply)
        return Cancelled(told["orders"], told["message"], key)
