"""Writes order frames. Between accept() and a frame nothing is awaited, and each frame is written at most once."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import NamedTuple

import ib_async
import structlog

from bridge.bus.server.request import RequestContext
from bridge.bus.transport.errors import Fenced, StaleRequest
from bridge.text.contract_name import contract_name
from bridge.tool import ToolError
from bridge.tracing.spans import inside
from ib_worker.orders.events import CancelSent, ModifySent, Sent, Terms
from ib_worker.orders.messages import terms_of
from ib_worker.orders.state import OrderState
from ib_worker.orders.tracker import TrackedOrder
from ib_worker.pacing.message_pacer import Priority
from ib_worker.session.session import Session, utcnow
from ib_worker.tws.connection import TwsConnection
from ib_worker.tws.errors import ConnectionLost, InvalidField

log = structlog.get_logger("ib_worker.order_entry.send")


class OutgoingOrder(NamedTuple):
    """An order with its orderId, and its terms as the intent in the audit log has them."""

    orderId: int
    order: ib_async.Order
    terms: Terms


def outgoing_order(orderId: int, contract: ib_async.Contract, order: ib_async.Order) -> OutgoingOrder:
    return OutgoingOrder(orderId, order, terms_of(contract, order))


def send_orders(
    session: Session, context: RequestContext, contract: ib_async.Contract, orders: Sequence[OutgoingOrder]
) -> list[TrackedOrder]:
    """Write the frames of one order, or of several that belong together. All are encoded before any is written. If
    this worker no longer leads or the session is not ready, nothing was sent: raises Fenced or ToolError."""
    if not session.state.standing.ready:
        raise _certainly_not_sent(context, session.state.standing.error())

    def write(wire: TwsConnection) -> None:
        with wire.together():
            for each in orders:
                wire.placeOrder(each.orderId, contract, each.order)

    _write_frames(session, context, write).skip_ids(max(each.orderId for each in orders))
    return [_noted(session, context, contract, each) for each in orders]


def _noted(session: Session, context: RequestContext, contract: ib_async.Contract, sent: OutgoingOrder) -> TrackedOrder:
    orderId, order, terms = sent
    entry = session.orders.tracker.add(orderId, terms, order.orderRef, context.key)
    entry.sent = entry.asked = (contract, order)
    session.orders.tracker.take(entry, Sent(utcnow(), terms))
    name = contract_name(contract)
    log.info(
        "order_sent",
        orderId=orderId,
        action=order.action,
        totalQuantity=order.totalQuantity,
        contract=name,
        orderType=order.orderType,
    )
    return entry


def require_changeable(session: Session, entry: TrackedOrder, base: Terms) -> None:
    """Check that TWS has the order, that its terms are still those that the change builds on, and that no other change
    is in progress. TWS would take a change of an order that it lacks for a new one. Each change sends all terms, so two
    at a time undo each other. Raises ToolError not_open, not_found or not_ready; then nothing may be sent."""
    state = entry.state
    if state.done:
        raise ToolError("not_open", f"The order is {state.status}, so it can't be changed. Nothing was sent.")
    if state.not_found:
        raise ToolError(
            "not_found", "orderId: two complete order lists from IBKR do not contain the order. Nothing was sent."
        )
    if not state.acknowledged:
        raise ToolError(
            "not_ready",
            "orderId: TWS has not shown yet that it has this order, and a change of an order that it lacks would place "
            "one. Nothing was sent. Retry in a few seconds.",
        )
    if state.terms != base or _changing(state, session.order_timing.change_hold_s):
        raise ToolError(
            "not_ready",
            "orderId: another change of this order is in progress. Nothing was sent. Check the order, then retry.",
        )


def _changing(state: OrderState, hold_s: float) -> bool:
    """Return whether a change is in progress. One that TWS has neither confirmed nor rejected within `hold_s` does not
    delay the next."""
    if state.change is None or state.changed_at is None:
        return False
    return (utcnow() - state.changed_at).total_seconds() < hold_s


def send_change(
    session: Session,
    context: RequestContext,
    entry: TrackedOrder,
    contract: ib_async.Contract,
    order: ib_async.Order,
    base: Terms,
) -> None:
    """Write the frame of the order again, under its orderId, with other terms, if the order may still be changed."""
    if not session.state.standing.ready:
        raise _certainly_not_sent(context, session.state.standing.error())
    try:
        require_changeable(session, entry, base)
    except ToolError as error:
        raise _certainly_not_sent(context, error) from error
    _write_frames(session, context, lambda wire: wire.placeOrder(entry.state.orderId, contract, order))
    session.orders.tracker.take(entry, ModifySent(utcnow(), terms_of(contract, order)))
    log.info("change_sent", orderId=entry.state.orderId)


def send_linked_change(
    session: Session,
    context: RequestContext,
    entry: TrackedOrder,
    contract: ib_async.Contract,
    order: ib_async.Order,
    base: Terms,
    begun: bool,
) -> None:
    """Write the change of an order that changes with another. `begun`: a frame of the call is out already, so a failure
    here takes nothing back and raises ToolError, ConnectionLost or InvalidField."""
    if not begun:
        send_change(session, context, entry, contract, order, base)
        return
    require_changeable(session, entry, base)
    if not session.state.standing.ready:
        raise session.state.standing.error()
    if not context.still_leader():
        raise ConnectionLost("another worker leads now")
    session.tws.require_connection().placeOrder(entry.state.orderId, contract, order)
    session.orders.tracker.placed += 1
    session.orders.tracker.take(entry, ModifySent(utcnow(), terms_of(contract, order)))
    log.info("linked_change_sent", orderId=entry.state.orderId)


def send_cancel(session: Session, context: RequestContext, entry: TrackedOrder) -> None:
    """Write a cancel. The gateway accepts it without its link to IBKR, and passes it on when the link is back."""
    _write_frames(session, context, lambda wire: wire.cancelOrder(entry.state.orderId))  # type: ignore[no-untyped-call]
    session.orders.tracker.take(entry, CancelSent(utcnow()))
    log.info("cancel_sent", orderId=entry.state.orderId)


def write_cancels(
    session: Session, context: RequestContext, entries: Sequence[TrackedOrder], begun: bool = False
) -> bool:
    """Write the cancels, and return whether one is out. Once one is out (`begun`), the end of the connection or of the
    lease leaves the other orders as they are, and the report shows them."""
    sent = begun
    for entry in entries:
        if entry.state.done:
            continue
        if sent and (session.tws.wire is None or session.tws.wire.lost.done() or not context.still_leader()):
            return sent
        send_cancel(session, context, entry)
        sent = True
    return sent


async def until_cancelled(session: Session, entries: Sequence[TrackedOrder], context: RequestContext) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(max(min(session.order_timing.cancel_wait_s, context.remaining_s()), 0)):
            for entry in entries:
                await entry.until(lambda each: each.done or each.cancel_refused is not None or each.said is not None)


async def withdrawn(session: Session, context: RequestContext, entries: Sequence[TrackedOrder]) -> None:
    """Cancel the orders sent with an order that TWS rejected, unless one has filled: TWS may hold them untransmitted,
    and a later order could activate them. The frames of the call are out, so an order that cannot be cancelled or
    recorded stays as it is."""
    if any(each.state.filled for each in entries):
        return
    with suppress(ToolError, ConnectionLost):
        for each in [each for each in entries if not each.state.done]:
            await session.tws.pacer.wait_turn(Priority.ORDERS)
            account, orderRef = each.state.terms.account, each.state.orderRef or ""
            await session.services.audit.intent(context, account, each.state.orderId, orderRef)
            write_cancels(session, context, [each], begun=True)
            await until_cancelled(session, [each], context)


def send_global_cancel(session: Session, context: RequestContext) -> None:
    """Write a cancel of every open order of the account, whoever placed it."""
    _write_frames(session, context, lambda wire: wire.reqGlobalCancel())  # type: ignore[no-untyped-call]
    log.warning("global_cancel_sent")


def send_what_if(session: Session, orderId: int, contract: ib_async.Contract, order: ib_async.Order) -> None:
    """Write a preview. One bit distinguishes a preview from an order, so it is set and checked here."""
    question = replace(order, whatIf=True, orderRef="", transmit=True)
    wire = session.tws.require_connection()
    if question.whatIf is not True:
        raise RuntimeError("a preview without its what-if flag would be an order")
    wire.placeOrder(orderId, contract, question)


async def note_sent(session: Session, context: RequestContext, **fields: str) -> None:
    """Record that the frame has left this machine; the order does not depend on the record."""
    wire = session.tws.wire
    if wire is not None:
        await wire.drained()
    with suppress(Fenced, StaleRequest):
        await context.note(**fields)


def _certainly_not_sent(context: RequestContext, error: ToolError) -> ToolError:
    """Return the error for an order that was accepted and then certainly not written."""
    context.mark_not_sent()
    return ToolError("not_executed", f"Nothing was sent. {error.message}", reason=error.code)


def _write_frames(session: Session, context: RequestContext, write: Callable[[TwsConnection], None]) -> TwsConnection:
    if not context.still_leader():
        raise Fenced
    try:
        wire = session.tws.require_connection()
        with inside(session.telemetry.tracer, "TWS order"):
            write(wire)
    except ConnectionLost as lost:
        raise _certainly_not_sent(context, ToolError("retry", "The connection to the gateway broke.")) from lost
    except ToolError as missing:
        raise _certainly_not_sent(context, missing) from missing
    except InvalidField as field:
        raise _certainly_not_sent(context, ToolError("invalid_arguments", str(field))) from field
    session.orders.tracker.placed += 1
    return wire
