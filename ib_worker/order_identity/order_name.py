"""The order that a call names by orderId, orderKey, orderRef or permId. One name is enough, and several must agree."""

from collections.abc import Set as AbstractSet

from bridge.tool import ToolError
from bridge.tools.types import OrderNameArguments
from ib_worker.orders.references import order_ref
from ib_worker.orders.state import OrderState
from ib_worker.orders.tracker import OrderTracker, TrackedOrder


def order_named(
    ledger: OrderTracker, unsettled: AbstractSet[str], orderId: int, named: OrderNameArguments
) -> TrackedOrder | None:
    """Return the order, None where none is known by any of the names. `unsettled`: references of which it is not known
    yet whether IBKR has their orders. Raise ToolError not_ready for one of those, or invalid_arguments."""
    entry = _found(ledger, unsettled, orderId, named)
    if entry is not None:
        require_one_order(entry.state, orderId, named)
    return entry


def _found(
    ledger: OrderTracker, unsettled: AbstractSet[str], orderId: int, named: OrderNameArguments
) -> TrackedOrder | None:
    by_perm = ledger.by_perm(named.permId) if named.permId is not None else None
    if by_perm is not None:
        return by_perm
    orderRef = order_ref(named.orderKey) if named.orderKey is not None else named.orderRef
    named_so = ledger.named(orderRef) if orderRef is not None else []
    named_so = [each for each in named_so if each.state.orderId == orderId] or named_so
    if len(named_so) > 1:
        raise ToolError(
            "invalid_arguments",
            f"orderRef: {len(named_so)} orders carry {orderRef}. Name one by its permId.",
            permIds=[each.state.permId for each in named_so],
        )
    if not named_so and orderRef in unsettled:
        raise ToolError(
            "not_ready",
            "The worker crashed after sending this order. A new worker is checking whether IBKR has it. Retry in 20 "
            "seconds.",
            retry_after_s=20,
        )
    return named_so[0] if named_so else ledger.by_id(orderId) if orderId else None


def name_given(orderId: int, named: OrderNameArguments) -> tuple[str, str]:
    """The first name that a call gives, and its value: an error is about the argument that was used."""
    names = {"orderId": orderId, "orderKey": named.orderKey, "orderRef": named.orderRef, "permId": named.permId}
    return next(((name, str(value)) for name, value in names.items() if value), ("orderId", "0"))


def require_one_order(state: OrderState, orderId: int, named: OrderNameArguments) -> None:
    """Refuse names of which one is another order's. Raise ToolError invalid_arguments."""
    orderRef = order_ref(named.orderKey) if named.orderKey is not None else None
    others = [
        name
        for name, is_other in (
            ("orderId", 0 not in (orderId, state.orderId) and orderId != state.orderId),  # TWS archives without it
            ("permId", named.permId is not None and bool(state.permIds) and named.permId not in state.permIds),
            ("orderKey", orderRef not in (None, state.orderRef)),
            ("orderRef", named.orderRef not in (None, state.orderRef)),
        )
        if is_other
    ]
    if others:
        raise ToolError(
            "invalid_arguments",
            f"{others[0]}: it names another order than the other arguments do. Nothing was sent. Give only one of "
            "orderId, orderKey, orderRef and permId.",
            fields=others,
        )
