"""Estimates of the strikes that have a delta."""

import pytest

from ib_worker.options.delta_estimate import DeltaTarget, Money, fitting, strike_of, to_ask_for

MONEY = Money(price=400.0, years=0.1)
STRIKES = [float(each) for each in range(300, 501, 5)]


@pytest.mark.parametrize(("right", "above"), [("C", True), ("P", False)])
def test_an_option_of_small_delta_is_out_of_the_money(right: str, above: bool) -> None:
    strike = strike_of(0.3, right, MONEY, 0.2)

    assert (strike > 405) is above
    assert 380 < strike < 420


def test_the_strikes_about_the_target_are_asked_for_once() -> None:
    target = DeltaTarget("C", 0.3, 0.3)
    asked = to_ask_for(STRIKES, target, MONEY, {400.0: (0.52, 0.2)})
    known = {400.0: (0.52, 0.2)} | {each: (0.5 - (each - 400) / 100, 0.2) for each in asked}

    assert asked == [410, 415, 420]
    assert to_ask_for(STRIKES, target, MONEY, known) == []


def test_a_range_has_all_between_its_ends() -> None:
    asked = to_ask_for(STRIKES, DeltaTarget("P", 0.2, 0.4), MONEY, {400.0: (0.48, 0.2)})

    assert asked == [375, 380, 385, 390, 395]


def test_the_nearest_fits_and_a_range_all_within() -> None:
    known = {390.0: (0.4, 0.2), 385.0: (0.33, 0.2), 380.0: (0.26, 0.2)}

    assert fitting(DeltaTarget("P", 0.3, 0.3), known) == [385.0]
    assert fitting(DeltaTarget("P", 0.3, 0.4), known) == [385.0, 390.0]
    assert fitting(DeltaTarget("P", 0.3, 0.3), {}) == []
