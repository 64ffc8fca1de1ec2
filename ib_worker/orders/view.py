"""The known orders, whether they are complete, and the order that a call names.

A call names an order by orderId, orderKey, orderRef or permId. One name is enough, and several must agree.
"""

from datetime import datetime

from bridge.order_references import order_ref
from bridge.tool import ToolError
from bridge.tools.types import OrderNameArguments
from ib_worker.orders.state import OrderState
from ib_worker.orders.tracker import OrderTracker, TrackedOrder


class OrderView:
    """The orders that TWS has reported, in `tracker`, and what is missing from them."""

    def __init__(self, tracker: OrderTracker) -> None:
        self.tracker = tracker
        self.as_of: dict[str, datetime] = {}  # when TWS last sent a complete list, by the kind of list
        self.readable = True  # False: the gateway's API is read-only and lists no orders
        self.unread: set[str] = set()  # types of messages that could not be decoded since the state was last read
        self.misread = 0  # messages that could not be decoded, and would have shown an order
        self.resynced_at = float("-inf")  # when the latest resync ended, by the monotonic clock
        self.resync_began: datetime | None = None  # when the latest complete resync began
        self.sync_complete = False  # the latest synchronization has read complete order lists
        self.unsettled: set[str] = set()  # orderRefs that an earlier leader may have sent, and whose outcome is open

    def require_complete(self, what: str, types: frozenset[str]) -> None:
        """Check that every message of these types was decoded: raise ToolError not_ready if one was not."""
        if self.unread & types:
            raise ToolError(
                "not_ready",
                f"The worker could not decode a message of the gateway about {what}, so the list is incomplete. The "
                "worker reads it again by itself. Retry in 30 seconds. If the error persists, restart the gateway.",
            )

    def find_order(self, orderId: int, named: OrderNameArguments) -> TrackedOrder | None:
        """Return the order that a call names, whoever placed it; an orderId is this session's own. Raises ToolError
        not_ready while the worker checks whether IBKR has the order, or invalid_arguments for names of several."""
        entry = self._found(orderId, named)
        if entry is not None:
            require_one_order(entry.state, orderId, named)
        return entry

    def _found(self, orderId: int, named: OrderNameArguments) -> TrackedOrder | None:
        by_perm = self.tracker.by_perm(named.permId) if named.permId is not None else None
        if by_perm is not None:
            return by_perm
        orderRef = order_ref(named.orderKey) if named.orderKey is not None else named.orderRef
        named_so = self.tracker.named(orderRef) if orderRef is not None else []
        named_so = [each for each in named_so if each.state.orderId == orderId] or named_so
        if len(named_so) > 1:
            raise ToolError(
                "invalid_arguments",
                f"orderRef: {len(named_so)} orders carry {orderRef}. Name one by its permId.",
                permIds=[each.state.permId for each in named_so],
            )
        if not named_so and orderRef in self.unsettled:
            raise ToolError(
                "not_ready",
                "The worker crashed after sending this order. A new worker is checking whether IBKR has it. Retry in "
                "20 seconds.",
                retry_after_s=20,
            )
        return named_so[0] if named_so else self.tracker.by_id(orderId) if orderId else None


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
