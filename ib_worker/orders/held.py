"""The conditions that an order which TWS holds (PreSubmitted) still waits for, in words. Pure."""

from collections.abc import Iterator

from bridge.text.numbers import digits
from ib_worker.orders.state import OrderState
from ib_worker.orders.tracker import TrackedOrder
from ib_worker.tws.values import unset

HELD = "PreSubmitted"
# Source: IBKR's page on Order.triggerMethod. The default is double bid/ask for US options and OTC stocks, else the last
# price.
METHODS = {
    0: "TWS's default", 1: "double bid/ask", 2: "last", 3: "double last", 4: "bid/ask", 7: "last or bid/ask",
    8: "midpoint",
}  # fmt: skip
STOPS = ("STP", "STP LMT", "TRAIL", "TRAIL LIMIT")
TOUCHES = ("MIT", "LIT")
AT_CLOSE = ("MOC", "LOC")


def waits_for(entry: TrackedOrder) -> str | None:
    """Return what a held order waits for: its parent's fill, its trigger price with the method, an
    auction, its conditions."""
    if entry.state.status != HELD:
        return None
    return ", then ".join(_conditions(entry)) or None


def _conditions(entry: TrackedOrder) -> Iterator[str]:
    state, order = entry.state, entry.sent[1] if entry.sent is not None else None
    reasons = (state.whyHeld or "").split(",")
    if "child" in reasons:
        yield f"the fill of order {order.parentId}" if order is not None and order.parentId else "its parent's fill"
    if state.terms.orderType in STOPS + TOUCHES:
        yield f"a price {_trigger(entry, state)} (trigger method: {_method(entry)})"
    if state.terms.tif == "OPG":
        yield "the opening auction"
    if state.terms.orderType in AT_CLOSE:
        yield "the closing auction"
    if order is not None and order.conditions:
        yield f"its conditions: {len(order.conditions)}"


def _trigger(entry: TrackedOrder, state: OrderState) -> str:
    """Return the level that the price must reach. A trailing stop's moves, and TWS does not report each move."""
    terms = state.terms
    rising = (terms.action == "BUY") == (terms.orderType in STOPS)
    level = terms.auxPrice
    if terms.orderType.startswith("TRAIL"):
        level = unset.order_price("trailStopPrice", entry.sent[1]) if entry.sent is not None else None
    return f"at or {'above' if rising else 'below'} {'its stop' if level is None else digits(level)}"


def _method(entry: TrackedOrder) -> str:
    told = entry.sent[1].triggerMethod if entry.sent is not None else 0
    return METHODS.get(told, str(told))
