"""Finds the order that a change or a cancel names, and rejects a key that has placed before."""

from collections.abc import Iterable

from bridge.order_references import LEGS
from bridge.tool import ToolError
from bridge.tools.orders import (
    CHANGEABLE,
    ModifyOrder,
)
from bridge.tools.types import OrderNameArguments
from ib_worker.orders.tracker import TrackedOrder
from ib_worker.orders.view import name_given
from ib_worker.session.session import Session

PLACED = {"place_order": ("",), "close_position": ("",), "place_bracket_order": LEGS}  # the legs that a call places


def require_own_order(session: Session, orderId: int, named: OrderNameArguments) -> TrackedOrder:
    """Return the order that a call names, if this session may change it. Raises ToolError not_found, or not_ready while
    the orders are being read, since an unknown order may exist then."""
    if not session.orders.tracker.known:
        raise session.state.standing.error()
    entry = session.orders.find_order(orderId, named)
    if entry is not None and entry.state.clientId == session.clientId:
        return entry
    others = [
        each for each in session.orders.tracker.open() if each is entry or (orderId and each.state.orderId == orderId)
    ]
    whose = (
        f" That order belongs to client {others[0].state.clientId}; TWS lets only that client change or cancel it. "
        "cancel_all_orders(everyClient=true) cancels the orders of every client."
        if others
        else ""
    )
    field, name = name_given(orderId, named)
    raise ToolError(
        "not_found",
        f"{field}: this session has no open order {name}.{whose} ibkr_get_open_orders lists open orders, and "
        "ibkr_get_completed_orders those that ended today.",
    )


def would_change(entry: TrackedOrder, request: ModifyOrder) -> bool:
    """Return whether TWS's latest terms differ from the requested ones; if not, a frame would change nothing."""
    wanted = {name: getattr(request, name) for name in CHANGEABLE}
    return any(getattr(entry.state.terms, name) != value for name, value in wanted.items() if value is not None)


def require_unused(session: Session, orderRefs: Iterable[str]) -> None:
    """Check that IBKR has and had no order of the key, whose record Redis has lost. Raises ToolError
    idempotency_conflict."""
    tracker = session.orders.tracker
    if any(tracker.by_ref(each) is not None or tracker.is_past_ref(each) for each in orderRefs):
        raise ToolError(
            "idempotency_conflict",
            "idempotencyKey: this key has placed an order before, and that answer is not kept in full any more. Check "
            "ibkr_get_open_orders, ibkr_get_completed_orders and ibkr_get_executions. Nothing was sent. For another "
            "order use a new key.",
        )


def order_names(entry: TrackedOrder) -> dict[str, str]:
    """Return the permanent names of the order, for a worker that resolves the call after a restart: TWS archives orders
    without their orderId."""
    names = {"orderRef": entry.state.orderRef, "permId": entry.state.permId}
    return {name: str(value) for name, value in names.items() if value is not None}
