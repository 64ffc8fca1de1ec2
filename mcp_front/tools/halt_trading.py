"""The tool ibkr_halt_trading: this front sets the switch in Redis itself, so it needs no worker."""

import asyncio
import secrets
from dataclasses import dataclass, replace

import msgspec
from fastmcp.tools import ToolResult

from bridge.bus.client.client import BusClient
from bridge.bus.halt import Halt
from bridge.tool import OPERATIONS, Effect, ToolError
from bridge.tools.orders import CancelAllOrders, HaltTrading
from mcp_front.protocol.results import value_result
from mcp_front.timing import USUAL, FrontTiming
from mcp_front.tools.pipeline import Call

RELEASE = "Only the operator can release it."
UNKNOWN = "It is unknown whether the open orders are cancelled"


@dataclass(frozen=True)
class CancelResult:
    """The cancelled orders, None if unknown; the sentence about them; and the cancel's key with its principal, if
    any."""

    orders: object
    said: str
    key: str | None = None
    principal: str = ""

    def told_to(self, principal: str) -> "CancelResult":
        """A key is told to its own principal alone; any other's would be refused."""
        if self.key is None:
            return self
        again = f" with idempotencyKey={self.key}" if principal == self.principal else ""
        said = self.said if self.orders is not None else f"{self.said} Call ibkr_cancel_all_orders{again}."
        return replace(self, said=said, key=self.key if principal == self.principal else None)


class HaltTradingTool:
    def __init__(self, bus: BusClient, timing: FrontTiming = USUAL) -> None:
        self._switch = _Switch(bus)
        self._cancels = _AccountCancels(bus, timing.cancel_every_s)

    async def halt(self, call: Call) -> ToolResult:
        """The switch first: what fails or is forbidden afterwards does not take it back."""
        request = call.request
        assert isinstance(request, HaltTrading)
        halt, news = await self._switch.set(call.caller.principal, request.reason)
        cancelled = await self._cancel(call) if request.cancelOrders else CancelResult(None, "")
        earlier = "" if news else f"The kill switch was already set: {halt.told()}."
        said = (earlier, f"Trading is halted for every client. {RELEASE}", cancelled.said, call.unused)
        whole = {
            "halted": True,
            "level": halt.level,
            "by": halt.by,
            "reason": halt.reason,
            "since": halt.since().isoformat(),
            "cancelled": cancelled.orders,
            "idempotencyKey": cancelled.key,
            "message": " ".join(filter(None, said)),
            "replayed": not news,
        }
        return value_result(call.declared, whole)

    async def _cancel(self, call: Call) -> CancelResult:
        scope = call.caller.rights.missing_scope(Effect.WRITE)
        if scope is not None:
            said = f'Nothing was cancelled: that needs the "{scope}" scope, and your token does not have it.'
            return CancelResult(None, said)
        try:
            return await self._cancels.cancel(call)
        except ToolError as error:
            return CancelResult(None, f"This call cancelled nothing: {error.message}")


class _Switch:
    """Sets the kill switch once for all halts that wait. A halt that comes while Redis is asked waits for the next
    request, since the operator may have released the switch meanwhile."""

    def __init__(self, bus: BusClient) -> None:
        self._bus = bus
        self._turn = asyncio.Lock()
        self._next: asyncio.Task[tuple[Halt, bool]] | None = None

    async def set(self, principal: str, reason: str) -> tuple[Halt, bool]:
        """Return the switch, and whether this request set it. The first halt that waits gives the name and the reason.
        Raises ToolError bus_down."""
        if self._next is None:
            self._next = asyncio.create_task(self._do(principal, reason))
        return await asyncio.shield(self._next)  # one that hangs up does not take it from the others

    async def _do(self, principal: str, reason: str) -> tuple[Halt, bool]:
        async with self._turn:
            self._next = None
            return await self._bus.halted_by(principal, reason)


class _AccountCancels:
    """Cancels once for all callers that wait and have a right to the same accounts: another's cancel would leave out
    some of a caller's orders."""

    def __init__(self, bus: BusClient, every_s: float) -> None:
        self._bus = bus
        self._every_s = every_s
        self._by_accounts: dict[frozenset[str], _Cancels] = {}

    async def cancel(self, call: Call) -> CancelResult:
        accounts = call.caller.rights.accounts
        if accounts not in self._by_accounts:
            self._by_accounts[accounts] = _Cancels(self._bus, self._every_s)
        return await self._by_accounts[accounts].cancel(call)


class _Cancels:
    """Cancels everything once for all callers that wait. A caller that comes during a cancel waits for the next one,
    since an order may have become open meanwhile."""

    def __init__(self, bus: BusClient, every_s: float) -> None:
        self._bus = bus
        self._every_s = every_s
        self._turn = asyncio.Lock()
        self._due = 0.0
        self._next: asyncio.Task[CancelResult] | None = None

    async def cancel(self, call: Call) -> CancelResult:
        """Wait for the next cancel, which all who wait share. Its key belongs to the principal that began it."""
        if self._next is None:
            self._next = asyncio.create_task(self._do(call))
        told = await asyncio.shield(self._next)  # one that hangs up does not take it from the others
        return told.told_to(call.caller.principal)

    async def _do(self, call: Call) -> CancelResult:
        async with self._turn:
            loop = asyncio.get_running_loop()
            await asyncio.sleep(self._due - loop.time())
            self._due, self._next = loop.time() + self._every_s, None
            return await self._submit(call)

    async def _submit(self, call: Call) -> CancelResult:
        key = secrets.token_urlsafe(15)
        try:
            reply = await self._bus.submit(OPERATIONS["cancel_all_orders"], CancelAllOrders(), call.caller, key=key)
        except ToolError as error:
            known = "Nothing was cancelled" if error.code == "not_executed" else UNKNOWN
            return CancelResult(None, f"{known}: {error.message}", key, call.caller.principal)
        told = msgspec.json.decode(reply)
        return CancelResult(told["orders"], told["message"], key, call.caller.principal)
