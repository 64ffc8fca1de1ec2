"""Numbers in texts have all their digits: who reads a price or a quantity acts on it."""

from decimal import Decimal

import pytest

from bridge.text.numbers import digits, exact, shortest


@pytest.mark.trial("A3", "C6")
@pytest.mark.parametrize(
    ("value", "told"),
    [(123456.78, "123456.78"), (1_000_000.0, "1000000"), (1_234_567.0, "1234567"), (65432.55, "65432.55"),
     (0.00005, "0.00005"), (400.0, "400"), (-37.63, "-37.63"), (0.0, "0"), (0.1 + 0.2, "0.3"), (1e-8, "0.00000001"),
     (Decimal("1E+6"), "1000000"), (float("inf"), "inf")],
)  # fmt: skip
def test_a_number_is_told_with_every_digit_and_without_exponent(value: float | Decimal, told: str) -> None:
    assert digits(value) == told


def test_a_whole_number_is_an_integer() -> None:
    assert repr([shortest(each) for each in (1.0, 1.5, "1.0", None, 7)]) == "[1, 1.5, '1.0', None, 7]"


def test_a_sum_has_no_digits_of_binary_fractions() -> None:
    assert (exact(2.1704 * 3 + 5e-16), exact(None)) == (6.5112, None)
