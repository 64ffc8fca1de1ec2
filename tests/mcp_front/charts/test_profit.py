"""The profit of a position at any price of its underlying."""

from typing import Any

import pytest

from mcp_front.charts.profit import Extremes, PayoffPosition, PricedLeg


def leg(position: float, right: str, strike: float, price: float, **more: Any) -> PricedLeg:
    usual: dict[str, Any] = {"expiry": "20250718", "days": 30, "volatility": 0.2, "mark": price}
    return PricedLeg(f"{position:+g}", position, price, 100, right, strike, **usual | more)


def bounds(*legs: PricedLeg) -> tuple[Extremes, list[float]]:
    position = PayoffPosition(legs)
    prices = position.prices(*position.range_of(100))
    return position.extremes(prices), [round(each, 6) for each in position.break_evens(prices)]


@pytest.mark.parametrize(
    ("legs", "profit", "loss", "even"),
    [
        ([leg(1, "C", 100, 3)], None, -300, [103]),
        ([leg(-1, "C", 100, 3)], 300, None, [103]),
        ([leg(1, "P", 100, 3)], 9_700, -300, [97]),
        ([leg(-1, "P", 100, 3), leg(1, "P", 95, 1)], 200, -300, [98]),
        ([leg(1, "C", 100, 3), leg(1, "P", 100, 2)], None, -500, [95, 105]),
        ([PricedLeg("+100", 100, 98, 1), leg(-1, "C", 105, 2)], 900, -9_600, [96]),
    ],
)
def test_bounds_and_break_evens_at_expiry(
    legs: list[PricedLeg], profit: float | None, loss: float | None, even: list[float]
) -> None:
    extremes, found = bounds(*legs)

    assert (extremes.profit, extremes.loss, found) == (profit, loss, even)


def test_today_has_the_time_value_and_passes_through_the_mark() -> None:
    position = PayoffPosition([leg(1, "C", 100, 2.3)])

    assert position.today(100) == pytest.approx(0, abs=5)
    assert position.today(100) > position.at_expiry(100) == pytest.approx(-230)


def test_an_option_that_expires_later_keeps_its_time_value_at_the_first_expiry() -> None:
    position = PayoffPosition([leg(-1, "C", 100, 2), leg(1, "C", 100, 3, expiry="20250815", days=58)])

    assert not position.has_one_expiry
    assert position.at_expiry(100) > position.at_expiry(80) == pytest.approx(-100, abs=1)
    assert len(bounds(*position.legs)[1]) == 2


def test_the_range_has_strikes_and_price_and_begins_at_zero_at_the_lowest() -> None:
    low, high = PayoffPosition([leg(1, "C", 5, 1), leg(1, "C", 300, 1)]).range_of(100)

    assert low == 0
    assert high > 300


def test_without_a_volatility_there_is_no_today() -> None:
    assert not PayoffPosition([leg(1, "C", 100, 3, volatility=None)]).has_volatilities
