"""Black and Scholes without interest."""

import pytest

from mcp_front.charts.pricing import option_worth


def test_a_call_and_a_put_have_the_textbooks_price() -> None:
    # Hull's form with r = 0: S = K = 100, a year, 20 %: 100 (2 N(0.1) - 1).
    assert option_worth("C", 100, 1, 0.2, 100) == pytest.approx(7.9656, abs=1e-4)
    assert option_worth("P", 100, 1, 0.2, 100) == pytest.approx(7.9656, abs=1e-4)


def test_a_call_less_a_put_is_the_underlying_less_the_strike() -> None:
    assert option_worth("C", 90, 0.4, 0.35, 104) - option_worth("P", 90, 0.4, 0.35, 104) == pytest.approx(14)


@pytest.mark.parametrize(("right", "under", "worth"), [("C", 110, 10), ("C", 90, 0), ("P", 90, 10), ("P", 0, 100)])
def test_at_expiry_an_option_is_worth_its_intrinsic_value(right: str, under: float, worth: float) -> None:
    assert option_worth(right, 100, 0, 0.2, under) == worth
