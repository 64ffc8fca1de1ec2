"""The tool ibkr_close_positions: each position is closed by an order of its own, under a key made from the call's."""

import asyncio
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import msgspec
from fastmcp.tools import ToolResult
from pydantic import TypeAdapter

from bridge.bus.client.client import BusClient
from bridge.bus.halt import RELEASE
from bridge.text.contract_name import contract_name
from bridge.text.numbers import digits
from bridge.tool import OPERATIONS, ToolError
from bridge.tools.account import GetPositionsToClose, Position, PositionsToClose
from bridge.tools.order_queries import GetOpenOrders
from bridge.tools.order_report import CANCEL_UNCONFIRMED, OrderReport
from bridge.tools.orders import CancelOrder, CloseOutcome, ClosePosition, ClosePositions, CloseReport
from mcp_front.protocol.results import value_result
from mcp_front.tools.pipeline import Call

AT_ONCE = 50  # positions that are closed at a time: their orders share the account's turn and TWS's message rate
LISTED = 100  # outcomes of an answer; the others are counted
ROUNDS = 3  # of cancels before a close: a cancelled entry leaves the exits of its fills, which are next
# The call's 57 s: the positions are read, a cancel begins until 20 s and takes 10, and the close that must follow it
# begins by then (`begin_s`) and takes 20. The two reads at the end take the rest.
READ_S = 10.0
CANCELS_S = 20.0
CANCEL_S = 10.0
LAST_READ_S = 7.0
OPEN = frozenset({"pending", "unknown"})
NOTHING = "nothing_to_close"
UNSENT = frozenset({"not_executed"})
REJECTED = frozenset({"rejected"})
RESTING = "orders_rest"
CANCELLED = frozenset({"Cancelled", "ApiCancelled"})
ENDED = CANCELLED | {"Inactive"}  # statuses of a close that does not fill; TWS may revive one that is Inactive
APPROVAL = frozenset({"approval_required"})
NOT_BEGUN = "Not begun: the call's time was over. Nothing was sent."
DECIMALS = 8  # of a quantity: 0.1 and 0.2 are 0.3
FLAT = "Closed before this call's order: TWS shows no position any more, and nothing was sent."
LEFT = (
    "cancelOrders cancels only orders that close an open position. ibkr_cancel_order cancels one of these, "
    "ibkr_cancel_all_orders all."
)
FILLED = "The order is filled."  # as the status says
TOLD = ("orderId", "status", "filled", "avgFillPrice", "warnings", "message")
NAMED = 5  # open orders that the answer names
HELD = 10  # positions that an answer names where none is meant

ORDERS = TypeAdapter(list[OrderReport])


