"""An order's next event and its time, looked up in the market by the order type in effect."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from ibgateway.simulator.model.market_data import Trade
from ibgateway.simulator.world.exchange.intake.validation import order_type
from ibgateway.simulator.world.exchange.orders.working_order import WorkingOrder
from ibgateway.simulator.world.exchange.prices.combo_market import ComboMarket
from ibgateway.simulator.world.exchange.prices.order_market import (
    ASK,
    BID,
    LAST,
    MIDDLE,
    OrderMarket,
    Touch,
    TradingWindow,
)

SLICE_S = 60.0  # between two parts of an algorithm's order
TRAILING = ("TRAIL", "TRAIL LIMIT")
# triggerMethod: what a stop watches. The default is the last price; what has no prints is watched by its quote.
QUOTE_METHODS = (1, 4)
MIDDLE_METHOD = 8
TWICE_METHODS = (1, 3)


class OrderActions(Protocol):
    """The events of an order; the exchange carries them out."""

    def slices(self, order: WorkingOrder, at: float) -> None: ...
    def opens(self, order: WorkingOrder, at: float) -> None: ...
    def requotes(self, order: WorkingOrder, at: float) -> None: ...
    def touches(self, order: WorkingOrder, touch: Touch) -> None: ...
    def triggers(self, order: WorkingOrder, at: float, stop: float | None) -> None: ...
    def adjusts(self, order: WorkingOrder, at: float) -> None: ...
    def joins(self, order: WorkingOrder, at: float, price: float, venue: str) -> None: ...
    def auctions(self, order: WorkingOrder, at: float, price: float, venue: str) -> None: ...


@dataclass(frozen=True)
class NextEvent:
    """One event of an order, and its time."""

    time: float
    act: Callable[[], None]


class EventPlanner:
    """Finds an order's next event. It is final: only a change of the order itself can undo it."""

    def __init__(self, feed_of: Callable[[WorkingOrder], OrderMarket | ComboMarket], actions: OrderActions) -> None:
        self._feed_of = feed_of
        self._do = actions
        self._by_kind: dict[str, Callable[[WorkingOrder, float], NextEvent]] = {
            "MKT": self._market,
            "LMT": self._limit,
            "STP": self._stop,
            "STP LMT": self._stop,
            "MIT": self._stop,
            "LIT": self._stop,
            "TRAIL": self._trail,
            "TRAIL LIMIT": self._trail,
            "REL": self._pegged,
            "PEG": self._pegged,
            "CLOSE": self._closing,
            "OPEN": self._opening,
            "SLICES": self._slices,
        }

    def plan(self, order: WorkingOrder, at: float) -> NextEvent:
        plan = self._by_kind[order.kind](order, at)
        adjusting = self._adjusting(order, at)
        return adjusting if adjusting is not None and adjusting.time < plan.time else plan

    def _window(self, order: WorkingOrder, at: float) -> TradingWindow:
        return self._feed_of(order).window(at, order.outside)

    def _cross(self, order: WorkingOrder, window: TradingWindow, at: float) -> NextEvent | None:
        """Return the auction that opens the market, if the order is there in time."""
        cross = self._feed_of(order).cross(window, at)
        if cross is None:
            return None
        return NextEvent(cross.time, lambda: self._do.joins(order, cross.time, cross.price, cross.exchange))

    def _again(self, window: TradingWindow) -> NextEvent:
        """Return the end of a window without an event; the next window is searched then."""
        return NextEvent(window.end, lambda: None)

    def _market(self, order: WorkingOrder, at: float) -> NextEvent:
        window = self._window(order, at)
        if (cross := self._cross(order, window, at)) is not None:
            return cross
        if window.start > at:
            return NextEvent(window.start, lambda: self._do.opens(order, window.start))
        following = self._feed_of(order).next_quote(window, at)
        if following is None:
            return self._again(window)
        return NextEvent(following, lambda: self._do.requotes(order, following))

    def _slices(self, order: WorkingOrder, at: float) -> NextEvent:
        """Return an algorithm's next slice: one every minute."""
        window = self._window(order, at)
        time = window.start if window.start > at else at + SLICE_S
        return NextEvent(time, lambda: self._do.slices(order, time)) if time < window.end else self._again(window)

    def _limit(self, order: WorkingOrder, at: float) -> NextEvent:
        window = self._window(order, at)
        if (cross := self._cross(order, window, at)) is not None:
            return cross
        if window.start > at or order.status == "PreSubmitted":
            return NextEvent(window.start, lambda: self._do.opens(order, window.start))
        touch, queue = self._feed_of(order).touch(order.buy, order.limit or 0.0, window, order.queue)
        if touch is not None:
            return NextEvent(touch.time, lambda: self._do.touches(order, touch))

        def end() -> None:
            order.queue = queue

        return NextEvent(window.end, end)

    def _stop(self, order: WorkingOrder, at: float) -> NextEvent:
        window = self._window(order, at)
        touched = order.kind in ("MIT", "LIT")
        above = order.buy != touched
        what, twice = self.watched(order)
        time = self._feed_of(order).crosses(what, above, order.stop or 0.0, window, twice)
        if time is None:
            return self._again(window)
        return NextEvent(time, lambda: self._do.triggers(order, time, order.stop))

    def _trail(self, order: WorkingOrder, at: float) -> NextEvent:
        time, stop, window = self.trail(order, None)
        if time is not None:
            return NextEvent(time, lambda: self._do.triggers(order, time, stop))

        def end() -> None:
            order.stop, order.stop_seen = stop, window.end

        return NextEvent(window.end, end)

    def trail(self, order: WorkingOrder, upto: float | None) -> tuple[float | None, float, TradingWindow]:
        """Move a trailing stop on from its last known price; return the time of its hit, its price, and the window."""
        window = self._window(order, order.stop_seen)
        distance = order.order.trailingPercent or order.order.auxPrice or 0.0
        what, _ = self.watched(order)
        time, stop = self._feed_of(order).trails(
            what, not order.buy, order.stop or 0.0, distance, bool(order.order.trailingPercent), window, upto
        )
        return time, stop, window

    def watched(self, order: WorkingOrder) -> tuple[str, bool]:
        """Return the price that triggers a stop, and if two prints must show it."""
        method = order.order.triggerMethod
        if method == MIDDLE_METHOD:
            return MIDDLE, False
        if method in QUOTE_METHODS or (not order.combination and not order.instruments[0].prints):
            return (ASK if order.buy else BID), method in TWICE_METHODS
        return LAST, method in TWICE_METHODS

    def _adjusting(self, order: WorkingOrder, at: float) -> NextEvent | None:
        """Return the adjustment of an adjustable stop: it changes its type after a move of the price."""
        trigger = order.order.triggerPrice
        if not order.order.adjustedOrderType or order.adjusted or not trigger or order.kind not in ("STP", "STP LMT"):
            return None
        time = self._feed_of(order).crosses(LAST, not order.buy, trigger, self._window(order, at))
        return None if time is None else NextEvent(time, lambda: self._do.adjusts(order, time))

    def _pegged(self, order: WorkingOrder, at: float) -> NextEvent:
        window = self._window(order, at)
        if window.start > at or order.status == "PreSubmitted":
            return NextEvent(window.start, lambda: self._do.opens(order, window.start))
        feed = self._feed_of(order)
        assert isinstance(feed, OrderMarket)
        offset = 0.0 if order_type(order.order) == "MIDPRICE" else order.order.auxPrice or 0.0
        touch = feed.pegged_touch(order.buy, offset, order.limit, order.kind == "PEG", window)
        if touch is None:
            return self._again(window)
        return NextEvent(touch.time, lambda: self._do.touches(order, touch))

    def _closing(self, order: WorkingOrder, at: float) -> NextEvent:
        """Return the closing auction of the order's day."""
        return self._auction(order, at, OrderMarket.closing)

    def _opening(self, order: WorkingOrder, at: float) -> NextEvent:
        """Return the next opening auction."""
        return self._auction(order, at, OrderMarket.opening)

    def _auction(
        self, order: WorkingOrder, at: float, find: Callable[[OrderMarket, TradingWindow], Trade | None]
    ) -> NextEvent:
        feed = self._feed_of(order)
        assert isinstance(feed, OrderMarket)
        window = feed.window(at, outside=False)
        trade = find(feed, window)
        if trade is None or trade.time <= at:
            return self._again(window)
        return NextEvent(trade.time, lambda: self._do.auctions(order, trade.time, trade.price, trade.exchange))


def queue_before(feed: OrderMarket | ComboMarket, buy: bool, limit: float, at: float) -> Decimal:
    """Return the size displayed before an order that joins the book at its limit."""
    quote = feed.quote(at)
    best, size = (quote.bid, quote.bidSize) if buy else (quote.ask, quote.askSize)
    if best is None or (limit > best if buy else limit < best):
        return Decimal(0)
    return size
