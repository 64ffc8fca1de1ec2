"""Figures of performance against numpy, and against answers worked out by hand."""

from datetime import date, timedelta
from math import sqrt

import numpy as np
import pytest

from bridge.tools.market.market_data import Bar
from ib_worker.history.performance import Closes, Period, against, drawdown, figures, young

TODAY = date(2025, 6, 11)


def closes(*prices: float, start: date = date(2025, 1, 1), step: int = 1) -> Closes:
    return [(start + timedelta(days=number * step), price) for number, price in enumerate(prices)]


def bars(series: Closes) -> list[Bar]:
    rest = dict.fromkeys(("open", "high", "low", "volume", "average", "barCount"))
    return [Bar(date=day.isoformat(), close=close, **rest) for day, close in series]


def walk(seed: int, days: int = 250) -> list[float]:
    return [float(each) for each in 100 * np.cumprod(1 + np.random.default_rng(seed).normal(0.0005, 0.015, days))]


@pytest.mark.parametrize("seed", range(5))
def test_figures_are_numpys(seed: int) -> None:
    own, other = walk(seed), walk(seed + 100)
    found = figures(closes(*own), closes(*other))
    mine, their = (np.diff(each) / np.array(each)[:-1] for each in (own, other))
    both = np.cov(mine, their, ddof=1)
    peaks = np.maximum.accumulate(own)

    assert found.total == pytest.approx((own[-1] / own[0] - 1) * 100, abs=0.005)
    assert found.volatility == pytest.approx(np.std(mine, ddof=1) * np.sqrt(252) * 100, abs=0.005)
    assert found.drawdown == pytest.approx(np.max(1 - np.array(own) / peaks) * 100, abs=0.005)
    assert found.beta == pytest.approx(both[0, 1] / both[1, 1], abs=0.0005)
    assert found.correlation == pytest.approx(np.corrcoef(mine, their)[0, 1], abs=0.0005)
    assert found.notes == []


def test_figures_are_those_worked_out_by_hand() -> None:
    # Returns +10 %, -10 % in turns: the mean is 0, the sum of squares 6 x 0.01, the sample variance 0.06 / 5.
    prices = [100, 110, 99, 108.9, 98.01, 107.811, 97.0299]
    found = figures(closes(*prices), closes(*prices))

    assert found.total == -2.97
    assert found.volatility == round(sqrt(0.06 / 5 * 252) * 100, 2)
    assert found.drawdown == round((1 - 97.0299 / 110) * 100, 2)
    assert (found.beta, found.correlation) == (1.0, 1.0)


def test_twice_the_returns_have_a_beta_of_two() -> None:
    moves = [0.01, -0.02, 0.015, 0.0, -0.005, 0.02]
    once, twice = [100.0], [100.0]
    for move in moves:
        once.append(once[-1] * (1 + move))
        twice.append(twice[-1] * (1 - 2 * move))

    assert against(closes(*twice), closes(*once)) == (-2.0, -1.0, [])


def test_days_that_only_one_market_has_are_joined_to_the_next_common_one() -> None:
    own = closes(*range(100, 120))
    other = [each for each in own if each[0].day % 3]

    assert against(own, other) == (1.0, 1.0, [])
    assert against(own, closes(*range(100, 120), step=7))[2] == [
        "beta and correlation: 2 common daily returns, 5 are needed"
    ]


def test_crypto_trades_every_day_of_the_year() -> None:
    prices = closes(*walk(1))
    stock, coin = figures(prices, None), figures(prices, None, "CRYPTO")

    assert stock.volatility is not None
    assert coin.volatility == pytest.approx(stock.volatility * sqrt(365 / 252), abs=0.01)
    assert (stock.beta, stock.correlation, stock.notes) == (None, None, [])


@pytest.mark.parametrize(
    ("prices", "total", "note"),
    [
        ([], None, "0 daily closes, 2 are needed"),
        ([100.0], None, "1 daily closes, 2 are needed"),
        ([100.0, 110.0], 10.0, "volatility, beta and correlation: 1 daily returns, 5 are needed"),
        ([37.6, -37.6, 10.0], None, "closes at or below 0 have no returns"),
    ],
)
def test_too_short_a_series_is_null_with_the_reason(prices: list[float], total: float | None, note: str) -> None:
    found = figures(closes(*prices), closes(*walk(1)))

    assert (found.total, found.volatility, found.beta, found.notes) == (total, None, None, [note])


def test_what_does_not_move_has_no_correlation() -> None:
    still, moving = closes(*[100.0] * 10), closes(*walk(1, 10))

    assert against(still, moving) == (0.0, None, ["correlation: the price did not move"])
    assert against(moving, still) == (None, None, ["beta and correlation: the benchmark did not move"])
    assert against(moving, closes(*[-1.0] * 10))[2] == ["beta and correlation: the benchmark has closes at or below 0"]


def test_a_rising_series_has_no_drawdown() -> None:
    assert drawdown([1, 2, 3]) == 0
    assert drawdown([4, 2, 3, 1, 8]) == 75


@pytest.mark.parametrize(
    ("written", "end", "start", "duration"),
    [
        ("1 Y", TODAY, date(2024, 6, 11), "2 Y"),
        ("3 M", TODAY, date(2025, 3, 11), "102 D"),
        ("1 M", date(2025, 3, 31), date(2025, 2, 28), "113 D"),  # February has no 31st
        ("12 M", date(2024, 2, 29), date(2023, 2, 28), "3 Y"),
        ("2 W", TODAY, date(2025, 5, 28), "24 D"),
        ("5 D", TODAY, date(2025, 6, 6), "15 D"),
        ("YTD", TODAY, date(2024, 12, 31), "172 D"),
        ("6 M", date(2024, 1, 31), date(2023, 7, 31), "2 Y"),  # TWS's series end today
    ],
)
def test_a_period_is_cut_from_a_series_to_today(written: str, end: date, start: date, duration: str) -> None:
    period = Period.of(written, end)

    assert (period.start, period.end, period.duration(TODAY)) == (start, end, duration)


def test_a_period_has_the_last_close_before_it() -> None:
    period = Period(date(2025, 1, 5), date(2025, 1, 8))
    series = closes(*range(10, 20), start=date(2025, 1, 1))
    found = period.cut(bars([each for each in series if each[0].day != 5]))

    assert [(day.day, close) for day, close in found] == [(4, 13), (6, 15), (7, 16), (8, 17)]
    assert young(found, period) is None
    assert period.cut([]) == []
    assert young(period.cut(bars(series[6:])), period) == (
        "history begins on 2025-01-07, after the period's start 2025-01-05"
    )
