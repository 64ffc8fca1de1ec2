"""How values are spelled: as real gateways print them, and no more than TWS accepts."""

import math
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ibgateway.simulator.wire.encoding import text


@pytest.mark.parametrize(
    ("value", "spelled"),
    [
        (0.0, "0.0"),
        (1.0, "1.0"),
        (255.4, "255.4"),
        (2000.05, "2000.05"),
        (-110.25, "-110.25"),
        (0.001, "0.001"),
        (0.0001, "1.0E-4"),
        (0.00012345, "1.2345E-4"),
        (9999999.0, "9999999.0"),
        (10_000_000.0, "1.0E7"),
        (123_456_789.5, "1.234567895E8"),
        (None, "1.7976931348623157E308"),
        (1.7976931348623157e308, "1.7976931348623157E308"),
        (math.nan, "NaN"),
        (math.inf, "Infinity"),
    ],
)
def test_doubles_are_printed_as_java_prints_them(value: float | None, spelled: str) -> None:
    assert text.java_double(value) == spelled


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_printed_double_reads_back_as_itself(value: float) -> None:
    assert float(text.java_double(value)) == value


@pytest.mark.parametrize(
    ("value", "spelled"),
    [
        (Decimal("1"), "1"),
        (Decimal("1.0"), "1"),
        (Decimal("-110"), "-110"),
        (Decimal("1.24115341"), "1.24115341"),
        (Decimal("100"), "100"),
        (Decimal("1E+3"), "1000"),
        (Decimal("0.0000"), "0"),
        (0.0, "0"),
        (257.95, "257.95"),
        (1e-05, "0.00001"),
        (200.0, "200"),
    ],
)
def test_quantities_have_no_digit_too_many(value: Decimal | float, spelled: str) -> None:
    assert text.minimal(value) == spelled


def test_a_message_ends_every_field_in_a_zero_byte() -> None:
    assert text.message(61, 3, "DU1", True, False, None, 1.5, Decimal("2.0")) == (
        b"61\x003\0DU1\x001\x000\0\x001.5\x002\0"
    )


def test_text_outside_ascii_is_escaped_and_zero_bytes_are_dropped() -> None:
    assert text.message(4, "Société\0 😀") == b"4\0Soci\\u00e9t\\u00e9 \\ud83d\\ude00\0"


@pytest.mark.parametrize("spelled", ["1_0", "٣", " 1", "1 ", "1.5", "", "0x1", "1e3", "--1", "9" * 19])
def test_what_is_not_an_integer_is_refused(spelled: str) -> None:
    with pytest.raises(text.BadText):
        text.integer(spelled)


@pytest.mark.parametrize("spelled", ["NaN", "Infinity", "inf", "1_0", "٣", "1e400", "0x1", "", "1,5", "1e"])
def test_what_is_not_a_number_is_refused(spelled: str) -> None:
    with pytest.raises(text.BadText):
        text.number(spelled)


@pytest.mark.parametrize("spelled", ["NaN", "Infinity", "sNaN", "", "1_0", "٣"])
def test_what_is_not_a_quantity_is_refused(spelled: str) -> None:
    with pytest.raises(text.BadText):
        text.quantity(spelled)


@pytest.mark.parametrize("spelled", ["", "1.7976931348623157e+308", "1.7976931348623157E308"])
def test_every_clients_unset_double_is_none(spelled: str) -> None:
    assert text.number_or_none(spelled) is None


@pytest.mark.parametrize("spelled", ["", "2147483647"])
def test_every_clients_unset_integer_is_none(spelled: str) -> None:
    assert text.integer_or_none(spelled) is None


def test_a_flag_is_nothing_but_0_and_1() -> None:
    assert [text.flag(one) for one in ("", "0", "1")] == [False, False, True]
    with pytest.raises(text.BadText):
        text.flag("true")
