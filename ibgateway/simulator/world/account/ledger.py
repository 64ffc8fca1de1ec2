"""One account's books: cash in each currency, and what is held at what cost. Exact: everything is Decimal."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal

from ibgateway.simulator.world.instruments.instrument import Instrument

ZERO = Decimal(0)


@dataclass
class Holding:
    """A position. Costs are of one unit times the multiplier, commissions included, as TWS's average cost is."""

    instrument: Instrument
    quantity: Decimal = ZERO
    cost: Decimal = ZERO  # of one
    basis: Decimal = ZERO  # the same, without commissions
    realized: Decimal = ZERO  # today's
    start_quantity: Decimal = ZERO  # when the day began
    start_price: float = 0.0  # the close before it
    spent: Decimal = ZERO  # today, on trades and commissions, less what sales brought


@dataclass
class Ledger:
    """The books. `fees` and `flows` are kept only so that the books can be checked against each other."""

    account: str
    base: str = "USD"
    cash: defaultdict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    fees: defaultdict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    flows: defaultdict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    holdings: dict[int, Holding] = field(default_factory=dict)
    realized: defaultdict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    unsettled: defaultdict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))  # T+1: today's sales
    previous_equity: float = 0.0  # with loan value, in the base currency, when the day began

    def deposit(self, currency: str, amount: Decimal) -> None:
        self.cash[currency] += amount
        self.flows[currency] += amount

    def holding(self, instrument: Instrument) -> Holding:
        return self.holdings.setdefault(instrument.conId, Holding(instrument))

    def quantity(self, conId: int) -> Decimal:
        held = self.holdings.get(conId)
        return held.quantity if held else ZERO

    def trade(self, instrument: Instrument, quantity: Decimal, price: Decimal, fee: Decimal) -> Decimal | None:
        """Book a trade (quantity below zero sells); return its realised profit, None if it only opened a position."""
        held = self.holding(instrument)
        units = Decimal(repr(instrument.units))
        value = price * units
        closed = _closed(held.quantity, quantity)
        profit = None
        if closed:
            profit = (value - held.cost) * closed - fee * abs(closed / quantity)
            held.realized += profit
            self.realized[instrument.currency] += profit
        self._book_cash(instrument, quantity, value, fee, held, closed)
        if instrument.secType == "STK" and quantity < 0:
            self.unsettled[instrument.currency] -= quantity * value
        held.spent += quantity * value + fee
        _move(held, quantity, value, fee, closed)
        return profit

    def _book_cash(
        self, instrument: Instrument, quantity: Decimal, value: Decimal, fee: Decimal, held: Holding, closed: Decimal
    ) -> None:
        currency = instrument.currency
        if instrument.secType == "FUT":  # a future costs nothing to hold; its profit is paid when it is closed
            gross = (value - held.basis) * closed
            self.cash[currency] += gross - fee
            self.flows[currency] += gross
        else:
            self.cash[currency] -= quantity * value + fee
            self.flows[currency] -= quantity * value
        if instrument.secType == "CASH":
            self.cash[instrument.symbol] += quantity
            self.flows[instrument.symbol] += quantity
        self.fees[currency] += fee

    def begin_day(self, close: Callable[[Instrument], float]) -> None:
        """Reset realised profit and fees to zero, and forget closed positions."""
        self.realized.clear()
        self.unsettled.clear()
        for conId, held in list(self.holdings.items()):
            if not held.quantity:
                del self.holdings[conId]
            held.realized = held.spent = ZERO
            held.start_quantity = held.quantity
            held.start_price = close(held.instrument)


def _closed(held: Decimal, quantity: Decimal) -> Decimal:
    """Return the quantity of the position that the trade closes, signed as the position."""
    if held * quantity >= 0:
        return ZERO
    return min(abs(held), abs(quantity)) * (1 if held > 0 else -1)


def _move(held: Holding, quantity: Decimal, value: Decimal, fee: Decimal, closed: Decimal) -> None:
    """Change the position and, if it grows or changes sign, its cost."""
    opened = quantity + closed
    kept = held.quantity - closed
    if opened:
        paid = opened * value + fee * abs(opened / quantity)  # a short's average cost is what it brought, less fees
        held.cost = (kept * held.cost + paid) / (kept + opened)
        held.basis = (kept * held.basis + opened * value) / (kept + opened)
    held.quantity += quantity
    if not held.quantity:
        held.cost = held.basis = ZERO
