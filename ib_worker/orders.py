"""Handlers about orders. What happens between accept() and a frame is the heart of it: nothing is awaited there."""

import asyncio
import logging
from base64 import b32encode
from contextlib import suppress
from hashlib import sha256

import ib_async

from bridge.bus.answering import Asked
from bridge.bus.orders import Fenced, Gone
from bridge.orders import CancelOrder, Execution, GetExecutions, GetOpenOrders, PlaceOrder
from bridge.tool import ToolError
from bridge.values import OrderReport
from ib_worker import convert
from ib_worker.auditing import plain
from ib_worker.checking import passed, tradable
from ib_worker.dispatch import handles
from ib_worker.errors import LinkLost, RequestRefused
from ib_worker.ledger import Entry, report
from ib_worker.order_events import CancelSent, Sent, trade_of
from ib_worker.order_messages import terms_of
from ib_worker.order_state import LOOKS_APART_S, OrderState
from ib_worker.pacing import Lane
from ib_worker.receiver import EXECUTION_MESSAGES, ORDER_MESSAGES, Listed
from ib_worker.session import Session, utcnow
from ib_worker.standing import Failure
from ib_worker.sync import all_open_orders, look

FILL_S = 2.0  # a market order's fill follows its acknowledgement within this, in an open market
SETTLE_S = 0.5  # other orders: an early rejection follows within this
CANCEL_S = 3.0  # outside trading hours the exchange confirms hours later
LOOK_S = 15.0

log = logging.getLogger("ib_worker.orders")


def order_ref(key: str) -> str:
    """What the order carries at IBKR: the same key is the same reference after any restart. 29 printable characters."""
    return "mcp" + b32encode(sha256(key.encode()).digest()).decode().lower()[:26]


@handles(PlaceOrder)
async def place_order(request: PlaceOrder, session: Session, asked: Asked) -> OrderReport:
    session.require_ready()
    account = tradable(session, session.account(request.account))
    orderRef = order_ref(asked.key or "")
    known = session.ledger.by_ref(orderRef)
    if known is not None:  # Redis has forgotten the key, IBKR has not
        await asked.accept()
        return await _outcome(session, known, asked, replayed=True)
    contract = await session.contracts.contract(request, Lane.ORDERS)
    order = _order(request, account, orderRef)
    gate = await passed(session, asked, contract, order, request.duplicateOf)
    await session.pacer.turn(Lane.ORDERS)
    orderId = await session.order_ids(session.require_connection().getReqId())
    await session.audit.intent(asked, account, orderId, orderRef, terms=plain(terms_of(contract, order)))
    await asked.accept(gate)
    entry = _write(session, asked, orderId, contract, order)  # no await between this and the line above
    await _noted(session, asked, sent=str(orderId))
    return await _outcome(session, entry, asked)


def _write(session: Session, asked: Asked, orderId: int, contract: ib_async.Contract, order: ib_async.Order) -> Entry:
    """Write the frame if this worker still leads and the session stands; if not, nothing was sent for sure."""
    if not asked.still_leader():
        raise Fenced
    if not session.record.standing.ready:
        raise _not_sent(session.record.standing.error())
    try:
        wire = session.require_connection()
        wire.placeOrder(orderId, contract, order)
    except LinkLost as lost:
        raise _not_sent(ToolError("retry", "The connection to the gateway broke.")) from lost
    session.ledger.placed += 1
    wire.skip_ids(orderId)
    terms = terms_of(contract, order)
    entry = session.ledger.add(orderId, terms, order.orderRef, asked.key)
    session.ledger.take(entry, Sent(utcnow(), terms))
    log.info("order %s sent: %s %s %s %s", orderId, order.action, order.totalQuantity, contract.symbol, order.orderType)
    return entry


async def _noted(session: Session, asked: Asked, **fields: str) -> None:
    """Write down that the frame has left this machine; the order's fate does not hang on it."""
    wire = session.wire
    if wire is not None:
        await wire.drained()
    with suppress(Fenced, Gone):
        await asked.note(**fields)


async def _outcome(session: Session, entry: Entry, asked: Asked, replayed: bool = False) -> OrderReport:
    """What TWS says of the order, as soon as it says something. Silence is waited out: callers see it as pending."""
    entry.key = asked.key
    state = await settled(session, entry)
    if state.rejected is None and not state.not_found and not state.done:
        wait_s = FILL_S if state.terms.orderType == "MKT" else SETTLE_S
        with suppress(TimeoutError):
            async with asyncio.timeout(max(min(wait_s, asked.remaining_s()), 0)):
                await entry.until(lambda each: each.done or (wait_s == SETTLE_S and each.status == "Submitted"))
    return told(entry, replayed)


async def settled(session: Session, entry: Entry) -> OrderState:
    """The order once it is certain that it exists, or that it does not: after silence the gateway is asked, twice."""
    while not (entry.state.acknowledged or entry.state.not_found):
        try:
            async with asyncio.timeout(LOOK_S):
                await entry.until(lambda each: each.acknowledged or each.not_found)
        except TimeoutError:
            if session.record.standing.ready:
                with suppress(Failure, LinkLost, RequestRefused, TimeoutError, ToolError):
                    await session.share("look", lambda: look(session, LOOKS_APART_S))
    return entry.state


