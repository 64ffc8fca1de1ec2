"""An order's lifecycle from acceptance to end: its waits, its work in the market, its effect on other orders."""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from dataclasses import replace
from decimal import ROUND_DOWN, ROUND_UP, Decimal
from functools import partial

from ibgateway.simulator.model.events import Event
from ibgateway.simulator.model.orders import OrderError
from ibgateway.simulator.world.account.broker import Broker
from ibgateway.simulator.world.exchange.intake import validation as checks
from ibgateway.simulator.world.exchange.intake.error_texts import CANCELLED_TEXT, LOCATING, OUTSIDE_IGNORED, held_text
from ibgateway.simulator.world.exchange.intake.intake import ratios
from ibgateway.simulator.world.exchange.intake.what_if import refusal
from ibgateway.simulator.world.exchange.lifecycle import order_types as kinds
from ibgateway.simulator.world.exchange.lifecycle.activation import OrderActivation, starts, waits_for_executions
from ibgateway.simulator.world.exchange.lifecycle.matching import ADDED, REMOVED, Matcher
from ibgateway.simulator.world.exchange.lifecycle.next_event import (
    SLICE_S,
    TRAILING,
    EventPlanner,
    NextEvent,
    queue_before,
)
from ibgateway.simulator.world.exchange.orders.conditions import Conditions
from ibgateway.simulator.world.exchange.orders.registry import OrderRegistry
from ibgateway.simulator.world.exchange.orders.working_order import (
    API_CANCELLED,
    CANCELLED,
    FILLED,
    INACTIVE,
    LOCATE,
    PARENT,
    PRESUBMITTED,
    SUBMITTED,
    TRANSMIT,
    WorkingOrder,
)
from ibgateway.simulator.world.exchange.prices.combo_market import ComboMarket
from ibgateway.simulator.world.exchange.prices.order_market import OrderMarket, Touch
from ibgateway.simulator.world.instruments.directory import Directory
from ibgateway.simulator.world.instruments.instrument import Instrument
from ibgateway.simulator.world.market.option_pricing.options import expiry_instant
from ibgateway.simulator.world.time.instants import instant

IMMEDIATE = ("IOC", "FOK")
ZONE = "US/Eastern"