class ClosePositionsTool:
    def __init__(self, bus: BusClient, begin_s: float) -> None:
        """`begin_s`: of a call, after which it begins no close."""
        self._bus = bus
        self._begin_s = begin_s

    async def close(self, call: Call) -> ToolResult:
        """Close shorts first, since shares that cover a short option cannot be sold before it, and of each side the
        largest first. Raises ToolError while the positions are not known."""
        request = call.request
        assert isinstance(request, ClosePositions)
        closing = _Closing(call, request.idempotencyKey or secrets.token_urlsafe(15), request.cancelOrders)
        found = await self._held(call, request, READ_S)
        held = sorted(found.positions, key=_cost, reverse=True)
        if not held:
            remaining, _ = await self._open_orders(call, request, set())
            return _answer(closing, " ".join([_nothing(request, found), *remaining]))
        outcomes = list[CloseOutcome]()
        for short in (True, False):
            side = [each for each in held if (each.position < 0) is short]
            outcomes += await asyncio.gather(*(self._in_turn(closing, each) for each in side))
        still_open, (remaining, waiting) = await asyncio.gather(
            self._still_open(closing, request),
            self._open_orders(call, request, {each.idempotencyKey for each in outcomes}),
        )
        left = still_open | {closing.key_of(each.account, each.conId) for each in found.unshown}
        closed = [
            (each.idempotencyKey in closing.flat or _is_closed(each)) and each.idempotencyKey not in left
            for each in outcomes
        ]
        steps = [*_unprotected(closing, outcomes), *_late(found)]
        steps += [*_next_steps(closing.key, outcomes, still_open - waiting, waiting), *remaining]
        shown = outcomes
        if len(outcomes) > LISTED:
            shown = [each for _, each in sorted(zip(closed, outcomes, strict=True), key=lambda pair: pair[0])]
        return _answer(closing, " ".join([_summary(closed), *steps]), shown, unclosed=closed.count(False))

    async def _held(self, call: Call, request: ClosePositions, seconds: float) -> PositionsToClose:
        wanted = GetPositionsToClose(symbol=request.symbol, conId=request.conId, account=request.account)
        told = await self._bus.ask(OPERATIONS["get_positions_to_close"], wanted, call.caller, seconds)
        return PositionsToClose.model_validate_json(told)

    async def _still_open(self, closing: "_Closing", request: ClosePositions) -> set[str]:
        """Return which orders of an earlier call have a position all the same: it may have been opened since. All of
        them while the positions can't be read."""
        if not closing.earlier:
            return set()
        try:
            held = (await self._held(closing.call, request, LAST_READ_S)).positions
        except ToolError:
            return closing.earlier
        return closing.earlier & {closing.key_of(each.account, each.contract.conId) for each in held}

    async def _open_orders(self, call: Call, request: ClosePositions, own: set[str]) -> tuple[list[str], set[str]]:
        """Return sentences on other open orders of what was closed, since one that fills opens a position again, and
        the keys of the call's own that are open."""
        wanted = GetOpenOrders(symbol=request.symbol, account=request.account)
        try:
            told = await self._bus.ask(OPERATIONS["get_open_orders"], wanted, call.caller, LAST_READ_S)
        except ToolError as error:
            return [f"Whether open orders remain is not known ({error.code}): read ibkr_get_open_orders."], set()
        orders = ORDERS.validate_json(told)
        others = [each for each in orders if each.idempotencyKey not in own]
        left = [each for each in others if request.conId in (None, each.contract.conId)]
        steps = [_remaining(left, closed=bool(own))] if left else []
        steps += [LEFT] if left and request.cancelOrders else []
        return steps, own & {each.idempotencyKey for each in orders}

    async def _in_turn(self, closing: "_Closing", held: Position) -> CloseOutcome:
        """Close one position once it is among those that are closed at a time; not where the call's time is over."""
        async with closing.turns:
            if closing.since_s() <= self._begin_s:
                return await self._closed(closing, held)
        return closing.outcome(held, error="not_executed", message=NOT_BEGUN)

    async def _closed(self, closing: "_Closing", held: Position) -> CloseOutcome:
        """Close one position. The key of an order that an earlier call has placed is added to `earlier`."""
        own = closing.key_of(held.account, held.contract.conId)
        request = ClosePosition(
            account=held.account,
            conId=held.contract.conId,
            idempotencyKey=own,
            cancelOrders=closing.cancels,
        )
        fields: dict[str, Any]
        ended = _FirstCancelled()
        try:
            reply = await self._submitted(closing, own, request, ended)
        except ToolError as error:
            fields = {"error": error.code, "message": error.message}
            if error.code == NOTHING and error.details.get("flat"):
                closing.flat.add(own)
                fields = {"message": FLAT}
        else:
            told = msgspec.json.decode(reply)
            fields = {name: told[name] for name in TOLD if name in told}
            if fields.get("message") == FILLED:
                del fields["message"]
            if told.get("replayed"):
                closing.earlier.add(own)
        if ended.unsure:
            closing.unsure.add(own)
        if ended.failed:
            fields["message"] = " ".join([*ended.failed.values(), fields.get("message", "")]).strip()
        return closing.outcome(held, cancelled=sorted(ended.done), **fields)

    async def _submitted(
        self, closing: "_Closing", own: str, request: ClosePosition, cancels: "_FirstCancelled"
    ) -> bytes:
        """Close the position; first cancel what the worker names. Each cancel has a record of its own, and the worker
        sizes the close by what is open then. Raises ToolError."""
        caller = closing.call.caller
        for left in reversed(range(ROUNDS)):
            try:
                return await self._bus.submit(OPERATIONS["close_position"], request, caller, key=own)
            except ToolError as error:
                if error.code != RESTING or not left or closing.since_s() > CANCELS_S:
                    raise
                ids: list[int] = error.details.get("orderIds", [])
            await asyncio.gather(*(self._cancel(closing.call, own, each, cancels) for each in ids))
        raise AssertionError("the last round returns or raises")

    async def _cancel(self, call: Call, own: str, orderId: int, cancels: "_FirstCancelled") -> None:
        key = key_of(own, "cancel", orderId)
        request = CancelOrder(orderId=orderId, idempotencyKey=key)
        cancels.unsure.add(orderId)
        try:
            reply = await self._bus.submit(
                OPERATIONS["cancel_order"], request, call.caller, key=key, deadline_s=CANCEL_S
            )
        except ToolError as error:
            cancels.failed[orderId] = f"The cancel of orderId {orderId}: {error.code}, {error.message}"
            if error.code not in OPEN:
                cancels.unsure.discard(orderId)
            return
        told = msgspec.json.decode(reply)
        if CANCEL_UNCONFIRMED not in told.get("message", ""):
            cancels.unsure.discard(orderId)
        if told.get("status") in CANCELLED:
            cancels.done.add(orderId)
            cancels.failed.pop(orderId, None)
        else:
            cancels.failed[orderId] = f"orderId {orderId}: {told.get('message', '')}"


