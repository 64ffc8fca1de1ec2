"""Matching: an order's trades with the book and with other orders, their booking and their events."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal

from ibgateway.simulator.model.contracts import Contract
from ibgateway.simulator.model.events import Event
from ibgateway.simulator.model.market_data import BidAsk
from ibgateway.simulator.model.orders import CommissionReport, Execution
from ibgateway.simulator.world.account.allocation import AccountShare, allot
from ibgateway.simulator.world.account.broker import Broker
from ibgateway.simulator.world.account.commissions import OrderTrades, commission
from ibgateway.simulator.world.exchange.orders.registry import ExecutionReport, OrderRegistry
from ibgateway.simulator.world.exchange.orders.working_order import FILLED, SUBMITTED, WorkingOrder
from ibgateway.simulator.world.exchange.prices.combo_market import ComboMarket
from ibgateway.simulator.world.exchange.prices.order_market import OrderMarket
from ibgateway.simulator.world.instruments.instrument import Instrument
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
        reports = self._book(order, at, price, size, venue, liquidity)
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

    def _book(
        self, order: WorkingOrder, at: float, price: float, size: Decimal, venue: str, liquidity: int
    ) -> list[ExecutionReport]:
        """Book each account's share of the fill; execution numbers continue from the last fill's."""
        reports: list[ExecutionReport] = []
        for number, (part, given) in enumerate(allot(order.parts, size), order.fills * len(order.parts)):
            part.filled += given
            part.value += given * Decimal(repr(price))
            reports += self._book_part(order, part, at, price, given, venue, liquidity, number)
        return reports

    def _book_part(
        self,
        order: WorkingOrder,
        part: AccountShare,
        at: float,
        price: float,
        size: Decimal,
        venue: str,
        liquidity: int,
        number: int,
    ) -> list[ExecutionReport]:
        signed = size * order.sign
        if not order.combination:
            return [self._book_one(order, part, order.instruments[0], at, price, signed, venue, liquidity, number)]
        whole = self._execution(order, part, order.contract, at, price, signed, venue, liquidity, number * 16)
        reports = [ExecutionReport(whole, None)]
        feed = self._feed_of(order)
        assert isinstance(feed, ComboMarket)
        for fill, (leg, ratio, leg_price) in enumerate(feed.leg_prices(order.buy, price, at), number * 16 + 1):
            reports.append(self._book_one(order, part, leg, at, leg_price, signed * ratio, venue, liquidity, fill))
        return reports

    def _book_one(
        self,
        order: WorkingOrder,
        part: AccountShare,
        instrument: Instrument,
        at: float,
        price: float,
        signed: Decimal,
        venue: str,
        liquidity: int,
        number: int,
    ) -> ExecutionReport:
        contract = instrument.contract(venue)
        execution = self._execution(order, part, contract, at, price, signed, venue, liquidity, number)
        fee = self._fee(order, part, instrument, abs(signed), price, signed < 0)
        ledger = self._broker.ledgers[part.account]
        profit = ledger.trade(instrument, signed, Decimal(repr(price)), fee)
        part.fees += fee
        report = CommissionReport(
            order.clientId,
            execution.execId,
            float(fee),
            instrument.currency,
            round(float(profit), 6) if profit is not None else None,
        )
        return ExecutionReport(execution, report)

    def _fee(
        self, order: WorkingOrder, part: AccountShare, instrument: Instrument, size: Decimal, price: float, sold: bool
    ) -> Decimal:
        """Return the fee that this fill adds to the order's cost: minimums are charged once."""
        if order.combination:
            return commission(instrument, OrderTrades(size, size * Decimal(repr(abs(price))), sold))
        return commission(instrument, OrderTrades(part.filled, part.value, sold)) - part.fees

    def _execution(
        self,
        order: WorkingOrder,
        part: AccountShare,
        contract: Contract,
        at: float,
        price: float,
        signed: Decimal,
        venue: str,
        liquidity: int,
        number: int,
    ) -> Execution:
        return Execution(
            clientId=order.clientId,
            orderId=order.orderId,
            contract=contract,
            # The last part counts corrections: a corrected execution keeps the rest of its id.
            execId=f"0000e0d5.{order.permId:08x}.{number:02x}.01",
            time=at,
            acctNumber=part.account,
            exchange=venue,
            side="BOT" if signed > 0 else "SLD",
            shares=abs(signed),
            price=price,
            permId=order.permId,
            liquidation=0,
            cumQty=part.filled,
            avgPrice=part.average,
            orderRef=order.order.orderRef,
            modelCode=order.order.modelCode,
            lastLiquidity=liquidity,
            submitter=order.order.submitter,
        )
