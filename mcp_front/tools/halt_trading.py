"""The tool ibkr_halt_trading: this front sets the switch in Redis itself, so it needs no worker."""

import asyncio
import secrets
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

import msgspec
from fastmcp.tools import ToolResult

from bridge.bus.client.client import BusClient
from bridge.bus.halt import RELEASE, Halt
from bridge.tool import OPERATIONS, Effect, ToolError
from bridge.tools.order_queries import GetOpenOrders
from bridge.tools.orders import CancelAllOrders, HaltTrading
from mcp_front.protocol.results import value_result
from mcp_front.timing import USUAL, FrontTiming
from mcp_front.tools.pipeline import Call

T = TypeVar("T")
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
        self._bus = bus
        self._timing = timing
        self._switch = _Together[tuple[Halt, bool]]()
        # By the accounts that a caller has a right to: another's cancel would leave out some of its orders.
        self._cancels = defaultdict[frozenset[str], _Together[CancelResult]](lambda: _Together(timing.cancel_every_s))
        self._counts = defaultdict[frozenset[str], _Together[int | str]](_Together)

    async def halt(self, call: Call) -> ToolResult:
        """The switch first: what fails or is forbidden afterwards does not take it back."""
        request = call.request
        assert isinstance(request, HaltTrading)
        principal, accounts = call.caller.principal, call.caller.rights.accounts
        halt, news = await self._switch.result(lambda: self._bus.halted_by(principal, request.reason))
        cancelled = await self._cancel(call) if request.cancelOrders else CancelResult(None, "")
        earlier = "" if news else f"The kill switch was already set: {halt.told()}."
        halted = f"Trading is halted for every client: {halt.refuses()}."
        count = await self._counts[accounts].result(lambda: self._count(call))
        said = (earlier, halted, cancelled.said, _stay(count, request.cancelOrders), RELEASE, call.unused)
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
            told = await self._cancels[call.caller.rights.accounts].result(lambda: self._submit(call))
        except ToolError as error:
            return CancelResult(None, f"This call cancelled nothing: {error.message}")
        return told.told_to(call.caller.principal)  # the key belongs to the principal whose call was sent

    async def _submit(self, call: Call) -> CancelResult:
        key = secrets.token_urlsafe(15)
        try:
            reply = await self._bus.submit(OPERATIONS["cancel_all_orders"], CancelAllOrders(), call.caller, key=key)
        except ToolError as error:
            known = "Nothing was cancelled" if error.code == "not_executed" else UNKNOWN
            return CancelResult(None, f"{known}: {error.message}", key, call.caller.principal)
        told = msgspec.json.decode(reply)
        return CancelResult(told["orders"], told["message"], key, call.caller.principal)

    async def _count(self, call: Call) -> int | str:
        """Return the number of open orders, or the code of the error because of which nobody knows it."""
        wanted = GetOpenOrders(format="summary")
        try:
            reply = await self._bus.ask(OPERATIONS["get_open_orders"], wanted, call.caller, self._timing.count_open_s)
        except ToolError as error:
            return error.code
        count: int = msgspec.json.decode(reply)["count"]
        return count


def _stay(count: int | str, cancelOrders: bool) -> str:
    """Return a sentence on the orders that a halt leaves open."""
    if isinstance(count, str):
        return f"How many orders stay open is not known ({count}): they may still fill."
    if not count:
        return "No order is open."
    stay = "1 order stays open" if count == 1 else f"{count} orders stay open"
    return f"{stay} and may still fill{'' if cancelOrders else ': cancelOrders cancels those of this session'}."


class _Together(Generic[T]):
    """Does one thing for all callers that wait, at most once in `every_s`. A caller that comes while it is done waits
    for the next time, since the switch may have been released and an order may have become open meanwhile."""

    def __init__(self, every_s: float = 0.0) -> None:
        self._every_s = every_s
        self._turn = asyncio.Lock()
        self._due = 0.0
        self._next: asyncio.Task[T] | None = None

    async def result(self, do: Callable[[], Awaitable[T]]) -> T:
        """Return the result of the next time; what is done is that of the first caller that waits."""
        if self._next is None:
            self._next = asyncio.create_task(self._in_turn(do))
        return await asyncio.shield(self._next)  # one that hangs up does not take it from the others

    async def _in_turn(self, do: Callable[[], Awaitable[T]]) -> T:
        async with self._turn:
            loop = asyncio.get_running_loop()
            await asyncio.sleep(self._due - loop.time())
            self._due, self._next = loop.time() + self._every_s, None
            return await do()