@dataclass
class _Closing:
    """One call: what its closes share. `earlier`: keys of orders that an earlier call has placed; `unsure`: of closes
    before which a cancel was sent whose outcome is open; `flat`: of positions that were gone when their turn came."""

    call: Call
    key: str
    cancels: bool
    earlier: set[str] = field(default_factory=set)
    unsure: set[str] = field(default_factory=set)
    flat: set[str] = field(default_factory=set)
    turns: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))
    began: float = field(default_factory=lambda: asyncio.get_running_loop().time())

    def since_s(self) -> float:
        return asyncio.get_running_loop().time() - self.began

    def key_of(self, account: str, conId: int) -> str:
        return key_of(self.key, account, conId)

    def outcome(self, held: Position, **fields: Any) -> CloseOutcome:
        return CloseOutcome(
            account=held.account,
            conId=held.contract.conId,
            name=contract_name(held.contract),
            position=held.position,
            idempotencyKey=self.key_of(held.account, held.contract.conId),
            **fields,
        )


@dataclass
class _FirstCancelled:
    """The orders that were cancelled before a close, and a sentence on each that was not. `unsure`: those whose cancel
    was sent and may still end them."""

    done: set[int] = field(default_factory=set)
    failed: dict[int, str] = field(default_factory=dict)
    unsure: set[int] = field(default_factory=set)


def key_of(key: str, account: str, conId: int) -> str:
    """Return the key of one position's order: the same for each repetition of the call."""
    return urlsafe_b64encode(sha256(f"{key}\0{account}\0{conId}".encode()).digest()[:15]).decode()


def _is_closed(outcome: CloseOutcome) -> bool:
    """Return whether the order has filled for the whole position: open orders may have left it a part."""
    return outcome.status == "Filled" and round(abs(outcome.position) - (outcome.filled or 0.0), DECIMALS) <= 0


def _cost(held: Position) -> float:
    return abs(held.position * (held.avgCost or 0.0))


def _answer(closing: _Closing, message: str, outcomes: Sequence[CloseOutcome] = (), unclosed: int = 0) -> ToolResult:
    """Return the answer: the first outcomes, and the count of all."""
    cut = f" positions has {LISTED} of {len(outcomes)}, those that are not closed first."
    report = CloseReport(
        count=len(outcomes),
        unclosed=unclosed,
        idempotencyKey=closing.key,
        positions=list(outcomes[:LISTED]),
        message=message + (cut if len(outcomes) > LISTED else ""),
    )
    return value_result(closing.call.declared, report.model_dump(mode="json"))


def _summary(closed: Sequence[bool]) -> str:
    if not all(closed):
        return f"{sum(closed)} of {len(closed)} positions are closed by this call. Read the others' status and message."
    return f"All {len(closed)} positions are closed." if len(closed) > 1 else "The position is closed."


def _nothing(request: ClosePositions, found: PositionsToClose) -> str:
    """Return what is said where no position is meant: what is held, as the name may be another."""
    meant = f" of {request.symbol}" if request.symbol else ""
    meant = f" of conId {request.conId}" if request.conId is not None else meant
    if found.unshown:
        return " ".join([f"TWS shows no position{meant} yet; this call sent nothing.", *_late(found)])
    named = ", ".join(found.others[:HELD]) + (", …" if len(found.others) > HELD else "")
    open_ = f" Open are: {named}." if named else ""
    return f"No position{meant} is open; this call sent nothing.{open_}"


