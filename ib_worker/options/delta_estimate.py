"""Estimates at which strikes options have a delta, so that few of them need to be asked for. Pure.

TWS's own deltas decide. The estimate is Black and Scholes's without interest, at a volatility that TWS has told.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist

NORMAL = NormalDist()
BESIDE = 1  # strikes beside each end of the estimate


@dataclass(frozen=True)
class DeltaTarget:
    """The deltas that are wanted, without sign; equal where the nearest one is. `right`: C or P."""

    right: str
    low: float
    high: float

    @property
    def single(self) -> bool:
        return self.low == self.high


@dataclass(frozen=True)
class Money:
    """The underlying's price, and the years to the expiry."""

    price: float
    years: float


Known = Mapping[float, tuple[float, float]]  # absolute delta and volatility, by strike


def strike_of(target: float, right: str, money: Money, volatility: float) -> float:
    """Return the strike whose option has about this delta."""
    d1 = NORMAL.inv_cdf(target) * (1 if right == "C" else -1)
    root = volatility * math.sqrt(money.years)
    return money.price * math.exp(root * root / 2 - d1 * root)


def to_ask_for(strikes: Sequence[float], target: DeltaTarget, money: Money, known: Known) -> list[float]:
    """Return the strikes whose deltas are still needed: those about the target, as far as they are not known."""
    ends = []
    for wanted in (target.low, target.high):
        _, volatility = min(known.values(), key=lambda each: abs(each[0] - wanted))
        estimate = strike_of(wanted, target.right, money, volatility)
        ends.append(min(range(len(strikes)), key=lambda at: abs(strikes[at] - estimate)))
    window = strikes[max(min(ends) - BESIDE, 0) : max(ends) + BESIDE + 1]
    return [each for each in window if each not in known]


def fitting(target: DeltaTarget, known: Known) -> list[float]:
    """Return the strikes with a wanted delta: the nearest, or all between."""
    if target.single:
        return [min(known, key=lambda each: abs(known[each][0] - target.low))] if known else []
    return sorted(each for each, (delta, _) in known.items() if target.low <= delta <= target.high)
