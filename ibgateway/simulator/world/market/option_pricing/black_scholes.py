"""Option prices and greeks: Black-Scholes for stocks and indices, Black-76 for options on futures."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

RATE = 0.04  # a year
YEAR_S = 365 * 86_400.0
LOWEST, HIGHEST = 0.001, 5.0  # volatilities that are looked for
FIRST_GUESS, STEPS, PRECISION = 0.25, 60, 1e-10  # the usual option takes six steps of Newton
ROOT_OF_TWO_PI = math.sqrt(2 * math.pi)
SHORTEST = 60.0 / YEAR_S  # an option in its last minute is priced as with a minute left


@dataclass(frozen=True)
class PricingTerms:
    """An option's inputs to the model: strike, right, years to expiry, and if its underlying is a future."""

    strike: float
    call: bool
    years: float
    future: bool = False

    @property
    def drift(self) -> float:
        return 0.0 if self.future else RATE


@dataclass(frozen=True)
class Greeks:
    price: float
    delta: float
    gamma: float
    vega: float  # of one percentage point of volatility
    theta: float  # of one day


def price_line(under: Floats, terms: PricingTerms, years: Floats, volatility: float) -> Floats:
    """Return prices along a path of the underlying."""
    years = np.maximum(years, SHORTEST)
    root = volatility * np.sqrt(years)
    d1 = (np.log(under / terms.strike) + (terms.drift + volatility**2 / 2) * years) / root
    discount, grown = np.exp(-RATE * years), under * np.exp((terms.drift - RATE) * years)
    call: Floats = grown * _normal_line(d1) - terms.strike * discount * _normal_line(d1 - root)
    return call if terms.call else call - grown + terms.strike * discount


def greeks(under: float, terms: PricingTerms, volatility: float) -> Greeks:
    years = max(terms.years, SHORTEST)
    root = volatility * math.sqrt(years)
    d1 = (math.log(under / terms.strike) + (terms.drift + volatility**2 / 2) * years) / root
    d2 = d1 - root
    discount, growth = math.exp(-RATE * years), math.exp((terms.drift - RATE) * years)
    density = math.exp(-d1 * d1 / 2) / math.sqrt(2 * math.pi)
    sign = 1 if terms.call else -1
    price = sign * (under * growth * _normal(sign * d1) - terms.strike * discount * _normal(sign * d2))
    decay = -under * growth * density * volatility / (2 * math.sqrt(years))
    decay -= sign * RATE * terms.strike * discount * _normal(sign * d2)
    decay -= sign * (terms.drift - RATE) * under * growth * _normal(sign * d1)
    return Greeks(
        price=max(price, 0.0),
        delta=sign * growth * _normal(sign * d1),
        gamma=growth * density / (under * root),
        vega=under * growth * density * math.sqrt(years) / 100,
        theta=decay / 365,
    )


def implied_volatility(under: float, terms: PricingTerms, price: float) -> float | None:
    """Return the volatility that gives the price; None if there is none."""
    low, high = LOWEST, HIGHEST
    line = _PriceOfVolatility(under, terms)
    if not line.at(low)[0] - 1e-9 <= price <= line.at(high)[0]:
        return None
    volatility = FIRST_GUESS
    for _ in range(STEPS):
        found, slope = line.at(volatility)
        if found < price:
            low = volatility
        else:
            high = volatility
        following = volatility - (found - price) / slope if slope > 0 else low
        if not low < following < high:  # Newton's step leaves the bracket where the price hardly depends on it
            following = (low + high) / 2
        if abs(following - volatility) < PRECISION:
            return following
        volatility = following
    return volatility


class _PriceOfVolatility:
    """One option's price as a function of the volatility, with its slope."""

    def __init__(self, under: float, terms: PricingTerms) -> None:
        years = max(terms.years, SHORTEST)
        self._root = math.sqrt(years)
        self._sign = 1 if terms.call else -1
        self._grown = under * math.exp((terms.drift - RATE) * years)
        self._paid = terms.strike * math.exp(-RATE * years)
        self._moneyness = math.log(under / terms.strike) + terms.drift * years

    def at(self, volatility: float) -> tuple[float, float]:
        root, sign = volatility * self._root, self._sign
        d1 = self._moneyness / root + root / 2
        price = sign * (self._grown * _normal(sign * d1) - self._paid * _normal(sign * (d1 - root)))
        return max(price, 0.0), self._grown * self._root * math.exp(-d1 * d1 / 2) / ROOT_OF_TWO_PI


def _normal(x: float) -> float:
    return 0.5 * math.erfc(-x / math.sqrt(2))


def _normal_line(x: Floats) -> Floats:
    """The normal distribution, to 1e-7 (Abramowitz and Stegun 26.2.17)."""
    t = 1 / (1 + 0.2316419 * np.abs(x))
    poly = t * (0.319381530 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))))
    tail = np.exp(-x * x / 2) / math.sqrt(2 * math.pi) * poly
    line: Floats = np.where(x >= 0, 1 - tail, tail)
    return line
