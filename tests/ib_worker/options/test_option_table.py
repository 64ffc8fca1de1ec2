"""The quotes of many options as one table."""

from datetime import UTC, datetime, timedelta

import ib_async
import pytest

from bridge.tool import ToolError
from ib_worker.market_data.quote import QuoteState
from ib_worker.options.leg_reader import OptionLeg
from ib_worker.options.option_table import failures, folded, oldest_s, row_of, significant, under_price

NOW = datetime(2025, 6, 11, 14, 30, tzinfo=UTC)
NOT_COMPUTED = (-1.0, -2.0, -1.0, -1.0, -2.0, -2.0, -2.0, -1.0)


def leg(strike: float, right: str = "P", delta: float | None = -0.44449) -> OptionLeg:
    contract = ib_async.Contract(
        symbol="SPY", secType="OPT", lastTradeDateOrContractMonth="20250718", strike=strike, right=right
    )
    values = QuoteState("SPY", 0)
    values.price(1, 9.6, 10)
    values.price(2, 9.9, 10)
    values.size(8, 160)
    values.size(27, 7)
    values.size(28, 1490)
    if delta is not None:
        values.computation(13, (0.233456, delta, 9.751234, 0.0, 0.0141, 0.4748, -0.12919, 376.33))
    values.skip(NOW)
    return OptionLeg(contract, values)


def test_a_row_has_the_open_interest_of_its_right_and_four_digits_of_its_greeks() -> None:
    put, call = row_of(leg(375)), row_of(leg(375, "C"))

    assert (put["openInterest"], call["openInterest"]) == (1490, 7)
    assert (put["bid"], put["ask"], put["volume"]) == (9.6, 9.9, 160)
    assert (put["impliedVol"], put["delta"], put["theta"], put["optPrice"]) == (0.2335, -0.4445, -0.1292, 9.7512)


def test_what_is_equal_is_said_once_and_the_models_price_only_without_a_quote() -> None:
    same, columns, rows = folded([row_of(leg(375)), row_of(leg(380))], {"expiry": "20250718"})
    bare = OptionLeg(leg(385).contract, QuoteState("SPY", 0))
    _, with_price, _ = folded([row_of(leg(375)), row_of(bare)], {})

    assert (same["expiry"], same["right"], same["volume"], columns, rows) == (
        "20250718",
        "P",
        160,
        ["strike"],
        [[375], [380]],
    )
    assert "optPrice" in with_price


def test_one_row_keeps_its_columns() -> None:
    same, columns, _ = folded([row_of(leg(375))], {})

    assert set(same) == {"right", "marketDataType", "halted"}
    assert "bid" in columns


def test_what_tws_has_not_computed_is_null() -> None:
    values = QuoteState("SPY", 0)
    values.computation(13, NOT_COMPUTED)

    assert values.greeks is None
    assert row_of(leg(375, delta=None))["delta"] is None


def test_delayed_greeks_are_greeks() -> None:
    values = QuoteState("SPY", 0)
    values.computation(83, (0.2, 0.5, 1.0, -1.0, 0.01, -2.0, -0.1, -1.0))

    assert values.greeks is not None
    assert (values.greeks.delta, values.greeks.vega, values.greeks.undPrice) == (0.5, None, None)


def test_options_with_one_error_are_one_failure() -> None:
    error = ToolError("no_data", "not subscribed", twsCode=354)
    (failed,) = failures([OptionLeg(leg(each).contract, error=error) for each in range(371, 379)])

    assert (failed.count, failed.code, failed.twsCode) == (8, "no_data", 354)
    assert failed.options == [f"SPY 18JUL25 {each} P" for each in range(371, 376)]


def test_the_age_is_that_of_the_oldest_row() -> None:
    assert oldest_s([leg(375)], NOW + timedelta(seconds=2.04)) == 2.0
    assert oldest_s([], NOW) == 0.0


def test_the_underlyings_price_is_the_models() -> None:
    assert under_price([leg(375)]) == 376.33
    assert under_price([leg(375, delta=None)]) is None


@pytest.mark.parametrize(("value", "told"), [(None, None), (0.123456, 0.1235), (-12.3456, -12.35), (0.0, 0.0)])
def test_four_digits_are_told(value: float | None, told: float | None) -> None:
    assert significant(value) == told
