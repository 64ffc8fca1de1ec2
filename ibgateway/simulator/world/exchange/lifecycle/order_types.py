"""An order's type, limit and stop in effect: at its start, when triggered, when adjusted."""

from __future__ import annotations

from dataclasses import replace

from ibgateway.simulator.world.exchange.intake import validation as checks
from ibgateway.simulator.world.exchange.orders.working_order import WorkingOrder
from ibgateway.simulator.world.exchange.prices.combo_market import ComboMarket
from ibgateway.simulator.world.exchange.prices.order_market import OrderMarket

AT_OPEN = ("OPG", "AUC")
# Types that act as another; the planner knows the others by their own names.
SAME_AS = {
    "MTL": "MKT",
    "MKT PRT": "MKT",
    "STP PRT": "STP",
    "MIDPRICE": "PEG",
    "PEG MID": "PEG",
    "PEG BEST": "REL",
    "MOC": "CLOSE",
    "LOC": "CLOSE",
}
LIVE = ("MKT", "LMT", "REL", "PEG")  # in the book at once


def become(order: WorkingOrder, feed: OrderMarket | ComboMarket, at: float) -> None:
    """Set kind, limit and stop from what was sent."""
    sent, kind = order.order, checks.order_type(order.order)
    limited = kind in checks.LIMITED or (kind in checks.PEGGED and bool(sent.lmtPrice))
    order.limit = sent.lmtPrice if limited else None
    order.stop = sent.auxPrice if kind in checks.STOPPED else None
    order.kind = "OPEN" if sent.tif in AT_OPEN else SAME_AS.get(kind, kind)
    if sent.algoStrategy in checks.SLICED and order.kind in ("MKT", "LMT"):
        order.kind = "SLICES"
    if kind in checks.SNAPPED:
        _snap(order, kind, feed, at)
    if kind in checks.TRAILING:
        order.stop = sent.trailStopPrice or _trailed(order, feed.price(at))
        order.stop_seen = at


def _snap(order: WorkingOrder, kind: str, feed: OrderMarket | ComboMarket, at: float) -> None:
    """Set the limit at the present quote."""
    quote = feed.quote(at)
    order.kind = "MKT"
    if quote.bid is not None and quote.ask is not None:
        own, other = (quote.bid, quote.ask) if order.buy else (quote.ask, quote.bid)
        order.kind = "LMT"
        order.limit = {"SNAP MKT": other, "SNAP PRIM": own}.get(kind, (own + other) / 2)


def _trailed(order: WorkingOrder, price: float) -> float:
    """Return the first price of a trailing stop: its distance from the market's price."""
    percent = order.order.trailingPercent
    away = abs(price) * percent / 100 if percent else order.order.auxPrice or 0.0
    return round(price + away * order.sign, 6)


def trigger(order: WorkingOrder, stop: float | None) -> None:
    """Change a stop to a market or a limit order."""
    sent = order.order
    order.stop = stop
    if order.kind == "TRAIL LIMIT":
        offset = sent.lmtPriceOffset
        if offset is None:
            offset = abs((sent.trailStopPrice or stop or 0.0) - (sent.lmtPrice or 0.0))
        instrument = order.instruments[0]
        order.limit = instrument.price(instrument.ticks((stop or 0.0) + offset * order.sign))
    order.kind = "LMT" if order.kind in ("STP LMT", "LIT", "TRAIL LIMIT") else "MKT"
    order.why_held = ""


def adjust(order: WorkingOrder) -> None:
    """Change an adjustable stop to its adjusted type."""
    sent = order.order
    trailing = sent.adjustedOrderType in checks.TRAILING
    percent = trailing and sent.adjustableTrailingUnit == 100
    stop = sent.adjustedTrailingAmount if trailing else sent.adjustedStopPrice
    order.order = replace(
        sent,
        orderType=sent.adjustedOrderType,
        auxPrice=None if percent else stop,
        trailingPercent=sent.adjustedTrailingAmount if percent else sent.trailingPercent,
        trailStopPrice=sent.adjustedStopPrice if trailing else None,
        lmtPrice=sent.adjustedStopLimitPrice if "LM" in sent.adjustedOrderType else sent.lmtPrice,
    )
    order.adjusted = True
