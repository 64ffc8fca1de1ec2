"""The conditions that an order which TWS holds (PreSubmitted) still waits for, in words. Pure."""

from collections.abc import Iterator

from bridge.text.numbers import digits
from ib_worker.orders.state import OrderState
from ib_worker.orders.tracker import KeptStop, TrackedOrder
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
        level = stop_price(entry)
    return f"at or {'above' if rising else 'below'} {'its stop' if level is None else digits(level)}"


def stop_price(entry: TrackedOrder) -> float | None:
    """Return where an order's trailing stop is; None where that is not known. Until TWS tells news of it, it is where a
    change has put it, unless TWS is about to move it nearer."""
    told = unset.order_price("trailStopPrice", entry.sent[1]) if entry.sent is not None else None
    kept = stop_kept(entry, told)
    if kept is None:
        return told
    return kept.stop if kept.known else None


def stop_text(entry: TrackedOrder) -> str:
    """Return that a stop is not where the order's new percentage would have it, as a sentence; else an empty text."""
    kept = entry.kept_stop
    if kept is None or kept.away is None or (kept.known and not kept.wider):
        return ""
    if kept.wider and stop_price(entry) == kept.stop:
        return f"Its stop stays at {digits(kept.stop)} until the price is more than {digits(kept.away)} % from it."
    if stop_price(entry) is None:
        return f"Its stop is not known yet: TWS moves it to {digits(kept.away)} % from the next price."
    return ""


def stop_kept(entry: TrackedOrder, told: float | None) -> KeptStop | None:
    """Return the stop that went along with the last change, if the order has that change's distance and what TWS tells
    is no news: a stop moves one way."""
    kept, terms = entry.kept_stop, entry.state.terms
    away = terms.auxPrice if terms.trailingPercent is None else terms.trailingPercent
    if kept is None or told is None or kept.away != away:
        return None
    farther = told <= kept.stop if terms.action == "SELL" else told >= kept.stop
    return kept if farther or told == kept.echo else None


def _method(entry: TrackedOrder) -> str:
    told = entry.sent[1].triggerMethod if entry.sent is not None else 0
    return METHODS.get(told, str(told))
