"""What positions are worth and what margin they need: Reg T for securities, a share of the notional for futures."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from decimal import Decimal

from ibgateway.simulator.account.ledger import Ledger
from ibgateway.simulator.instruments.instrument import Instrument

Pricer = Callable[[Instrument], float]  # the current price of one
Rate = Callable[[str], float]  # of a currency, in the base currency

LONG_INITIAL, LONG_MAINTENANCE = 0.5, 0.25
SHORT_INITIAL, SHORT_MAINTENANCE = 0.5, 0.3
FUTURE_INITIAL, FUTURE_MAINTENANCE = 0.066, 0.06
MICRO_AND_COMMODITY = 0.08
FOREX_MARGIN = 0.03
SHORT_OPTION_SHARE, SHORT_OPTION_LEAST = 0.2, 0.1  # of the underlying's value
LEVERAGE = 4  # buying power of a day is four times the available funds


@dataclass
class Worth:
    """An account's values, in its base currency."""

    cash: float = 0.0
    stock: float = 0.0
    option: float = 0.0
    bond: float = 0.0
    futures: float = 0.0  # unrealised profit
    gross: float = 0.0
    initial: float = 0.0
    maintenance: float = 0.0
    short_options: float = 0.0
    by_currency: dict[str, float] = field(default_factory=dict)

    @property
    def net(self) -> float:
        return self.cash + self.stock + self.option + self.bond + self.futures

    @property
    def with_loan(self) -> float:
        """Equity with loan value: what is counted on as collateral, so not the options."""
        return self.cash + self.stock + self.bond + self.futures

    @property
    def available(self) -> float:
        return self.with_loan - self.initial

    @property
    def excess(self) -> float:
        return self.with_loan - self.maintenance

    @property
    def buying_power(self) -> float:
        return max(self.available, 0.0) * LEVERAGE

    @property
    def cushion(self) -> float:
        return self.excess / self.net if self.net else 0.0


def worth(ledger: Ledger, price: Pricer, rate: Rate, under: Callable[[Instrument], float]) -> Worth:
    """Value the books now. `under` gives the price of an option's underlying."""
    holdings = ((held.instrument, held.quantity, held.basis) for held in ledger.holdings.values() if held.quantity)
    return value(ledger.cash, holdings, price, rate, under)


def value(
    cash: dict[str, Decimal],
    holdings: Iterable[tuple[Instrument, Decimal, Decimal]],
    price: Pricer,
    rate: Rate,
    under: Callable[[Instrument], float],
) -> Worth:
    """The same for any cash and holdings (instrument, quantity, basis), so for an account as it would be."""
    total = Worth()
    for currency, amount in cash.items():
        total.cash += float(amount) * rate(currency)
    for instrument, quantity, basis in holdings:
        if instrument.secType == "CASH":
            total.initial += abs(float(quantity)) * price(instrument) * rate(instrument.currency) * FOREX_MARGIN
            total.maintenance += abs(float(quantity)) * price(instrument) * rate(instrument.currency) * FOREX_MARGIN
            continue
        one = price(instrument) * instrument.units
        _add(total, instrument, float(quantity), one, float(basis), rate(instrument.currency), under)
    return total


def _add(
    total: Worth,
    instrument: Instrument,
    quantity: float,
    one: float,
    basis: float,
    rate: float,
    under: Callable[[Instrument], float],
) -> None:
    amount = quantity * one * rate
    if instrument.secType == "FUT":
        total.futures += quantity * (one - basis) * rate
        share = MICRO_AND_COMMODITY if instrument.symbol not in ("ES", "NQ") else FUTURE_INITIAL
        total.initial += abs(amount) * share
        total.maintenance += abs(amount) * share * FUTURE_MAINTENANCE / FUTURE_INITIAL
        return
    total.gross += abs(amount)
    if instrument.secType in ("OPT", "FOP"):
        total.option += amount
        if quantity < 0:
            need = short_option_margin(instrument, one * rate, under(instrument) * instrument.units * rate)
            total.initial += -quantity * need
            total.maintenance += -quantity * need
            total.short_options += amount
        return
    if instrument.secType == "BOND":
        total.bond += amount
    else:
        total.stock += amount
    long = quantity > 0
    total.initial += abs(amount) * (LONG_INITIAL if long else SHORT_INITIAL)
    total.maintenance += abs(amount) * (LONG_MAINTENANCE if long else SHORT_MAINTENANCE)


def short_option_margin(instrument: Instrument, premium: float, under: float) -> float:
    """Of one contract: the premium, and a fifth of the underlying less what it is out of the money, or a tenth."""
    strike = (instrument.strike or 0.0) * instrument.units
    out = max(strike - under, 0.0) if instrument.right == "C" else max(under - strike, 0.0)
    return premium + max(SHORT_OPTION_SHARE * under - out, SHORT_OPTION_LEAST * under)
