"""The cost of a trade: IBKR's published fixed rates, and the regulatory fees on sales of US stocks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from ibgateway.simulator.world.instruments.instrument import Instrument

CENT = Decimal("0.0001")
US_SHARE, US_MINIMUM, US_MOST = Decimal("0.005"), Decimal(1), Decimal("0.01")
SEC_FEE = Decimal("0.0000278")  # of what US sales bring
TAF, TAF_MOST = Decimal("0.000166"), Decimal("8.30")  # FINRA's fee on shares sold
EUROPE_SHARE, EUROPE_MINIMUM = Decimal("0.0005"), Decimal(3)
# By premium: a contract below five cents costs less.
OPTION_TIERS = ((Decimal("0.05"), Decimal("0.25")), (Decimal("0.10"), Decimal("0.50")), (None, Decimal("0.65")))
OPTION_MINIMUM = Decimal(1)
# Execution, exchange and regulatory fees of one contract.
FUTURE_FEES = {
    "ES": Decimal("2.25"),
    "NQ": Decimal("2.25"),
    "MES": Decimal("0.62"),
    "MNQ": Decimal("0.62"),
    "CL": Decimal("2.37"),
    "GC": Decimal("2.42"),
}
FUTURE_OPTION_FEE = Decimal("1.42")
FOREX_SHARE, FOREX_MINIMUM = Decimal("0.00002"), Decimal(2)
BOND_SHARE, BOND_MINIMUM = Decimal("0.001"), Decimal(1)


@dataclass(frozen=True)
class OrderTrades:
    """An order's trades so far: minimums and maximums are an order's, not a fill's."""

    quantity: Decimal
    value: Decimal  # quantity × price, without the multiplier
    sold: bool


def commission(instrument: Instrument, traded: OrderTrades) -> Decimal:
    """Return the cost of all trades of an order together, in the instrument's currency."""
    cost = RATES[instrument.secType](instrument, traded) if traded.quantity else Decimal(0)
    return cost.quantize(CENT, rounding=ROUND_HALF_UP)


def _stock(instrument: Instrument, traded: OrderTrades) -> Decimal:
    if instrument.currency != "USD":
        return max(traded.value * EUROPE_SHARE, EUROPE_MINIMUM)
    cost = min(max(traded.quantity * US_SHARE, US_MINIMUM), traded.value * US_MOST)
    if traded.sold:
        cost += traded.value * SEC_FEE + min(traded.quantity * TAF, TAF_MOST)
    return cost


def _option(instrument: Instrument, traded: OrderTrades) -> Decimal:
    premium = traded.value / traded.quantity
    rate = next(rate for below, rate in OPTION_TIERS if below is None or premium < below)
    return max(traded.quantity * rate, OPTION_MINIMUM)


def _future(instrument: Instrument, traded: OrderTrades) -> Decimal:
    return traded.quantity * FUTURE_FEES[instrument.symbol]


def _future_option(instrument: Instrument, traded: OrderTrades) -> Decimal:
    return traded.quantity * FUTURE_OPTION_FEE


def _forex(instrument: Instrument, traded: OrderTrades) -> Decimal:
    return max(traded.value * FOREX_SHARE, FOREX_MINIMUM)


def _bond(instrument: Instrument, traded: OrderTrades) -> Decimal:
    return max(traded.value * 10 * BOND_SHARE, BOND_MINIMUM)


RATES: dict[str, Callable[[Instrument, OrderTrades], Decimal]] = {
    "STK": _stock,
    "OPT": _option,
    "FUT": _future,
    "FOP": _future_option,
    "CASH": _forex,
    "BOND": _bond,
}
