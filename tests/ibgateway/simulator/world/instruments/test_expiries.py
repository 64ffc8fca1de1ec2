"""Futures and options are listed by their expiries."""

from __future__ import annotations

from datetime import date

import pytest

from ibgateway.simulator.model.contracts import Contract
from ibgateway.simulator.world.instruments.expiries import (
    delivery_months,
    future_expiry,
    is_option_expiry,
    option_expiries,
    third_friday,
    trading_day,
)
from ibgateway.simulator.world.time.calendar import calendar
from ibgateway.simulator.world.world import World
from tests.stacks.ibgateway.world_and_trader import ES

CALENDAR = calendar("US_OPTION")


def test_futures_are_listed_by_quarter_and_named_by_month_and_year(quiet: World) -> None:
    found = quiet.contract_details(Contract(symbol="ES", secType="FUT", exchange="CME"))

    assert [each.contract.localSymbol for each in found] == ["ESM5", "ESU5", "ESZ5", "ESH6", "ESM6", "ESU6"]
    assert found[1].contract.lastTradeDateOrContractMonth == "20250919"
    assert (found[1].contract.multiplier, found[1].minTick) == ("50", 0.25)
    assert quiet.resolve(ES) == found[1].contract
    assert quiet.resolve(Contract(localSymbol="ESU5", secType="FUT", exchange="CME")) == found[1].contract


def test_options_are_listed_weekly_then_monthly_then_for_januaries() -> None:
    days = option_expiries(date(2025, 6, 11), CALENDAR)

    assert days[:6] == [
        date(2025, 6, 13),
        date(2025, 6, 20),
        date(2025, 6, 27),
        *(date(2025, 7, n) for n in (3, 11, 18)),
    ]
    assert {date(2025, 12, 19), date(2026, 1, 16), date(2027, 1, 15)} <= set(days)
    assert all(is_option_expiry(day, CALENDAR) for day in days)


def test_a_friday_that_is_a_holiday_moves_to_the_day_before() -> None:
    assert trading_day(date(2025, 7, 4), CALENDAR) == date(2025, 7, 3)
    assert is_option_expiry(date(2025, 7, 3), CALENDAR)
    assert not is_option_expiry(date(2025, 7, 2), CALENDAR)


@pytest.mark.parametrize(
    ("settles", "expected"),
    [
        ("third friday", date(2025, 9, 19)),
        ("end of month", date(2025, 9, 26)),
        ("before the month", date(2025, 8, 20)),
    ],
)
def test_a_future_expires_as_its_kind_settles(settles: str, expected: date) -> None:
    assert future_expiry(2025, 9, settles, calendar("CME")) == expected


def test_delivery_months_go_over_the_years_end() -> None:
    assert delivery_months(date(2025, 11, 3), "HMUZ", 3) == [(2025, 12), (2026, 3), (2026, 6)]


@pytest.mark.parametrize(("month", "day"), [(8, 15), (2, 21), (5, 16)])
def test_the_third_friday_is_between_the_15th_and_the_21st(month: int, day: int) -> None:
    assert third_friday(2025, month) == date(2025, month, day)
