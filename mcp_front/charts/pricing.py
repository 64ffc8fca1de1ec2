"""The worth of an option before its expiry, by Black and Scholes without interest and dividends. Pure."""

import math


def option_worth(right: str, strike: float, years: float, volatility: float, under: float) -> float:
    """Return an option's price. At its expiry, or without volatility, that is its intrinsic value."""
    spread = volatility * math.sqrt(max(years, 0.0))
    if spread <= 0 or under <= 0:
        return max(under - strike, 0.0) if right == "C" else max(strike - under, 0.0)
    first = math.log(under / strike) / spread + spread / 2
    call = under * _normal(first) - strike * _normal(first - spread)
    return call if right == "C" else call - under + strike


def _normal(value: float) -> float:
    return (1 + math.erf(value / math.sqrt(2))) / 2
