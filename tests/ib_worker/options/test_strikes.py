"""The strikes that a choice means, and many strikes as ranges."""

import pytest

from bridge.text.option_slices import StrikeChoice
from ib_worker.options.strikes import chosen_strikes, likely, none_between, past_the_end, ranges

LISTED = [380.0, 390.0, 395.0, 400.0, 405.0, 410.0, 420.0]


@pytest.mark.parametrize(
    ("choice", "strikes"),
    [
        (StrikeChoice(around=1), [400]),
        (StrikeChoice(around=3), [395, 400, 405]),
        (StrikeChoice(around=99), LISTED),
        (StrikeChoice(listed=(400, 401)), [400, 401]),
        (StrikeChoice(low=390, high=400), [390, 395, 400]),
        (StrikeChoice(low=98, high=102, percent=True), [395, 400, 405]),
        (StrikeChoice(low=500, high=600), []),
    ],
)
def test_strikes_are_chosen(choice: StrikeChoice, strikes: list[float]) -> None:
    assert chosen_strikes(LISTED, choice, 401.0) == strikes


@pytest.mark.parametrize(
    ("there", "lacking", "left"),
    [
        ([], [], [375, 375.5, 376, 376.5, 377, 377.5, 378, 380]),
        ([375.0], [376.5], [375, 375.5, 376, 376.5, 377, 377.5, 378, 380]),  # as many are there
        ([], [375.5, 376.5], [375, 376, 377, 378, 380]),
        ([], [376.0, 376.5], [375, 377.5, 380]),
        ([375.0], [376.0, 377.5], [375, 380]),
        ([376.0], [375.0, 377.0, 380.0], [375, 375.5, 376, 376.5, 377, 377.5, 378, 380]),  # no step explains it
    ],
)
def test_strikes_of_another_step_than_the_expirys_are_passed_over(
    there: list[float], lacking: list[float], left: list[float]
) -> None:
    assert likely([375.0, 375.5, 376.0, 376.5, 377.0, 377.5, 378.0, 380.0], there, lacking) == left


@pytest.mark.parametrize(
    ("strikes", "told"),
    [
        ([], []),
        ([400.0], [[400, 400, 0]]),
        ([100.0, 105.0, 110.0, 111.0, 112.0, 113.0], [[100, 110, 5], [111, 113, 1]]),
        ([0.5, 1.0, 1.5, 2.0], [[0.5, 2, 0.5]]),
        ([1.0, 1.1, 1.2, 1.3], [[1, 1.3, 0.1]]),
    ],
)
def test_ranges_cover_every_strike_and_no_other(strikes: list[float], told: list[list[float]]) -> None:
    assert ranges(strikes) == told


@pytest.mark.parametrize(
    ("chosen", "price", "said"),
    [
        ([420], 430.5, "The listed strikes end at 420; the price is 430.5."),
        ([380, 390], 300, "The listed strikes begin at 380; the price is 300."),
        ([], 430.5, "The listed strikes end at 420; the price is 430.5."),
        ([395], 430.5, ""),  # of a delta far in the money
        ([420], 419, ""),
        ([420], None, ""),
    ],
)
def test_a_price_beyond_the_listed_strikes_is_told(chosen: list[float], price: float | None, said: str) -> None:
    assert past_the_end(LISTED, chosen, price) == said


def test_a_range_without_strikes_is_told() -> None:
    wide, percent = StrikeChoice(low=500, high=600), StrikeChoice(low=150, high=160, percent=True)

    assert none_between(LISTED, wide, None) == "No strike between 500 and 600 is listed: they go from 380 to 420."
    assert none_between(LISTED, percent, 400.0) == "No strike between 600 and 640 is listed: they go from 380 to 420."
    assert none_between(LISTED, StrikeChoice(low=400, high=600), None) == ""
    assert none_between([], wide, None) == ""
