"""Volatilities of a day: realised from the closes before it, implied above the usual."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from ibgateway.simulator.world.instruments.directory import Directory
from ibgateway.simulator.world.market.market import Market
from ibgateway.simulator.world.market.option_pricing.volatility import (
    PREMIUM,
    WINDOW,
    YEAR,
    implied_of_day,
    realised_of_day,
)
from ibgateway.simulator.world.market.series.daily_series import Series
from tests.stacks.ibgateway.world_and_trader import START


@pytest.fixture(scope="module")
def series() -> Series:
    return Market(1, START, Directory()).series("AAPL")


def test_the_realised_one_is_the_deviation_of_thirty_daily_returns(series: Series) -> None:
    day = series.first + 500
    closes = [float(series.row(index)[3]) for index in range(day - WINDOW - 1, day)]
    returns = [np.log(after / before) for before, after in pairwise(closes)]

    assert len(returns) == 30
    assert realised_of_day(series, day) == pytest.approx(float(np.std(returns)) * 252**0.5)


def test_where_closes_are_missing_it_is_the_series_own(series: Series) -> None:
    assert realised_of_day(series, series.first + 2) == pytest.approx(series.daily_volatility * 252**0.5)


def test_the_implied_one_lies_a_tenth_above_the_middle_of_realised_and_usual(series: Series) -> None:
    day = series.first + 500
    usual = series.daily_volatility * YEAR**0.5

    assert PREMIUM == 1.1
    assert implied_of_day(series, day) == pytest.approx(1.1 * (realised_of_day(series, day) + usual) / 2)