class OrderLifecycle:
    """Moves every order; `at` is always the current time. `events` are the events so far, in order."""

    def __init__(self, seed: int, broker: Broker, directory: Directory) -> None:
        self.registry = OrderRegistry(seed)
        self.events: list[Event] = []
        self.conditions = Conditions(broker, directory, self.registry)
        self._broker = broker
        self._heap: list[tuple[float, int, int, NextEvent]] = []
        self._feeds: dict[tuple[object, ...], OrderMarket | ComboMarket] = {}
        self._matcher = Matcher(seed, broker, self.registry, self.feed_of, self.report, self._after_trade)
        self._planner = EventPlanner(self.feed_of, self)
        self._holding = OrderActivation(broker, self.conditions)

    def report(self, events: Iterable[Event]) -> None:
        self.events += events

    def error(self, clientId: int, orderId: int, code: int, text: str) -> None:
        self.events.append(OrderError(clientId, orderId, code, text))

    def feed_of(self, order: WorkingOrder) -> OrderMarket | ComboMarket:
        """Return the market of the order's contract; it is kept, since many orders share it."""
        key = (order.instruments, order.contract.comboLegs, order.contract.exchange if order.combination else "")
        found = self._feeds.get(key)
        if found is None:
            feeds = [OrderMarket(self._broker.market, each) for each in order.instruments]
            found = self._feeds[key] = (
                ComboMarket([*zip(feeds, ratios(order.contract), strict=True)], order.contract.exchange)
                if order.combination
                else feeds[0]
            )
        return found

    # --- the beginning -------------------------------------------------------------------------------------------

    def transmit(self, first: WorkingOrder, at: float) -> None:
        """Send a staged order with its children, parents first."""
        for each in [first, *self.registry.children(first)]:
            if TRANSMIT in each.waits and not each.done:  # a rejected parent takes its children along
                each.waits.discard(TRANSMIT)
                self._release(each, at)

    def changed(self, order: WorkingOrder, at: float) -> None:
        """Report a modified order, and start it again."""
        self.report(order.events())
        self._holding.hold(order, at)
        self._go_on(order, at)

    def _release(self, order: WorkingOrder, at: float) -> None:
        """Accept the order as the broker: check the margin, then set its waits."""
        refused = refusal(self._broker, self.feed_of(order), self.registry, order, at)
        if refused:
            self._reject(order, refused, at)
            return
        order.move(PRESUBMITTED)
        self._holding.hold(order, at)
        self.report(order.events())
        self._warn(order, at)
        self._go_on(order, at)

    def _reject(self, order: WorkingOrder, reason: str, at: float) -> None:
        order.reason, order.completed, order.completed_status = reason, at, "Inactive"
        order.move(INACTIVE)
        self.report(order.events())
        self.error(order.clientId, order.orderId, 201, reason)
        self.report([order.order_status()])
        self._finish(order, at)

    def _warn(self, order: WorkingOrder, at: float) -> None:
        """Send notices; the order stays open."""
        kind = checks.order_type(order.order)
        if order.order.outsideRth and kind in ("MKT", "MOC", "LOC", "MTL"):
            self.error(order.clientId, order.orderId, 2109, OUTSIDE_IGNORED)
        if LOCATE in order.waits:
            self.error(order.clientId, order.orderId, 404, LOCATING)
        if order.waits or order.order.tif in kinds.AT_OPEN:
            return
        window = self.feed_of(order).window(at, order.outside)
        if window.start > at and order.order.tif not in IMMEDIATE:
            calendar = order.instruments[0].calendar
            text = held_text(order, f"{calendar.local(window.start):%Y-%m-%d %H:%M:%S} {calendar.hours.zone}")
            self.error(order.clientId, order.orderId, 399, text)

    def _go_on(self, order: WorkingOrder, at: float, fresh: bool = True) -> None:
        """Start the order if it waits for nothing more, and plan its next event."""
        self._set_end(order, at)
        self._holding.release(order, at)
        if not order.waits and not order.done and (fresh or not order.kind):
            self._start(order, at)
        self._schedule(order, at)

    def _set_end(self, order: WorkingOrder, at: float) -> None:
        """A day order ends with the day on which it starts, and no order outlives its contract."""
        if order.expires is None and order.order.tif in ("DAY", "DTC"):
            order.expires = self.feed_of(order).trading_day_end(max(at, starts(order, at)), order.outside)
        ends = [expiry_instant(each) for each in order.instruments if each.expiry is not None]
        if ends:
            order.expires = min(order.expires or ends[0], *ends)

    def _start(self, order: WorkingOrder, at: float) -> None:
        """Start the order: set its type, limit and stop, and trade at once as far as possible."""
        kinds.become(order, self.feed_of(order), at)
        if order.kind in kinds.LIVE:
            self._live(order, at)
        elif order.kind == "SLICES" and self.feed_of(order).window(at, order.outside).start <= at:
            self.slices(order, at)

    def _live(self, order: WorkingOrder, at: float) -> None:
        """Trade with the present book if the market is open; the rest waits, or is cancelled if it may not wait."""
        feed = self.feed_of(order)
        window = feed.window(at, order.outside)
        if window.start > at or (order.kind in ("MKT", "LMT") and feed.cross(window, at) is not None):
            if order.order.tif in IMMEDIATE:
                self.cancel(order, at)
            return
        if order.kind in ("MKT", "LMT"):
            self._matcher.take(order, at)
        if order.done:
            return
        if order.order.tif in IMMEDIATE:
            self.cancel(order, at)
            return
        if checks.order_type(order.order) == "MTL" and order.kind == "MKT" and order.fills:
            order.kind, order.limit = "LMT", order.last_price
        if order.kind == "LMT":
            order.queue = queue_before(feed, order.buy, order.limit or 0.0, at)
        if order.status != SUBMITTED:
            order.move(SUBMITTED)
            order.why_held = ""
            self.report(order.events())

    # --- what the planner finds (see plans.Actions) --------------------------------------------------------------

    def opens(self, order: WorkingOrder, at: float) -> None:
        self._live(order, at)

    def requotes(self, order: WorkingOrder, at: float) -> None:
        self._matcher.take(order, at)
        if checks.order_type(order.order) == "MTL" and order.fills and not order.done:
            order.kind, order.limit = "LMT", order.last_price

    def slices(self, order: WorkingOrder, at: float) -> None:
        """Trade an algorithm's next slice, so that the order is filled by its end."""
        if order.status != SUBMITTED:
            order.move(SUBMITTED)
            self.report(order.events())
        parts = max(int((self._algo_end(order, at) - at) / SLICE_S), 1)
        self._matcher.take(order, at, most=(order.remaining / parts).to_integral_value(ROUND_UP))

    def _algo_end(self, order: WorkingOrder, at: float) -> float:
        last = order.expires or self.feed_of(order).trading_day_end(at, order.outside)
        asked = instant(dict(order.order.algoParams).get("endTime", ""), ZONE, at)
        return min(last, asked or last)

    def touches(self, order: WorkingOrder, touch: Touch) -> None:
        order.queue = Decimal(0)
        self._matcher.trade(order, touch.time, touch.price, touch.size, touch.venue, ADDED)

    def triggers(self, order: WorkingOrder, at: float, stop: float | None) -> None:
        """Change a stop to a market or a limit order."""
        kinds.trigger(order, stop)
        self._live(order, at)

    def adjusts(self, order: WorkingOrder, at: float) -> None:
        """Change an adjustable stop to its adjusted type."""
        kinds.adjust(order)
        self._start(order, at)
        self.report(order.events())

    def joins(self, order: WorkingOrder, at: float, price: float, venue: str) -> None:
        """Trade in the auction that opens the market; the rest of the order stays in the market."""
        beyond = order.limit is not None and (price > order.limit if order.buy else price < order.limit)
        if not beyond:
            self._matcher.trade(order, at, price, order.remaining, venue, REMOVED)
        if not order.done:
            self._live(order, at)

    def auctions(self, order: WorkingOrder, at: float, price: float, venue: str) -> None:
        """Trade the whole order at the opening or closing print, or cancel it if the print is beyond its limit."""
        beyond = order.limit is not None and (price > order.limit if order.buy else price < order.limit)
        if beyond:
            self.cancel(order, at)
        else:
            self._matcher.trade(order, at, price, order.remaining, venue, REMOVED)

    def fill(self, order: WorkingOrder, size: Decimal, price: float | None, at: float) -> None:
        """Fill the order whatever the market does, at the market's price if none is given."""
        feed = self.feed_of(order)
        levels = feed.levels(order.buy, at)
        venue = levels[0].venue if levels else order.contract.exchange
        self._matcher.trade(order, at, price or feed.price(at), size, venue, REMOVED)

    # --- groups --------------------------------------------------------------------------------------------------

    def _after_trade(self, order: WorkingOrder, size: Decimal, at: float) -> None:
        """Apply a fill to other orders: its OCA group, its children, and orders that wait for an execution."""
        if order.order.ocaGroup:
            for other in self.registry.siblings(order):
                self._reduce(order, other, size, at)
        if order.status == FILLED:
            for child in self.registry.children(order):
                if PARENT in child.waits:
                    child.waits.discard(PARENT)
                    self._wake_child(child, at)
        for other in [each for each in self.registry.active.values() if waits_for_executions(each)]:
            self._go_on(other, at, fresh=False)
        if not order.done and order.kind:
            self._schedule(order, at)

    def _wake_child(self, child: WorkingOrder, at: float) -> None:
        """Start the child of a filled parent; a child that is still being transmitted starts afterwards."""
        if TRANSMIT not in child.waits:
            self._holding.hold(child, at)
            self.report(child.events())
            self._go_on(child, at)

    def _reduce(self, order: WorkingOrder, other: WorkingOrder, size: Decimal, at: float) -> None:
        """Cancel the group's other orders (type 1), or reduce them in proportion to the fill (types 2 and 3)."""
        if TRANSMIT in other.waits:
            return
        rest = other.remaining * order.remaining / (order.remaining + size)
        left = other.filled + rest.to_integral_value(ROUND_DOWN)
        if order.order.ocaType not in (2, 3) or order.done or left <= other.filled:
            self.cancel(other, at)
            return
        other.quantity = left
        other.order = replace(other.order, totalQuantity=left)
        self.report(other.events())

    # --- the end -------------------------------------------------------------------------------------------------

    def cancel(self, order: WorkingOrder, at: float) -> None:
        if order.done:
            return
        order.move(API_CANCELLED if TRANSMIT in order.waits else CANCELLED)
        order.completed, order.completed_status = at, "Cancelled"
        self.report([order.order_status()])
        self.error(order.clientId, order.orderId, 202, CANCELLED_TEXT)
        self._finish(order, at)

    def _finish(self, order: WorkingOrder, at: float) -> None:
        """Drop the order's events, and cancel its children."""
        order.version += 1
        self.registry.retire(order)
        for child in self.registry.children(order):
            if PARENT in child.waits:
                self.cancel(child, at)

    # --- the clock -----------------------------------------------------------------------------------------------

    def _schedule(self, order: WorkingOrder, at: float) -> None:
        order.version += 1
        plan = self._next_plan(order, at)
        if plan is not None:
            heapq.heappush(self._heap, (max(plan.time, at), order.permId, order.version, plan))

    def _next_plan(self, order: WorkingOrder, at: float) -> NextEvent | None:
        if order.done or TRANSMIT in order.waits:
            return None
        plans = []
        if order.expires is not None:
            plans.append(NextEvent(order.expires, partial(self.cancel, order, order.expires)))
        plans += self._holding.plans(order, at, self.cancel)
        if not order.waits:
            plans.append(self._planner.plan(order, at))
        return min(plans, key=lambda plan: plan.time) if plans else None

    def next_due(self) -> float | None:
        """Return the time of the next event; events of orders that have changed since are dropped."""
        while self._heap:
            time, permId, version, _ = self._heap[0]
            order = self.registry.active.get(permId)
            if order is not None and order.version == version:
                return time
            heapq.heappop(self._heap)
        return None

    def run_next(self) -> None:
        """Carry out the event that is due next, and plan the following one."""
        time, permId, _, plan = heapq.heappop(self._heap)
        order = self.registry.active[permId]
        waited = bool(order.waits)
        plan.act()
        if order.done:
            return
        if waited:
            self._go_on(order, time)
        else:
            self._schedule(order, time)

    def reschedule(self, instrument: Instrument, at: float) -> None:
        """Plan all orders of an instrument again after a change of its market."""
        for order in list(self.registry.active.values()):
            if instrument in order.instruments:
                self._schedule(order, at)

    def refreshed(self, order: WorkingOrder, at: float) -> WorkingOrder:
        """Return the order in its present state: a trailing stop moves between its events."""
        if order.kind in TRAILING and not order.done:
            shown = replace(order)
            _, shown.stop, _ = self._planner.trail(order, at)
            return shown
        return order
