"""A day's volatilities: realised, from earlier closes, and implied, for the option model."""

from __future__ import annotations

import numpy as np

from ibgateway.simulator.world.market.series.daily_series import Series

WINDOW = 30  # days, as TWS's 30-day volatilities
PREMIUM = 1.1  # implied stands above realised
YEAR = 252


def realised_of_day(series: Series, index: int) -> float:
    """Annualised standard deviation of the last thirty daily returns before the day, 0.2 = 20 %."""
    closes = series.rows(max(index - WINDOW - 1, series.first), max(index, series.first + 1))[:, 3]
    if len(closes) < 5:
        return series.daily_volatility * float(np.sqrt(YEAR))
    return float(np.std(np.diff(np.log(closes)))) * float(np.sqrt(YEAR))


def implied_of_day(series: Series, index: int) -> float:
    """At the money; halfway between the last month's and the series' usual volatility."""
    usual = series.daily_volatility * float(np.sqrt(YEAR))
    return PREMIUM * (realised_of_day(series, index) + usual) / 2
