"""Figures of a company, made from its symbol and price: plausible, consistent with each other, and not real."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from ibgateway.simulator.world.instruments.instrument import Instrument
from ibgateway.simulator.world.market.tapes.rng import fraction

FIGURES_SEED = 0  # figures do not change with a world's seed
TURNOVER_DAYS = 150  # of average volume is what is outstanding
REPORT_DAYS = 91


@dataclass(frozen=True)
class CompanyFigures:
    """A company's figures of the last fiscal year; money in millions."""

    shares: float
    revenue: float
    income: float
    eps: float
    dividend: float  # a share and year


def shares_outstanding(instrument: Instrument) -> float:
    return round(instrument.volume * TURNOVER_DAYS, -3)


def figures(instrument: Instrument, price: float) -> CompanyFigures:
    shares = shares_outstanding(instrument)
    earnings_yield = 0.02 + 0.05 * _at(instrument, "yield")
    income = price * earnings_yield * shares / 1e6
    margin = 0.08 + 0.2 * _at(instrument, "margin")
    payout = 0.4 * _at(instrument, "payout")
    eps = income * 1e6 / shares
    return CompanyFigures(shares, round(income / margin, 1), round(income, 1), round(eps, 2), round(eps * payout, 2))


def report_dates(instrument: Instrument, start: date, end: date) -> list[date]:
    """The weekdays on which the company reports its quarters, from `start` to `end`."""
    first = date(2000, 1, 10) + timedelta(days=int(_at(instrument, "reports") * 40))
    number = max((start - first).days // REPORT_DAYS, 0)
    found = []
    while (day := _weekday(first + timedelta(days=number * REPORT_DAYS))) <= end:
        if day >= start:
            found.append(day)
        number += 1
    return found


def _weekday(day: date) -> date:
    return day + timedelta(days=max(0, 7 - day.weekday()) if day.weekday() > 4 else 0)


def _at(instrument: Instrument, name: str) -> float:
    return fraction(FIGURES_SEED, instrument.symbol, name)