def _remaining(left: Sequence[OrderReport], closed: bool) -> str:
    """Return a sentence on the open orders that remain. Where the call has closed nothing, it has their terms."""
    more = ", …" if len(left) > NAMED else ""
    if closed:
        ids = ", ".join(str(each.orderId) for each in left[:NAMED])
        return f"{len(left)} other open orders remain and may trade (orderId {ids}{more})."
    named = ", ".join(
        f"{each.action} {digits(each.totalQuantity or 0)} {contract_name(each.contract)} {each.orderType} (orderId "
        f"{each.orderId})"
        for each in left[:NAMED]
    )
    return f"Open orders remain, and a fill may open a position: {named}{more}."


def _late(found: PositionsToClose) -> list[str]:
    """Return a sentence on positions that TWS has not updated since a fill: what is left of them is not known."""
    names = ", ".join(dict.fromkeys(each.name for each in found.unshown))
    return (
        [
            f"TWS has not updated the position after a fill of {names}: read ibkr_get_positions in a few seconds, and "
            "close what is open with another idempotencyKey."
        ]
        if names
        else []
    )


def _unprotected(closing: _Closing, outcomes: Sequence[CloseOutcome]) -> list[str]:
    """Return a sentence on positions that have lost orders to a close that did not go out, or of which that is not
    known. Where nothing is left to close, other orders have filled, or close it."""
    lost = [each for each in outcomes if each.cancelled or each.idempotencyKey in closing.unsure]
    bare = [
        each.name
        for each in lost
        if (each.error not in (None, NOTHING) or each.status in ENDED)
        or (each.error == NOTHING and each.idempotencyKey in closing.unsure)
    ]
    waits = [each.name for each in lost if each.error is None and each.status not in (*ENDED, "Filled", None)]
    found = []
    if bare:
        halted = any(each.error == "halted" for each in lost)
        found.append(
            f"{_named(bare)} may have no exit order: cancels were sent, and no close is confirmed. Call again with "
            f"idempotencyKey={closing.key} (another one where IBKR rejected the close), or place new exits with "
            "exitsOnly of ibkr_place_bracket_order."
            + (f" The kill switch refuses both: place an exit in TWS, or ask the operator. {RELEASE}" if halted else "")
        )
    if waits:
        have = "has" if len(waits) == 1 else "have"
        found.append(
            f"{_named(waits)} {have} no exit order but the close, which is open: nothing else protects "
            f"{'it' if len(waits) == 1 else 'them'} until that fills."
        )
    return found


def _named(names: Sequence[str]) -> str:
    return ", ".join(names[:HELD]) + (", …" if len(names) > HELD else "")


def _next_steps(key: str, outcomes: Sequence[CloseOutcome], still_open: set[str], waiting: set[str]) -> list[str]:
    """Return a sentence on each kind of outcome after which there is something to do. `waiting`: keys of orders that
    are open at IBKR; `still_open`: of others that an earlier call has placed."""
    unknown, unsent, rejected, unapproved = (
        sum(each.error in codes for each in outcomes) for codes in (OPEN, UNSENT, REJECTED, APPROVAL)
    )
    parts = [each for each in outcomes if each.status == "Filled" and not _is_closed(each)]
    steps = [f"The outcome of {unknown} is not known yet: call again with idempotencyKey={key}."] if unknown else []
    if unsent:
        steps.append(f"{unsent} were not sent: call again with idempotencyKey={key}.")
    if rejected:
        steps.append(f"IBKR rejected {rejected}: mend the cause, and call again with another idempotencyKey.")
    if unapproved:
        steps.append(f"{unapproved} wait for a person's approval: then call again with idempotencyKey={key}.")
    if waiting:
        steps.append(f"{len(waiting)} orders of this call are open at IBKR, and close when they fill: send no others.")
    if parts:
        told = ", ".join(f"{digits(each.filled or 0)} of {digits(abs(each.position))} {each.name}" for each in parts)
        steps.append(
            f"In part: {told}. Other orders have filled or may fill the rest: read ibkr_get_positions. cancelOrders "
            "cancels open ones first."
        )
    if still_open:
        steps.append(
            f"{len(still_open)} were answered by an earlier call's order and are still listed: read "
            "ibkr_get_positions, and close what is open with another idempotencyKey."
        )
    return steps
