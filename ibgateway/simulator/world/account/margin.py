"""Value and margin of positions: Reg T for securities, a share of the notional for futures."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal

from ibgateway.simulator.world.account.ledger import Ledger
from ibgateway.simulator.world.account.short_options import OptionPosition, margin
from ibgateway.simulator.world.instruments.instrument import Instrument

LONG_INITIAL, LONG_MAINTENANCE = 0.5, 0.25
SHORT_INITIAL, SHORT_MAINTENANCE = 0.5, 0.3
INDEX_FUTURES = frozenset({"ES", "MES", "NQ", "MNQ"})
FUTURE_INITIAL, FUTURE_MAINTENANCE = 0.066, 0.06
COMMODITY_INITIAL, COMMODITY_MAINTENANCE = 0.088, 0.08
FOREX_MARGIN = 0.03
LEVERAGE = 4  # buying power of a day is four times the available funds


@dataclass
class AccountWorth:
    """An account's values, in its base currency."""

    cash: float = 0.0
    stock: float = 0.0
    option: float = 0.0
    bond: float = 0.0
    futures: float = 0.0  # unrealised profit
    gross: float = 0.0
    initial: float = 0.0
    maintenance: float = 0.0
    unsettled: float = 0.0  # of the cash: today's sales of stocks
    previous: float = 0.0  # the equity with loan value at the close before today

    @property
    def net(self) -> float:
        return self.cash + self.stock + self.option + self.bond + self.futures

    @property
    def with_loan(self) -> float:
        """Return the equity with loan value: the collateral, without options."""
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


@dataclass(frozen=True)
class Prices:
    """Present prices: of one instrument, of one unit of a currency, and of an option's underlying."""

    of: Callable[[Instrument], float]
    rate: Callable[[str], float]  # in the base currency
    under: Callable[[Instrument], float]


def worth(ledger: Ledger, prices: Prices) -> AccountWorth:
    """Return the account's worth at these prices."""
    holdings = ((held.instrument, held.quantity, held.basis) for held in ledger.holdings.values() if held.quantity)
    return value(ledger.cash, holdings, prices)


def value(
    cash: dict[str, Decimal], holdings: Iterable[tuple[Instrument, Decimal, Decimal]], prices: Prices
) -> AccountWorth:
    """Return the worth of any cash and holdings (instrument, quantity, basis), such as an account after a trade."""
    total, options, shares = AccountWorth(), list[OptionPosition](), dict[int, float]()
    for currency, amount in cash.items():
        total.cash += float(amount) * prices.rate(currency)
    for instrument, quantity, basis in holdings:
        one, rate = prices.of(instrument) * instrument.units, prices.rate(instrument.currency)
        if instrument.secType in ("OPT", "FOP"):
            options.append(
                OptionPosition(instrument, float(quantity), one, prices.under(instrument) * instrument.units, rate)
            )
        elif instrument.secType == "STK":
            shares[instrument.conId] = float(quantity)
        ADD[instrument.secType](total, instrument, float(quantity) * one * rate, float(quantity * basis) * rate)
    needed = margin(options, shares)
    total.initial += needed
    total.maintenance += needed
    return total


def _add_currency(total: AccountWorth, instrument: Instrument, amount: float, basis: float) -> None:
    total.initial += abs(amount) * FOREX_MARGIN
    total.maintenance += abs(amount) * FOREX_MARGIN


def _add_future(total: AccountWorth, instrument: Instrument, amount: float, basis: float) -> None:
    total.futures += amount - basis
    index = instrument.symbol in INDEX_FUTURES
    total.initial += abs(amount) * (FUTURE_INITIAL if index else COMMODITY_INITIAL)
    total.maintenance += abs(amount) * (FUTURE_MAINTENANCE if index else COMMODITY_MAINTENANCE)


def _add_option(total: AccountWorth, instrument: Instrument, amount: float, basis: float) -> None:
    total.option += amount
    total.gross += abs(amount)


def _add_security(total: AccountWorth, instrument: Instrument, amount: float, basis: float) -> None:
    if instrument.secType == "BOND":
        total.bond += amount
    else:
        total.stock += amount
    total.gross += abs(amount)
    total.initial += abs(amount) * (LONG_INITIAL if amount > 0 else SHORT_INITIAL)
    total.maintenance += abs(amount) * (LONG_MAINTENANCE if amount > 0 else SHORT_MAINTENANCE)


ADD: dict[str, Callable[[AccountWorth, Instrument, float, float], None]] = {
    "CASH": _add_currency,
    "FUT": _add_future,
    "OPT": _add_option,
    "FOP": _add_option,
    "STK": _add_security,
    "BOND": _add_security,
}