def told(entry: Entry, replayed: bool = False) -> OrderReport:
    """The order as the answer of the call that placed it. Raises ToolError if it was rejected, or is not there."""
    state = entry.state
    names = {
        "orderId": state.orderId,
        "permId": state.permId,
        "orderRef": state.orderRef,
        "idempotencyKey": entry.key,
    }
    if state.rejected is not None:
        raise ToolError(
            "rejected",
            f"IBKR rejected the order (error {state.rejected.code}): {state.rejected.text}",
            twsCode=state.rejected.code,
            **names,
        )
    if state.not_found:
        raise ToolError(
            "not_found",
            "The order was sent, and then the gateway named it in neither of two full looks: IBKR does not have it. "
            "To try again, use a new idempotencyKey.",
            **names,
        )
    return report(entry, _message(state), replayed)


def _message(state: OrderState) -> str:
    if state.status == "Filled":
        return "The order is filled."
    if state.filled:
        return f"{state.filled:g} of {state.terms.totalQuantity:g} are filled."
    return state.notices[-1].text if state.notices else f"The order is at IBKR, in status {state.status}."


@handles(CancelOrder)
async def cancel_order(request: CancelOrder, session: Session, asked: Asked) -> OrderReport:
    """Possible also while the gateway has lost IBKR: it passes the cancel on when the link is back."""
    session.require_connection()
    entry = _own(session, request.orderId)
    account = tradable(session, entry.state.terms.account)
    if entry.state.done:
        return report(entry, f"The order was {entry.state.status} already; nothing was sent.")
    await session.pacer.turn(Lane.ORDERS)
    await session.audit.intent(asked, account, entry.state.orderId, entry.state.orderRef or "")
    await asked.accept()
    _write_cancel(session, asked, entry)
    with suppress(TimeoutError):
        async with asyncio.timeout(max(min(CANCEL_S, asked.remaining_s()), 0)):
            await entry.until(lambda each: each.done or each.cancel_refused is not None)
    return report(entry, _cancel_message(entry.state))


def _write_cancel(session: Session, asked: Asked, entry: Entry) -> None:
    if not asked.still_leader():
        raise Fenced
    try:
        wire = session.require_connection()
        wire.cancelOrder(entry.state.orderId)  # type: ignore[no-untyped-call]  # ib_async's client is not annotated
    except LinkLost as lost:
        raise _not_sent(ToolError("retry", "The connection to the gateway broke.")) from lost
    except ToolError as missing:
        raise _not_sent(missing) from missing
    session.ledger.placed += 1
    session.ledger.take(entry, CancelSent(utcnow()))
    log.info("cancel of order %s sent", entry.state.orderId)


def _cancel_message(state: OrderState) -> str:
    if state.status == "Filled":
        return "The order was filled before the cancel reached it."
    if state.done:
        return "The order is cancelled."
    if state.cancel_refused is not None:
        return f"TWS refused the cancel (error {state.cancel_refused.code}): {state.cancel_refused.text}"
    return "The cancel was sent and is not confirmed yet. Outside trading hours that comes when the exchange opens."


@handles(GetOpenOrders)
async def get_open_orders(request: GetOpenOrders, session: Session) -> list[OrderReport]:
    """TWS pushes this client's orders; those of others must be asked for."""
    _require_readable(session)
    listed = set(await all_open_orders(session))
    _require_readable(session)
    session.require_whole("orders", ORDER_MESSAGES)
    own = session.clientId
    return [report(each) for each in session.ledger.open() if each in listed or each.state.clientId == own]


@handles(GetExecutions)
async def get_executions(request: GetExecutions, session: Session) -> list[Execution]:
    listed = await session.share(("executions", session.ledger.placed), session.ask_executions)
    session.require_whole("executions", EXECUTION_MESSAGES)
    newest: dict[str, Listed] = {}
    for each in sorted(listed, key=lambda each: each.execution.execId):
        newest[trade_of(each.execution.execId)] = each  # a correction takes its original's place
    fills = [
        convert.execution(each.execution, each.contract, session.ledger.commission(each.execution.execId))
        for each in newest.values()
    ]
    return sorted(fills, key=lambda each: (each.time, each.execId))


def _require_readable(session: Session) -> None:
    if not session.orders_readable:
        raise ToolError(
            "read_only",
            "The gateway's API is read-only: it does not tell of orders. Switch off its Read-Only API setting.",
        )


def _own(session: Session, orderId: int) -> Entry:
    entry = session.ledger.by_id(orderId)
    if entry is not None:
        return entry
    others = [each.state.clientId for each in session.ledger.open() if each.state.orderId == orderId]
    whose = f" An order of that id belongs to client {others[0]}, which alone can cancel it." if others else ""
    raise ToolError(
        "not_found", f"orderId: this session has no order {orderId}.{whose} ibkr_get_open_orders lists all."
    )


def _order(request: PlaceOrder, account: str, orderRef: str) -> ib_async.Order:
    order = ib_async.Order(
        action=request.action,
        totalQuantity=request.totalQuantity,
        orderType=request.orderType,
        tif=request.tif,
        outsideRth=request.outsideRth,
        account=account,
        orderRef=orderRef,
    )
    for name in ("lmtPrice", "auxPrice", "trailingPercent"):
        value = getattr(request, name)
        if value is not None:
            setattr(order, name, value)
    return order


def _not_sent(error: ToolError) -> ToolError:
    """The order was accepted, and then certainly not written."""
    return ToolError("not_executed", f"Nothing was sent. {error.message}", reason=error.code)
