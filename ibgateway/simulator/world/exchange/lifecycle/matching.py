"""Matching: an order's trades with the book and with other orders, and their events."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal

from ibgateway.simulator.model.events import Event
from ibgateway.simulator.model.market_data import BidAsk
from ibgateway.simulator.world.account.broker import Broker
from ibgateway.simulator.world.exchange.lifecycle.booking import OrderFill, book
from ibgateway.simulator.world.exchange.orders.registry import OrderRegistry
from ibgateway.simulator.world.exchange.orders.working_order import FILLED, SUBMITTED, WorkingOrder
from ibgateway.simulator.world.exchange.prices.combo_market import ComboMarket
from ibgateway.simulator.world.exchange.prices.order_market import OrderMarket
from ibgateway.simulator.world.market.tapes.rng import fraction

ADDED, REMOVED = 1, 2  # lastLiquidity
IMPROVED = 0.15  # of marketable orders get a better price, where the spread leaves room
SMALLEST_CENTS = 1e-9


@dataclass(frozen=True)
class Liquidity:
    """The other side of a trade: a level of the book, or another client's resting order."""

    price: float
    size: Decimal
    venue: str
    resting: WorkingOrder | None = None


class Matcher:
    """Trades orders. `feed_of` gives an order's market, `report` takes its events."""

    def __init__(
        self,
        seed: int,
        broker: Broker,
        registry: OrderRegistry,
        feed_of: Callable[[WorkingOrder], OrderMarket | ComboMarket],
        report: Callable[[Iterable[Event]], None],
        traded: Callable[[WorkingOrder, Decimal, float], None],
    ) -> None:
        self._seed = seed
        self._broker = broker
        self._registry = registry
        self._feed_of = feed_of
        self._report = report
        self._traded = traded  # called after each fill with its size and time
        self._taken: dict[tuple[int, bool, float], dict[float, Decimal]] = {}

    # --- taking --------------------------------------------------------------------------------------------------

    def take(self, order: WorkingOrder, at: float, most: Decimal | None = None) -> None:
        """Trade with the present book at the order's limit or better, up to a size if given."""
        left = order.remaining if most is None else min(most, order.remaining)
        offers = self._offers(order, at)
        if not self._enough(order, offers):
            return
        for number, offer in enumerate(offers):
            size = min(left, order.remaining, offer.size)
            if size <= 0 or order.done:
                break
            left -= size
            price = self._improved(order, offer, at) if number == 0 else offer.price
            if offer.resting is None:
                self._note_taken(order, at, offer.price, size)
            self.trade(order, at, price, size, offer.venue, REMOVED)
            if offer.resting is not None:
                self.trade(offer.resting, at, price, size, offer.venue, ADDED)

    def _enough(self, order: WorkingOrder, offers: list[Liquidity]) -> bool:
        """Report if there is enough size; all-or-none, fill-or-kill and minimum quantities need it."""
        sent = order.order
        least = order.remaining if sent.allOrNone or sent.tif == "FOK" else Decimal(sent.minQty or 0)
        return sum((offer.size for offer in offers), Decimal(0)) >= min(least, order.remaining)

    def _offers(self, order: WorkingOrder, at: float) -> list[Liquidity]:
        levels = self._feed_of(order).levels(order.buy, at)
        taken = self._taken.get(self._taken_key(order, at), {})
        offers = [Liquidity(each.price, each.size - taken.get(each.price, Decimal(0)), each.venue) for each in levels]
        if levels:  # without a quote, before the market opens, nobody trades
            quote = self._feed_of(order).quote(at)
            offers += [self._resting_offer(each, levels[0].venue, quote) for each in self._crossing(order)]
        offers = [each for each in offers if each.size > 0 and self._within(order, each.price)]
        return sorted(offers, key=lambda each: each.price * order.sign)

    def _crossing(self, order: WorkingOrder) -> list[WorkingOrder]:
        """Return the other orders of this world that rest on the other side of the same instrument."""
        return [
            each
            for each in self._registry.active.values()
            if each.kind == "LMT"
            and each.status == SUBMITTED
            and each.buy != order.buy
            and each.instruments == order.instruments
            and not each.combination
            and not order.combination
        ]

    def _resting_offer(self, resting: WorkingOrder, venue: str, quote: BidAsk) -> Liquidity:
        """Return a resting order's price: its limit, or the quote if that is better for it, as right after a gap."""
        other, limit = quote.ask if resting.buy else quote.bid, resting.limit or 0.0
        best = min if resting.buy else max
        return Liquidity(limit if other is None else best(limit, other), resting.remaining, venue, resting)

    def _within(self, order: WorkingOrder, price: float) -> bool:
        if order.limit is None:
            return True
        return price <= order.limit + SMALLEST_CENTS if order.buy else price >= order.limit - SMALLEST_CENTS

    def _improved(self, order: WorkingOrder, offer: Liquidity, at: float) -> float:
        """Return a price that is now and then a tick better than the quote, never beyond its other side."""
        instrument = order.instruments[0]
        quote = self._feed_of(order).quote(at)
        if order.combination or offer.resting or quote.bid is None or quote.ask is None:
            return offer.price
        room = instrument.ticks(quote.ask) - instrument.ticks(quote.bid) > 1
        lucky = fraction(self._seed, order.permId, order.fills, "improved") < IMPROVED
        return instrument.price(instrument.ticks(offer.price) - order.sign) if room and lucky else offer.price

    def _note_taken(self, order: WorkingOrder, at: float, price: float, size: Decimal) -> None:
        """Note a taken size: it is gone until the quote changes."""
        key = self._taken_key(order, at)
        for old in [each for each in self._taken if each[:2] == key[:2] and each != key]:
            del self._taken[old]
        taken = self._taken.setdefault(key, {})
        taken[price] = taken.get(price, Decimal(0)) + size

    def _taken_key(self, order: WorkingOrder, at: float) -> tuple[int, bool, float]:
        conId = order.instruments[0].conId * (-1 if order.combination else 1)
        return conId, order.buy, self._feed_of(order).quote(at).time

    # --- trading -------------------------------------------------------------------------------------------------

    def trade(self, order: WorkingOrder, at: float, price: float, size: Decimal, venue: str, liquidity: int) -> None:
        """Book a fill and report it in a real gateway's order: execDetails, openOrder, orderStatus, commission."""
        size = min(size, order.remaining)
        if size <= 0:
            return
        order.fills += 1
        order.filled += size
        order.value += size * Decimal(repr(price))
        order.last_price = price
        order.move(FILLED if not order.remaining else SUBMITTED)
        order.why_held = ""
        reports = book(OrderFill(order, at, price, size, venue, liquidity), self._broker.ledgers, self._feed_of(order))
        self._registry.reports += reports
        events: list[Event] = [report.execution for report in reports]
        events += order.events()
        if order.done:
            order.completed, order.completed_status = at, f"Filled Size: {order.filled.normalize():f}"
            self._registry.retire(order)
            events += [order.open_order(float(order.fees), order.instruments[0].currency), order.order_status()]
        events += [report.commission for report in reports if report.commission is not None]
        for report in reports:
            if report.commission is not None:
                execution = report.execution
                events += self.account_events(order, execution.acctNumber, execution.contract.conId, at)
        self._report(events)
        self._traded(order, size, at)

    def account_events(self, order: WorkingOrder, account: str, conId: int, at: float) -> list[Event]:
        instrument = next(each for each in order.instruments if each.conId == conId)
        return [self._broker.position(account, instrument), self._broker.item(account, instrument, at)]
