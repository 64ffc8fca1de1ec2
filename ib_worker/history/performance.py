"""Figures of a contract's performance, worked out of its daily closes. Pure.

Returns are simple: a close against the one before, minus 1. Volatility is their sample standard deviation (divided by
one less than their number), annualised by the root of the trading days of a year.
"""

from calendar import monthrange
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from math import ceil, sqrt
from statistics import mean

from bridge.tools.market.market_data import Bar
from bridge.tools.market.performance import YEAR_TO_DATE

YEAR_DAYS = 252  # trading days of a year, as markets count them
YEAR_DAYS_OF = {"CRYPTO": 365}  # of what trades every day
FEWEST_RETURNS = 5  # of which a deviation or a correlation says something: those of a week
MARGIN_DAYS = 10  # before a period: the last close before it is at most a long holiday away
LONGEST_DAYS = 365  # TWS takes longer durations in years. Source: its error 321
MONTHS = {"M": 1, "Y": 12}
DIGITS = 2  # of percents
RATIO_DIGITS = 3

Closes = Sequence[tuple[date, float]]  # oldest first


@dataclass(frozen=True)
class Period:
    """The dates between whose closes a performance is measured."""

    start: date
    end: date

    @classmethod
    def of(cls, written: str, end: date) -> "Period":
        """Return the period of `3 M`, `10 D` or YTD that ends on a date. Raises ValueError before the year 1."""
        if written == YEAR_TO_DATE:
            return cls(date(end.year - 1, 12, 31), end)
        number, unit = written.split()
        if unit in MONTHS:
            return cls(_months_before(end, int(number) * MONTHS[unit]), end)
        return cls(end - timedelta(days=int(number) * (7 if unit == "W" else 1)), end)

    def duration(self, today: date) -> str:
        """Return TWS's durationStr of a series to today that has the last close before the period, too."""
        days = max((today - self.start).days, 0) + MARGIN_DAYS
        return f"{days} D" if days <= LONGEST_DAYS else f"{ceil(days / LONGEST_DAYS)} Y"

    def cut(self, bars: Sequence[Bar]) -> Closes:
        """Return the closes of the period, and the last one at or before its start as the first."""
        closes = [(date.fromisoformat(bar.date), bar.close) for bar in bars if bar.close is not None]
        before = [each for each in closes if each[0] <= self.start]
        return before[-1:] + [each for each in closes if self.start < each[0] <= self.end]


@dataclass(frozen=True)
class Figures:
    """Figures of one contract; None for what can't be told, with the reason in `notes`."""

    total: float | None  # return in percent
    volatility: float | None
    drawdown: float | None
    beta: float | None
    correlation: float | None
    notes: list[str]


def figures(closes: Closes, benchmark: Closes | None, secType: str = "STK") -> Figures:
    """Return the figures of one contract. `benchmark` None: there are no closes of it."""
    prices = [close for _, close in closes]
    if any(price <= 0 for price in prices):
        return Figures(None, None, None, None, None, ["closes at or below 0 have no returns"])
    if len(prices) < 2:
        return Figures(None, None, None, None, None, [f"{len(prices)} daily closes, 2 are needed"])
    changes, notes = returns(prices), []
    volatility = None
    if len(changes) < FEWEST_RETURNS:
        notes.append(f"volatility, beta and correlation: {len(changes)} daily returns, {FEWEST_RETURNS} are needed")
    else:
        year = YEAR_DAYS_OF.get(secType, YEAR_DAYS)
        volatility = round(sqrt(_covariance(changes, changes) * year) * 100, DIGITS)
    beta, correlation = None, None
    if benchmark is not None and volatility is not None:
        beta, correlation, missing = against(closes, benchmark)
        notes += missing
    return Figures(
        round((prices[-1] / prices[0] - 1) * 100, DIGITS), volatility, drawdown(prices), beta, correlation, notes
    )


def against(closes: Closes, benchmark: Closes) -> tuple[float | None, float | None, list[str]]:
    """Return beta and correlation over the dates that both have, and why one is missing."""
    other = dict(benchmark)
    common = [(close, other[day]) for day, close in closes if day in other]
    if any(price <= 0 for pair in common for price in pair):
        return None, None, ["beta and correlation: the benchmark has closes at or below 0"]
    own, their = returns([each for each, _ in common]), returns([each for _, each in common])
    if len(own) < FEWEST_RETURNS:
        return None, None, [f"beta and correlation: {len(own)} common daily returns, {FEWEST_RETURNS} are needed"]
    variance, their_variance, both = _covariance(own, own), _covariance(their, their), _covariance(own, their)
    if not their_variance:
        return None, None, ["beta and correlation: the benchmark did not move"]
    beta = round(both / their_variance, RATIO_DIGITS)
    if not variance:
        return beta, None, ["correlation: the price did not move"]
    return beta, round(both / sqrt(variance * their_variance), RATIO_DIGITS), []


def returns(prices: Sequence[float]) -> list[float]:
    return [after / before - 1 for before, after in pairwise(prices)]


def drawdown(prices: Sequence[float]) -> float:
    """Return the deepest fall below the highest price before, in percent."""
    highest, deepest = prices[0], 0.0
    for price in prices:
        highest = max(highest, price)
        deepest = max(deepest, 1 - price / highest)
    return round(deepest * 100, DIGITS)


def young(closes: Closes, period: Period) -> str | None:
    """Return what is to be said of a series that begins after the period's start."""
    if closes and closes[0][0] > period.start:
        return f"history begins on {closes[0][0].isoformat()}, after the period's start {period.start.isoformat()}"
    return None


def columns_apart(rows: Sequence[Mapping[str, object]], names: Sequence[str]) -> list[str]:
    """Return the columns whose values are not equal in all of several rows."""
    return [name for name in names if len(rows) < 2 or len({row[name] for row in rows}) > 1]


def _covariance(one: Sequence[float], other: Sequence[float]) -> float:
    """Return the sample covariance."""
    own, their = mean(one), mean(other)
    return sum((a - own) * (b - their) for a, b in zip(one, other, strict=True)) / (len(one) - 1)


def _months_before(end: date, months: int) -> date:
    year, month = divmod(end.year * 12 + end.month - 1 - months, 12)
    return date(year, month + 1, min(end.day, monthrange(year, month + 1)[1])) if year > 0 else date.min
