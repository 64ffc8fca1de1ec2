"""The exchange: takes orders, modifications and cancellations, and moves every order through its life.

What happens is told through `drain`, in the order in which real gateways tell it.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from dataclasses import replace
from decimal import ROUND_DOWN, ROUND_UP, Decimal
from functools import partial

from ibgateway.simulator import values as v
from ibgateway.simulator.account.broker import Broker
from ibgateway.simulator.exchange import checks, kinds
from ibgateway.simulator.exchange.combination import Combination
from ibgateway.simulator.exchange.conditions import Conditions
from ibgateway.simulator.exchange.expiry import Expiries
from ibgateway.simulator.exchange.feed import Feed, Touch
from ibgateway.simulator.exchange.holding import Holding, starts, waits_for_executions
from ibgateway.simulator.exchange.intake import Intake, ratios
from ibgateway.simulator.exchange.matching import ADDED, REMOVED, Matcher
from ibgateway.simulator.exchange.plans import SLICE_S, TRAILING, Plan, Planner, queue_before
from ibgateway.simulator.exchange.preview import margin_refusal, preview, refusal
from ibgateway.simulator.exchange.registry import Registry
from ibgateway.simulator.exchange.texts import (
    CANCELLED_TEXT,
    LOCATING,
    NOT_CANCELLABLE,
    OUTSIDE_IGNORED,
    held_text,
)
from ibgateway.simulator.exchange.working import (
    API_CANCELLED,
    CANCELLED,
    FILLED,
    INACTIVE,
    LOCATE,
    PARENT,
    PRESUBMITTED,
    SUBMITTED,
    TRANSMIT,
    Working,
)
from ibgateway.simulator.instruments.directory import Directory
from ibgateway.simulator.instruments.instrument import Instrument
from ibgateway.simulator.market.options import expiry_instant
from ibgateway.simulator.times import instant

IMMEDIATE = ("IOC", "FOK")
ZONE = "US/Eastern"


class Exchange:
    """All orders. `at` is the current time wherever it is passed."""

    def __init__(self, seed: int, broker: Broker, directory: Directory) -> None:
        self.registry = Registry(seed)
        self._broker = broker
        self._directory = directory
        self._events: list[v.Event] = []
        self._heap: list[tuple[float, int, int, Plan]] = []
        self._feeds: dict[tuple[object, ...], Feed | Combination] = {}
        self._matcher = Matcher(seed, broker, self.registry, self._feed_of, self._tell, self._after_trade)
        self._planner = Planner(self._feed_of, self)
        self._conditions = Conditions(broker, directory, self.registry)
        self._holding = Holding(broker, self._conditions)
        self._intake = Intake(broker, directory, self._conditions, self._feed_of)
        self.expiries = Expiries(broker, directory, self.registry, self._tell)

    def drain(self) -> list[v.Event]:
        events, self._events = self._events, []
        return events

    def _tell(self, events: Iterable[v.Event]) -> None:
        self._events += events

    def _error(self, clientId: int, orderId: int, code: int, text: str) -> None:
        self._events.append(v.OrderError(clientId, orderId, code, text))

    def _feed_of(self, order: Working) -> Feed | Combination:
        """The market of what the order is on; kept, since many orders share it."""
        key = (order.instruments, order.contract.comboLegs, order.contract.exchange if order.combination else "")
        found = self._feeds.get(key)
        if found is None:
            feeds = [Feed(self._broker.market, each) for each in order.instruments]
            found = self._feeds[key] = (
                Combination([*zip(feeds, ratios(order.contract), strict=True)], order.contract.exchange)
                if order.combination
                else feeds[0]
            )
        return found

    # --- placing -------------------------------------------------------------------------------------------------

    def place(self, clientId: int, orderId: int, contract: v.Contract, order: v.Order, at: float) -> None:
        """A new order, a what-if, or a modification of the client's order of this id."""
        existing = self.registry.get(clientId, orderId)
        try:
            if existing is not None and not order.whatIf:
                self._modify(existing, contract, order, at)
            else:
                self._place_new(clientId, orderId, contract, order, at)
        except v.Refusal as refusal:
            self._error(clientId, orderId, refusal.code, refusal.text)

    def _place_new(self, clientId: int, orderId: int, contract: v.Contract, order: v.Order, at: float) -> None:
        working = self._intake.read(Working(clientId, orderId, contract, order, at), contract, order, at)
        if order.whatIf:
            self._tell([preview(self._broker, self._feed_of(working), working, at)])
        else:
            self._admit(working, at)

    def _admit(self, working: Working, at: float) -> None:
        """Give the order its numbers and send it on, unless it or its parent waits to be transmitted."""
        parent = self.registry.parent(working)
        if working.order.parentId and parent is None:
            raise v.Refusal(135, f"Can't find order with ID ={working.order.parentId}")
        if parent is not None and parent.done and parent.status != FILLED:
            raise v.Refusal(201, "Order rejected - reason:Parent order is being cancelled")
        working.permId = self.registry.next_perm_id()
        if parent is not None:
            group = working.order.ocaGroup or str(parent.permId)
            working.order = replace(working.order, ocaGroup=group, ocaType=working.order.ocaType or 3)
            if parent.status != FILLED:
                working.waits.add(PARENT)
        self.registry.add(working)
        working.waits.add(TRANSMIT)
        if working.order.transmit:
            self._transmit(parent or working, at)

    def _transmit(self, first: Working, at: float) -> None:
        """Send a staged order with its children, parents first."""
        for each in [first, *self.registry.children(first)]:
            if TRANSMIT in each.waits and not each.done:  # a rejected parent takes its children along
                each.waits.discard(TRANSMIT)
                self._release(each, at)

    # --- modifying -----------------------------------------------------------------------------------------------

    def _modify(self, working: Working, contract: v.Contract, order: v.Order, at: float) -> None:
        if working.status == FILLED:
            raise v.Refusal(104, "Cannot modify a filled order.")
        if working.done:
            raise v.Refusal(103, "Duplicate order id")
        changed = self._intake.read(working, contract, order, at)
        same = (working.order.action, working.order.account) == (changed.order.action, changed.order.account)
        if changed.instruments != working.instruments or not same:
            raise v.Refusal(105, "Order being modified does not match original order.")
        if changed.quantity <= working.filled:
            raise v.Refusal(201, "Order rejected - reason:The quantity is not larger than what is filled already.")
        if not working.waits & {TRANSMIT, PARENT}:
            refused = margin_refusal(self._broker, self._feed_of(working), changed, at)
            if refused:
                raise v.Refusal(201, refused)
        kept = working.order  # groups can't be left by a modification
        working.order = replace(changed.order, parentId=kept.parentId, ocaGroup=kept.ocaGroup, ocaType=kept.ocaType)
        working.quantity, working.contract = changed.quantity, changed.contract
        working.expires, working.adjusted = changed.expires, False
        if TRANSMIT in working.waits:
            if order.transmit:
                self._transmit(self.registry.parent(working) or working, at)
            return
        self._tell(working.told())
        self._holding.hold(working, at)
        self._go_on(working, at)

    # --- life ----------------------------------------------------------------------------------------------------

    def _release(self, order: Working, at: float) -> None:
        """The broker takes the order: margin first, then whatever it must wait for."""
        refused = refusal(self._broker, self._feed_of(order), self.registry, order, at)
        if refused:
            self._reject(order, refused, at)
            return
        order.move(PRESUBMITTED)
        self._holding.hold(order, at)
        self._tell(order.told())
        self._warn(order, at)
        self._go_on(order, at)

    def _reject(self, order: Working, reason: str, at: float) -> None:
        order.reason, order.completed, order.completed_status = reason, at, "Inactive"
        order.move(INACTIVE)
        self._tell(order.told())
        self._error(order.clientId, order.orderId, 201, reason)
        self._tell([order.order_status()])
        self._finish(order, at)

    def _warn(self, order: Working, at: float) -> None:
        """Notices: the order lives on."""
        kind = checks.order_type(order.order)
        if order.order.outsideRth and kind in ("MKT", "MOC", "LOC", "MTL"):
            self._error(order.clientId, order.orderId, 2109, OUTSIDE_IGNORED)
        if LOCATE in order.waits:
            self._error(order.clientId, order.orderId, 404, LOCATING)
        if order.waits or order.order.tif in kinds.AT_OPEN:
            return
        window = self._feed_of(order).window(at, order.outside)
        if window.start > at and order.order.tif not in IMMEDIATE:
            calendar = order.instruments[0].calendar
            text = held_text(order, f"{calendar.local(window.start):%Y-%m-%d %H:%M:%S} {calendar.hours.zone}")
            self._error(order.clientId, order.orderId, 399, text)

    def _go_on(self, order: Working, at: float, fresh: bool = True) -> None:
        """Start the order if it waits for nothing more, and look up what happens to it next."""
        self._set_end(order, at)
        self._holding.release(order, at)
        if not order.waits and not order.done and (fresh or not order.kind):
            self._start(order, at)
        self._schedule(order, at)

    def _set_end(self, order: Working, at: float) -> None:
        """A day order ends with the day on which it starts, and no order outlives its contract."""
        if order.expires is None and order.order.tif in ("DAY", "DTC"):
            order.expires = self._feed_of(order).trading_day_end(max(at, starts(order, at)), order.outside)
        ends = [expiry_instant(each) for each in order.instruments if each.expiry is not None]
        if ends:
            order.expires = min(order.expires or ends[0], *ends)

    def _start(self, order: Working, at: float) -> None:
        """The order becomes what its type says, and trades at once what it can."""
        kinds.become(order, self._feed_of(order), at)
        if order.kind in kinds.LIVE:
            self._live(order, at)
        elif order.kind == "SLICES" and self._feed_of(order).window(at, order.outside).start <= at:
            self.slices(order, at)

    def _live(self, order: Working, at: float) -> None:
        """In the market, if it is open: take what is on offer; the rest waits, unless it may not."""
        feed = self._feed_of(order)
        if feed.window(at, order.outside).start > at:
            if order.order.tif in IMMEDIATE:
                self._cancel(order, at)
            return
        if order.kind in ("MKT", "LMT"):
            self._matcher.take(order, at)
        if order.done:
            return
        if order.order.tif in IMMEDIATE:
            self._cancel(order, at)
            return
        if checks.order_type(order.order) == "MTL" and order.kind == "MKT" and order.fills:
            order.kind, order.limit = "LMT", order.last_price
        if order.kind == "LMT":
            order.queue = queue_before(feed, order.buy, order.limit or 0.0, at)
        if order.status != SUBMITTED:
            order.move(SUBMITTED)
            order.why_held = ""
            self._tell(order.told())

    # --- what the planner finds (see plans.Actions) --------------------------------------------------------------

    def opens(self, order: Working, at: float) -> None:
        self._live(order, at)

    def requotes(self, order: Working, at: float) -> None:
        self._matcher.take(order, at)
        if checks.order_type(order.order) == "MTL" and order.fills and not order.done:
            order.kind, order.limit = "LMT", order.last_price

    def slices(self, order: Working, at: float) -> None:
        """An algorithm trades a part of what is left, so that all of it is traded by the end."""
        if order.status != SUBMITTED:
            order.move(SUBMITTED)
            self._tell(order.told())
        parts = max(int((self._algo_end(order, at) - at) / SLICE_S), 1)
        self._matcher.take(order, at, most=(order.remaining / parts).to_integral_value(ROUND_UP))

    def _algo_end(self, order: Working, at: float) -> float:
        last = order.expires or self._feed_of(order).trading_day_end(at, order.outside)
        asked = instant(dict(order.order.algoParams).get("endTime", ""), ZONE, at)
        return min(last, asked or last)

    def touches(self, order: Working, touch: Touch) -> None:
        order.queue = Decimal(0)
        self._matcher.trade(order, touch.time, touch.price, touch.size, touch.venue, ADDED)

    def triggers(self, order: Working, at: float, stop: float | None) -> None:
        """A stop becomes a market or a limit order."""
        kinds.trigger(order, stop)
        self._live(order, at)

    def adjusts(self, order: Working, at: float) -> None:
        """An adjustable stop becomes what it was to become."""
        kinds.adjust(order)
        self._start(order, at)
        self._tell(order.told())

    def auctions(self, order: Working, at: float, price: float, venue: str) -> None:
        """The opening or closing print: everything trades at its price, or not at all."""
        beyond = order.limit is not None and (price > order.limit if order.buy else price < order.limit)
        if beyond:
            self._cancel(order, at)
        else:
            self._matcher.trade(order, at, price, order.remaining, venue, REMOVED)

    # --- groups --------------------------------------------------------------------------------------------------

    def _after_trade(self, order: Working, size: Decimal, at: float) -> None:
        """What a fill does to others: its OCA group, its children, and orders that wait for an execution."""
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

    def _wake_child(self, child: Working, at: float) -> None:
        """Its parent is filled; if it is still being transmitted, it starts when that is done."""
        if TRANSMIT not in child.waits:
            self._holding.hold(child, at)
            self._tell(child.told())
            self._go_on(child, at)

    def _reduce(self, order: Working, other: Working, size: Decimal, at: float) -> None:
        """Type 1 cancels the others, types 2 and 3 reduce them in the proportion of what was filled."""
        if TRANSMIT in other.waits:
            return
        rest = other.remaining * order.remaining / (order.remaining + size)
        left = other.filled + rest.to_integral_value(ROUND_DOWN)
        if order.order.ocaType not in (2, 3) or order.done or left <= other.filled:
            self._cancel(other, at)
            return
        other.quantity = left
        other.order = replace(other.order, totalQuantity=left)
        self._tell(other.told())

    def fill(self, clientId: int, orderId: int, size: Decimal | None, price: float | None, at: float) -> None:
        """A fill that the market did not ask for: what a script of faults orders. Nothing, if it is done."""
        order = self.registry.get(clientId, orderId)
        if order is not None and not order.done:
            feed = self._feed_of(order)
            venue = order.contract.exchange
            self._matcher.trade(order, at, price or feed.price(at), size or order.remaining, venue, REMOVED)

    # --- cancelling ----------------------------------------------------------------------------------------------

    def cancel(self, clientId: int, orderId: int, at: float) -> None:
        order = self.registry.cancellable(clientId, orderId)
        if order is None:
            self._error(clientId, orderId, 10147, f"OrderId {orderId} that needs to be cancelled is not found.")
        elif order.status == INACTIVE:
            self._error(clientId, orderId, 161, NOT_CANCELLABLE.format(order.permId))
        elif order.done:
            text = f"OrderId {orderId} that needs to be cancelled cannot be cancelled, state: {order.status}."
            self._error(clientId, orderId, 10148, text)
        else:
            self._cancel(order, at)

    def cancel_all(self, at: float) -> None:
        for order in list(self.registry.active.values()):
            if not order.done:
                self._cancel(order, at)

    def _cancel(self, order: Working, at: float) -> None:
        if order.done:
            return
        order.move(API_CANCELLED if TRANSMIT in order.waits else CANCELLED)
        order.completed, order.completed_status = at, "Cancelled"
        self._tell([order.order_status()])
        self._error(order.clientId, order.orderId, 202, CANCELLED_TEXT)
        self._finish(order, at)

    def _finish(self, order: Working, at: float) -> None:
        """Forget the order's plans; its children can't live without it."""
        order.version += 1
        self.registry.retire(order)
        for child in self.registry.children(order):
            if PARENT in child.waits:
                self._cancel(child, at)

    # --- the clock -----------------------------------------------------------------------------------------------

    def _schedule(self, order: Working, at: float) -> None:
        order.version += 1
        plan = self._next_plan(order, at)
        if plan is not None:
            heapq.heappush(self._heap, (max(plan.time, at), order.permId, order.version, plan))

    def _next_plan(self, order: Working, at: float) -> Plan | None:
        if order.done or TRANSMIT in order.waits:
            return None
        plans = []
        if order.expires is not None:
            plans.append(Plan(order.expires, partial(self._cancel, order, order.expires)))
        plans += self._holding.plans(order, at, self._cancel)
        if not order.waits:
            plans.append(self._planner.plan(order, at))
        return min(plans, key=lambda plan: plan.time) if plans else None

    def next_due(self) -> float | None:
        """When the next plan is due; plans of orders that have changed since are dropped."""
        while self._heap:
            time, permId, version, _ = self._heap[0]
            order = self.registry.active.get(permId)
            if order is not None and order.version == version:
                return time
            heapq.heappop(self._heap)
        return None

    def run_next(self) -> None:
        """Carry out the plan that is due next, and plan on."""
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
        """The market of an instrument is not what it was: look everything up again."""
        for order in list(self.registry.active.values()):
            if instrument in order.instruments:
                self._schedule(order, at)

    def refreshed(self, order: Working, at: float) -> Working:
        """The order as it stands now: a trailing stop moves between its events."""
        if order.kind in TRAILING and not order.done:
            shown = replace(order)
            _, shown.stop, _ = self._planner.trail(order, at)
            return shown
        return order
