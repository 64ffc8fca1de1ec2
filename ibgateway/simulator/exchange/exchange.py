"""The exchange: takes orders, modifications and cancellations, and moves every order through its life.

What happens is told through `drain`, in the order in which real gateways tell it.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from dataclasses import replace
from decimal import ROUND_DOWN, Decimal
from functools import partial

from ibgateway.simulator import values as v
from ibgateway.simulator.account.broker import Broker
from ibgateway.simulator.exchange import checks
from ibgateway.simulator.exchange.combination import Combination
from ibgateway.simulator.exchange.conditions import Conditions
from ibgateway.simulator.exchange.expiry import Expiries
from ibgateway.simulator.exchange.feed import Feed, Touch
from ibgateway.simulator.exchange.matching import ADDED, REMOVED, Matcher
from ibgateway.simulator.exchange.plans import TRAILING, Plan, Planner, queue_before
from ibgateway.simulator.exchange.preview import margin_refusal, preview
from ibgateway.simulator.exchange.registry import Registry
from ibgateway.simulator.exchange.texts import CANCELLED_TEXT, LATE_AUCTION, OUTSIDE_IGNORED, held_text
from ibgateway.simulator.exchange.working import (
    API_CANCELLED,
    CANCELLED,
    CONDITIONS,
    FILLED,
    INACTIVE,
    PARENT,
    PRESUBMITTED,
    SUBMITTED,
    TIME,
    TRANSMIT,
    Working,
)
from ibgateway.simulator.instruments.directory import BAG_CONID, Directory
from ibgateway.simulator.instruments.instrument import Instrument
from ibgateway.simulator.market.options import expiry_instant
from ibgateway.simulator.times import instant

FRACTION = Decimal("0.0001")
AUCTION_CUTOFF_S = 10 * 60  # orders for the close must come this long before it
MOST_WORKING = 20  # orders of one side, contract and account
IMMEDIATE = ("IOC", "FOK")
AT_OPEN = ("OPG", "AUC")
ZONE = "US/Eastern"


class Exchange:
    """All orders. `at` is the current time wherever it is passed."""

    def __init__(self, seed: int, broker: Broker, directory: Directory) -> None:
        self.registry = Registry(seed)
        self._broker = broker
        self._directory = directory
        self._events: list[v.Event] = []
        self._heap: list[tuple[float, int, int, Plan]] = []
        self._feeds: dict[int, Feed | Combination] = {}
        self._matcher = Matcher(seed, broker, self.registry, self._feed_of, self._tell, self._after_trade)
        self._planner = Planner(self._feed_of, self)
        self._conditions = Conditions(broker, directory, self.registry)
        self.expiries = Expiries(broker, directory, self.registry, self._tell)

    def drain(self) -> list[v.Event]:
        events, self._events = self._events, []
        return events

    def _tell(self, events: Iterable[v.Event]) -> None:
        self._events += events

    def _error(self, clientId: int, orderId: int, code: int, text: str) -> None:
        self._events.append(v.OrderError(clientId, orderId, code, text))

    def _feed_of(self, order: Working) -> Feed | Combination:
        found = self._feeds.get(order.permId)
        if found is None:
            feeds = [Feed(self._broker.market, each) for each in order.instruments]
            found = self._feeds[order.permId] = (
                Combination([*zip(feeds, self._ratios(order.contract), strict=True)], order.contract.exchange)
                if order.combination
                else feeds[0]
            )
        return found

    def _ratios(self, contract: v.Contract) -> list[int]:
        return [leg.ratio * (1 if leg.action == "BUY" else -1) for leg in contract.comboLegs]

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
        known, instruments = self._resolve(contract, at)
        order = replace(order, account=order.account or self._default_account(order), tif=order.tif or "DAY")
        self._check(order, known, instruments, at)
        working = Working(
            clientId, orderId, 0, known, instruments, order, Decimal(0), at, expires=self._expiry(order, known, at)
        )  # fmt: skip
        working.quantity = self._quantity(working, at)
        if order.whatIf:
            self._tell([preview(self._broker, self._feed_of(working), working, at)])
            self._feeds.pop(0, None)
            return
        self._feeds.pop(0, None)
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
            if TRANSMIT in each.waits:
                each.waits.discard(TRANSMIT)
                self._release(each, at)

    def _resolve(self, contract: v.Contract, at: float) -> tuple[v.Contract, tuple[Instrument, ...]]:
        today = Feed(self._broker.market, self._directory.fixed()[0]).instrument.calendar.local(at).date()
        if contract.secType == "BAG" or contract.comboLegs:
            return self._resolve_bag(contract)
        if not contract.exchange:
            raise v.Refusal(321, "Error validating request.-'bV' : cause - Missing order exchange")
        instrument = self._directory.one(contract, today)
        if instrument.expiry is not None and instrument.expiry < today:
            raise v.Refusal(201, "Order rejected - reason:Contract has expired.")
        return instrument.contract(contract.exchange), (instrument,)

    def _resolve_bag(self, contract: v.Contract) -> tuple[v.Contract, tuple[Instrument, ...]]:
        legs = [self._directory.get(leg.conId) for leg in contract.comboLegs]
        found = tuple(leg for leg in legs if leg is not None and leg.quoted)
        bad = any(leg.ratio <= 0 or leg.action not in ("BUY", "SELL") for leg in contract.comboLegs)
        if len(found) < max(len(legs), 2) or bad or len({leg.currency for leg in found}) > 1:
            raise v.Refusal(321, "Error validating request.-'bV' : cause - Invalid combination legs")
        if not contract.exchange:
            raise v.Refusal(321, "Error validating request.-'bV' : cause - Missing order exchange")
        text = ",".join(f"{leg.conId}|{leg.ratio * (1 if leg.action == 'BUY' else -1)}" for leg in contract.comboLegs)
        known = replace(contract, conId=BAG_CONID, secType="BAG", comboLegsDescrip=contract.comboLegsDescrip or text)
        return replace(known, localSymbol=known.localSymbol or known.symbol, tradingClass="COMB"), found

    def _default_account(self, order: v.Order) -> str:
        accounts = tuple(self._broker.ledgers)
        return accounts[0] if len(accounts) == 1 or order.faGroup else ""

    def _check(self, order: v.Order, contract: v.Contract, instruments: tuple[Instrument, ...], at: float) -> None:
        asked = checks.Asked(order, contract, instruments, tuple(self._broker.ledgers))
        refused = checks.first_refusal(asked)
        if refused is not None:
            raise v.Refusal(*refused)
        self._conditions.check(order, at)

    def _quantity(self, working: Working, at: float) -> Decimal:
        """Shares, for an order that names an amount of money."""
        cash, sent = working.order.cashQty, working.order.totalQuantity
        if not cash or sent:
            return sent
        price = working.order.lmtPrice or self._feed_of(working).price(at)
        quantity = (Decimal(repr(cash)) / Decimal(repr(price))).quantize(FRACTION, rounding=ROUND_DOWN)
        if quantity <= 0:
            raise v.Refusal(321, checks.REFUSED + "Invalid cash quantity")
        return quantity

    def _expiry(self, order: v.Order, contract: v.Contract, at: float) -> float | None:
        """A time until which the order is good; a day order's is found when it starts."""
        if order.tif == "GTD":
            until = instant(order.goodTillDate, ZONE, at)
            if until is None or until <= at:
                raise v.Refusal(201, "Order rejected - reason:Good till date is in the past")
            return until
        return None

    # --- modifying -----------------------------------------------------------------------------------------------

    def _modify(self, working: Working, contract: v.Contract, order: v.Order, at: float) -> None:
        if working.status == FILLED:
            raise v.Refusal(104, "Cannot modify a filled order.")
        if working.done:
            raise v.Refusal(103, "Duplicate order id")
        known, instruments = self._resolve(contract, at)
        order = replace(order, account=order.account or working.order.account, tif=order.tif or "DAY")
        if instruments != working.instruments or (order.action, order.account) != (
            working.order.action,
            working.order.account,
        ):
            raise v.Refusal(105, "Order being modified does not match original order.")
        self._check(order, known, instruments, at)
        if order.parentId != working.order.parentId:
            order = replace(order, parentId=working.order.parentId)
        if order.ocaGroup != working.order.ocaGroup:
            order = replace(order, ocaGroup=working.order.ocaGroup, ocaType=working.order.ocaType)
        changed = replace(working, order=order)
        changed.quantity = self._quantity(changed, at)
        if changed.quantity <= working.filled:
            raise v.Refusal(201, "Order rejected - reason:The quantity is not larger than what is filled already.")
        if TRANSMIT not in working.waits and PARENT not in working.waits:
            refused = margin_refusal(self._broker, self._feed_of(working), changed, at)
            if refused:
                raise v.Refusal(201, refused)
        working.order, working.quantity, working.contract = order, changed.quantity, known
        working.expires, working.adjusted = self._expiry(order, known, at), False
        if TRANSMIT in working.waits:
            if order.transmit:
                self._transmit(self.registry.parent(working) or working, at)
            return
        self._tell(working.told())
        self._hold(working, at)
        self._go_on(working, at)

    # --- life ----------------------------------------------------------------------------------------------------

    def _release(self, order: Working, at: float) -> None:
        """The broker takes the order: margin first, then whatever it must wait for."""
        refused = self._refusal(order, at)
        if refused:
            self._reject(order, refused, at)
            return
        order.move(PRESUBMITTED)
        self._hold(order, at)
        self._tell(order.told())
        self._warn(order, at)
        self._go_on(order, at)

    def _refusal(self, order: Working, at: float) -> str:
        if self._crowded(order):
            return (
                f"Order rejected - reason:Your account has a minimum of {MOST_WORKING} orders working on either the "
                f"buy or sell side for this particular contract."
            )
        if order.order.orderType.upper() in checks.AUCTION and self._too_late(order, at):
            return LATE_AUCTION
        if PARENT in order.waits:
            return ""
        return margin_refusal(self._broker, self._feed_of(order), order, at)

    def _crowded(self, order: Working) -> bool:
        same = [
            each
            for each in self.registry.active.values()
            if each.instruments == order.instruments
            and each.buy == order.buy
            and each.order.account == order.order.account
            and TRANSMIT not in each.waits
            and each is not order
        ]
        return len(same) >= MOST_WORKING

    def _too_late(self, order: Working, at: float) -> bool:
        window = self._feed_of(order).window(at, False)
        return window.start <= at and window.end - at < AUCTION_CUTOFF_S

    def _reject(self, order: Working, reason: str, at: float) -> None:
        order.reason, order.completed, order.completed_status = reason, at, "Inactive"
        order.move(INACTIVE)
        self._tell(order.told())
        self._error(order.clientId, order.orderId, 201, reason)
        self._tell([order.order_status()])
        self._finish(order, at)

    def _hold(self, order: Working, at: float) -> None:
        """What the order waits for besides its parent, and why TWS says it is held."""
        order.waits -= {TIME, CONDITIONS}
        if (instant(order.order.goodAfterTime, ZONE, at) or 0) > at:
            order.waits.add(TIME)
        if order.order.conditions and not order.order.conditionsCancelOrder:
            order.waits.add(CONDITIONS)
        triggered = checks.order_type(order.order) in checks.STOPPED | checks.TRAILING
        order.why_held = ",".join(["child"] * (PARENT in order.waits) + ["trigger"] * triggered)

    def _warn(self, order: Working, at: float) -> None:
        """Notices: the order lives on."""
        kind = checks.order_type(order.order)
        if order.order.outsideRth and kind in ("MKT", "MOC", "LOC", "MTL"):
            self._error(order.clientId, order.orderId, 2109, OUTSIDE_IGNORED)
        if order.waits or order.order.tif in AT_OPEN:
            return
        window = self._feed_of(order).window(at, order.outside)
        if window.start > at and order.order.tif not in IMMEDIATE:
            calendar = order.instruments[0].calendar
            text = held_text(order, f"{calendar.local(window.start):%Y-%m-%d %H:%M:%S} {calendar.hours.zone}")
            self._error(order.clientId, order.orderId, 399, text)

    def _go_on(self, order: Working, at: float) -> None:
        """Start the order if it waits for nothing more, and look up what happens to it next."""
        if order.expires is None and order.order.tif in ("DAY", "DTC"):
            order.expires = self._feed_of(order).trading_day_end(at, order.outside)
        ends = [expiry_instant(each) for each in order.instruments if each.expiry is not None]
        if ends:  # no order outlives its contract
            order.expires = min(order.expires or ends[0], *ends)
        if CONDITIONS in order.waits and order.waits == {CONDITIONS} and self._conditions.hold(order, at):
            order.waits.discard(CONDITIONS)
        if not order.waits and not order.done:
            self._start(order, at)
        self._schedule(order, at)

    def _start(self, order: Working, at: float) -> None:
        """The order becomes what its type says, and trades at once what it can."""
        sent, kind = order.order, checks.order_type(order.order)
        order.limit = sent.lmtPrice if kind in checks.LIMITED | {"REL", "MIDPRICE", "PEG MID", "PEG BEST"} else None
        if kind not in checks.LIMITED and not order.limit:
            order.limit = None
        order.stop = sent.auxPrice if kind in checks.STOPPED else None
        order.kind = self._kind(order, kind, at)
        if order.kind in TRAILING:
            self._start_trail(order, at)
        if order.kind in ("MKT", "LMT", "REL", "PEG"):
            self._live(order, at)

    def _kind(self, order: Working, kind: str, at: float) -> str:
        if order.order.tif in AT_OPEN:
            order.limit = order.order.lmtPrice if kind == "LMT" else None
            return "OPEN"
        if kind in checks.AUCTION:
            return "CLOSE"
        if kind in checks.SNAPPED:
            quote = self._feed_of(order).quote(at)
            if quote.bid is None or quote.ask is None:
                return "MKT"
            own, other = (quote.bid, quote.ask) if order.buy else (quote.ask, quote.bid)
            order.limit = {"SNAP MKT": other, "SNAP PRIM": own}.get(kind, (own + other) / 2)
            return "LMT"
        names = {"MTL": "MKT", "MKT PRT": "MKT", "STP PRT": "STP"}
        names |= {"MIDPRICE": "PEG", "PEG MID": "PEG", "PEG BEST": "REL"}
        return names.get(kind, kind)

    def _start_trail(self, order: Working, at: float) -> None:
        sent, price = order.order, self._feed_of(order).price(at)
        away = abs(price) * sent.trailingPercent / 100 if sent.trailingPercent else sent.auxPrice or 0.0
        order.stop = sent.trailStopPrice or round(price - away * order.sign * -1, 6)
        if not sent.trailStopPrice:
            order.stop = round(price + away * order.sign, 6)
        order.stop_seen = at

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

    def touches(self, order: Working, touch: Touch) -> None:
        order.queue = Decimal(0)
        self._matcher.trade(order, touch.time, touch.price, touch.size, touch.venue, ADDED)

    def triggers(self, order: Working, at: float, stop: float | None) -> None:
        """A stop becomes a market or a limit order."""
        kind, sent = order.kind, order.order
        order.stop = stop
        if kind == "TRAIL LIMIT":
            offset = sent.lmtPriceOffset
            if offset is None:
                offset = abs((sent.trailStopPrice or stop or 0.0) - (sent.lmtPrice or 0.0))
            instrument = order.instruments[0]
            order.limit = instrument.price(instrument.ticks((stop or 0.0) + offset * order.sign))
        order.kind = "LMT" if kind in ("STP LMT", "LIT", "TRAIL LIMIT") else "MKT"
        order.why_held = ""
        self._live(order, at)

    def adjusts(self, order: Working, at: float) -> None:
        """An adjustable stop becomes what it was to become."""
        sent = order.order
        trailing = sent.adjustedOrderType in TRAILING
        percent = trailing and sent.adjustableTrailingUnit == 100
        order.order = replace(
            sent,
            orderType=sent.adjustedOrderType,
            auxPrice=None if percent else sent.adjustedTrailingAmount if trailing else sent.adjustedStopPrice,
            trailingPercent=sent.adjustedTrailingAmount if percent else sent.trailingPercent,
            trailStopPrice=sent.adjustedStopPrice if trailing else None,
            lmtPrice=sent.adjustedStopLimitPrice if "LM" in sent.adjustedOrderType else sent.lmtPrice,
        )
        order.adjusted = True
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
        for other in [each for each in self.registry.active.values() if CONDITIONS in each.waits]:
            if not other.waits & {TRANSMIT, PARENT}:
                self._go_on(other, at)
        if not order.done and order.kind:
            self._schedule(order, at)

    def _wake_child(self, child: Working, at: float) -> None:
        """Its parent is filled; if it is still being transmitted, it starts when that is done."""
        if TRANSMIT not in child.waits:
            self._hold(child, at)
            self._tell(child.told())
            self._go_on(child, at)

    def _reduce(self, order: Working, other: Working, size: Decimal, at: float) -> None:
        """Type 1 cancels the others, types 2 and 3 reduce them by what was filled."""
        if TRANSMIT in other.waits:
            return
        left = other.quantity - size
        if order.order.ocaType not in (2, 3) or order.done or left <= other.filled:
            self._cancel(other, at)
            return
        other.quantity = left
        other.order = replace(other.order, totalQuantity=left)
        self._tell(other.told())

    # --- cancelling ----------------------------------------------------------------------------------------------

    def cancel(self, clientId: int, orderId: int, at: float) -> None:
        order = self.registry.cancellable(clientId, orderId)
        if order is None:
            self._error(clientId, orderId, 10147, f"OrderId {orderId} that needs to be cancelled is not found.")
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
            plans.append(Plan(order.expires, partial(self._expire, order, order.expires)))
        if TIME in order.waits:
            time = instant(order.order.goodAfterTime, ZONE, at) or at
            plans.append(Plan(time, partial(order.waits.discard, TIME)))
        elif order.waits == {CONDITIONS} or order.order.conditionsCancelOrder:
            plans += self._condition_plans(order, at)
        if not order.waits:
            plans.append(self._planner.plan(order, at))
        return min(plans, key=lambda plan: plan.time) if plans else None

    def _condition_plans(self, order: Working, at: float) -> list[Plan]:
        time = self._conditions.look_again(order, at)
        if order.order.conditionsCancelOrder:
            if self._conditions.hold(order, at):
                return [Plan(at, partial(self._cancel, order, at))]
            return [] if time is None else [Plan(time, lambda: None)]
        return [] if time is None else [Plan(time, lambda: None)]

    def _expire(self, order: Working, at: float) -> None:
        self._cancel(order, at)

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

    def refreshed(self, order: Working, at: float) -> Working:
        """The order as it stands now: a trailing stop moves between its events."""
        if order.kind in TRAILING and not order.done:
            shown = replace(order)
            _, shown.stop, _ = self._planner.trail(order, at)
            return shown
        return order
