"""The profit of a position of options and shares at any price of its underlying. Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from mcp_front.charts.pricing import option_worth

Point = tuple[float, float]
STEPS = 240  # prices of a curve, beside the strikes
YEAR = 365.0
CENT = 0.005  # a smaller profit is none
LAST_HOURS = 0.25  # days that an option has left on its last day


@dataclass(frozen=True)
class PricedLeg:
    """One leg with what was paid for a unit, its days until expiry, and its volatility; None: TWS has not told it.
    Shares have no right. `mark`: what a unit is worth now."""

    name: str
    position: float
    price: float
    multiplier: float
    right: str = ""
    strike: float = 0.0
    expiry: str = ""
    days: int = 0
    volatility: float | None = None
    mark: float | None = None

    def profit(self, under: float, after_days: float) -> float:
        """Return the profit when so many days have passed."""
        worth = under
        if self.right:
            left = max(self.days + LAST_HOURS - after_days, 0.0) if after_days < self.days + LAST_HOURS else 0.0
            worth = option_worth(self.right, self.strike, left / YEAR, self.volatility or 0.0, under)
        return self.position * self.multiplier * (worth - self.price)


@dataclass(frozen=True)
class Extremes:
    """The most that a position can win and lose at its first expiry; None: without a bound."""

    profit: float | None
    loss: float | None


class PayoffPosition:
    """Legs of one underlying."""

    def __init__(self, legs: Sequence[PricedLeg]) -> None:
        self.legs = legs
        self.options = [each for each in legs if each.right]
        self.first_days = min(each.days for each in self.options)
        self.strikes = sorted({each.strike for each in self.options})

    @property
    def has_one_expiry(self) -> bool:
        return len({each.expiry for each in self.options}) == 1

    @property
    def has_volatilities(self) -> bool:
        return all(each.volatility for each in self.options)

    def at_expiry(self, under: float) -> float:
        """Return the profit at the first expiry; options that expire later have their worth of that day."""
        return sum(each.profit(under, self.first_days + LAST_HOURS) for each in self.legs)

    def today(self, under: float) -> float:
        return sum(each.profit(under, 0.0) for each in self.legs)

    def range_of(self, under: float) -> Point:
        """Return the prices that a picture of the position shows."""
        low, high = min(self.strikes[0], under), max(self.strikes[-1], under)
        known = [each.volatility for each in self.options if each.volatility]
        move = under * (max(known) if known else 0.2) * math.sqrt(max(self.first_days + 1, 1) / YEAR)
        room = max((high - low) * 0.5, min(move * 1.6, under * 0.6), under * 0.03)
        return max(low - room, 0.0), high + room

    def prices(self, low: float, high: float) -> list[float]:
        """Return prices of a range, with the strikes, where a curve has its corners."""
        even = [low + (high - low) * each / STEPS for each in range(STEPS + 1)]
        return sorted({*even, *(each for each in self.strikes if low < each < high)})

    def break_evens(self, prices: Sequence[float]) -> list[float]:
        """Return the prices among which the profit at expiry changes its sign."""
        points = [(each, profit) for each in prices if abs(profit := self.at_expiry(each)) >= CENT]
        found = []
        for (before, lower), (after, upper) in pairwise(points):
            if lower * upper < 0:
                found.append(before + (after - before) * lower / (lower - upper))
        return found

    def extremes(self, prices: Sequence[float]) -> Extremes:
        """Return the bounds at expiry. With one expiry they are of all prices, else of those that are given."""
        corners = [0.0, *self.strikes] if self.has_one_expiry else list(prices)
        profits = [self.at_expiry(each) for each in corners]
        slope = sum(each.position * each.multiplier for each in self.legs if each.right != "P")
        return Extremes(None if slope > 1e-9 else max(profits), None if slope < -1e-9 else min(profits))
