"""Legs of an option position as people write them."""

import pytest

from bridge.text.option_legs import PositionLeg, read_leg, read_legs

PUT = PositionLeg(-1, "SPY", "20250718", 400, "P", 3.2)


@pytest.mark.parametrize(
    ("written", "symbol", "leg"),
    [
        ("-1 SPY 18JUL25 400 P @ 3.20", "", PUT),
        ("sell 1 spy 2025-07-18 400 put @3.2", "", PUT),
        ("-1 20250718 400 P @ 3.2", "SPY", PUT),
        ("2 SPY 20250718 402.5 C", "SPY", PositionLeg(2, "SPY", "20250718", 402.5, "C")),
        ("100 SPY @ 395", "", PositionLeg(100, "SPY", price=395)),
        ("short 50 BRK.B", "", PositionLeg(-50, "BRK B")),
        ("1 SPX 18JUL25 5000 C (SPXW)", "", PositionLeg(1, "SPX", "20250718", 5000, "C", tradingClass="SPXW")),
    ],
)
def test_a_leg_is_a_count_a_contract_and_a_price(written: str, symbol: str, leg: PositionLeg) -> None:
    assert read_leg(written, symbol) == leg


@pytest.mark.parametrize("written", ["SPY", "0 SPY", "1 EUR/USD", "1 SPY soon 400 P", "one SPY", "1 SPY @ x"])
def test_what_is_no_leg_is_refused_with_the_form(written: str) -> None:
    with pytest.raises(ValueError, match=r"expected"):
        read_leg(written)


def test_a_side_and_a_sign_together_are_refused() -> None:
    with pytest.raises(ValueError, match="not both"):
        read_leg("SELL -1 SPY 18JUL25 400 P")


@pytest.mark.parametrize(
    ("written", "reason"), [(["100 SPY"], "none is an option"), (["1 SPY 18JUL25 400 P", "1 QQQ"], "QQQ, SPY")]
)
def test_legs_have_one_underlying_and_an_option(written: list[str], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        read_legs(written)


def test_a_leg_is_named_as_people_say_it() -> None:
    assert (PUT.name, PositionLeg(100, "SPY").name) == ("-1 18JUL25 400 P", "+100 shares")
