"""Figures of a company agree with each other and its price, and do not change from one world to the next."""

from __future__ import annotations

from datetime import date
from itertools import pairwise

import pytest

from ibgateway.simulator.world.instruments.directory import Directory
from ibgateway.simulator.world.instruments.instrument import Instrument
from ibgateway.simulator.world.reference.company import figures, report_dates, shares_outstanding

DIRECTORY = Directory()


def instrument(conId: int) -> Instrument:
    found = DIRECTORY.get(conId)
    assert found is not None
    return found


AAPL, IBM = instrument(265598), instrument(8314)


def test_earnings_a_share_are_income_by_shares() -> None:
    found = figures(AAPL, 200.0)

    assert found.shares == shares_outstanding(AAPL) == round(AAPL.volume * 150, -3)
    assert found.eps == pytest.approx(found.income * 1e6 / found.shares, abs=0.01)
    assert 0.02 * 200 <= found.eps <= 0.07 * 200
    assert 0.08 <= found.income / found.revenue <= 0.28
    assert 0 <= found.dividend <= 0.4 * found.eps + 0.01


def test_a_company_has_its_own_figures_and_keeps_them() -> None:
    assert figures(AAPL, 200.0) == figures(AAPL, 200.0)
    assert figures(AAPL, 200.0).eps != figures(IBM, 200.0).eps
    assert figures(AAPL, 400.0).eps == pytest.approx(2 * figures(AAPL, 200.0).eps, abs=0.02)


def test_quarters_are_reported_on_weekdays_91_days_apart() -> None:
    days = report_dates(AAPL, date(2024, 1, 1), date(2025, 12, 31))

    assert len(days) == 9
    assert all(day.weekday() < 5 for day in days)
    assert all(89 <= (after - before).days <= 93 for before, after in pairwise(days))


def test_the_first_and_the_last_day_count() -> None:
    day, *_ = report_dates(AAPL, date(2025, 1, 1), date(2025, 12, 31))

    assert report_dates(AAPL, day, day) == [day]
