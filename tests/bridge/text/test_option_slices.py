"""Parts of an option chain as people name them."""

from typing import Any

import pytest

from bridge.text.option_slices import StrikeChoice, delta_form, expiry_form, strike_choice, strikes_form


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2025-07-18", "20250718"),
        (20250718, "20250718"),
        ("202507", "202507"),
        ("jul 2025", "202507"),
        (" Next  Month ", "next month"),
        ("next_week", "next week"),
        ("nearest", "nearest"),
        ("next", "nearest"),
        ("today", "0 days"),
        ("45 days", "45 days"),
        ("45d", "45 days"),
        ("45 DTE", "45 days"),
    ],
)
def test_an_expiry_has_one_spelling(written: Any, meant: str) -> None:
    assert expiry_form(written) == meant


@pytest.mark.parametrize("written", ["soon", "4000 days", "13/2025", "next year"])
def test_an_expiry_of_no_meaning_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match="expected"):
        expiry_form(written)


@pytest.mark.parametrize(
    ("written", "choice"),
    [
        ("atm", StrikeChoice(around=1)),
        ("ATM 5", StrikeChoice(around=5)),
        ("at the money", StrikeChoice(around=1)),
        ("380-420", StrikeChoice(low=380, high=420)),
        ("420 to 380", StrikeChoice(low=380, high=420)),
        ("95%-105%", StrikeChoice(low=95, high=105, percent=True)),
        ("95-105%", StrikeChoice(low=95, high=105, percent=True)),
        ("400", StrikeChoice(listed=(400,))),
        ("410, 400;402.5", StrikeChoice(listed=(400, 402.5, 410))),
        (400, StrikeChoice(listed=(400,))),
        ([410, 400.5, "400"], StrikeChoice(listed=(400, 400.5, 410))),
    ],
)
def test_strikes_are_read(written: Any, choice: StrikeChoice) -> None:
    assert strike_choice(strikes_form(written)) == choice


@pytest.mark.parametrize("written", ["all", "atm 0", "atm 101", "-400", "", [True], "1e3", "400-", "delta 0.3"])
def test_strikes_of_no_meaning_are_refused(written: Any) -> None:
    with pytest.raises(ValueError, match="expected"):
        strike_choice(str(strikes_form(written)))


@pytest.mark.parametrize(
    ("written", "meant"),
    [(0.3, "0.3"), ("0.30", "0.3"), (-0.3, "0.3"), (30, "0.3"), ("30 delta", "0.3"), ("0.4-0.2", "0.2-0.4"),
     ("-0.4 to -0.2", "0.2-0.4"), ([0.2, "0.4"], None)],
)  # fmt: skip
def test_a_delta_is_read_without_its_sign(written: Any, meant: str | None) -> None:
    if meant is None:
        with pytest.raises(ValueError, match="expected"):
            delta_form(written)
    else:
        assert delta_form(written) == meant


@pytest.mark.parametrize("written", ["0", "1.0", "300", "low", "1"])
def test_a_delta_that_no_option_has_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match="expected"):
        delta_form(written)
