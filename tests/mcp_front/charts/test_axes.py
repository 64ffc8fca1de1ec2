"""Round ticks, and times that fit below a chart."""

from datetime import UTC, date, datetime, timedelta

import pytest

from mcp_front.charts.axes import MOST_TIMES, amount, padded, price, time_ticks, value_ticks


@pytest.mark.parametrize(
    ("low", "high", "labels"),
    [
        (119.0, 161.0, ["120", "130", "140", "150", "160"]),
        (0.0, 1.0, ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]),
        (1.1402, 1.1511, ["1.1425", "1.1450", "1.1475", "1.1500"]),
        (-1.0, 1.0, ["-1.0", "-0.5", "0.0", "0.5", "1.0"]),
    ],
)
def test_ticks_are_round_and_have_the_digits_that_they_need(low: float, high: float, labels: list[str]) -> None:
    assert [label for _, label in value_ticks(low, high, 5)] == labels


@pytest.mark.parametrize(
    ("value", "text"), [(312, "312"), (9_800, "9.8K"), (1_250_000, "1.25M"), (21_400_000, "21.4M"), (-3e9, "-3B")]
)
def test_large_amounts_are_short(value: float, text: str) -> None:
    assert amount(value) == text


@pytest.mark.parametrize(("value", "text"), [(1.08131, "1.0813"), (7.5, "7.500"), (1234.5, "1,234.50")])
def test_small_prices_have_more_digits(value: float, text: str) -> None:
    assert price(value) == text


def test_a_range_of_one_value_gets_room() -> None:
    low, high = padded(100, 100)

    assert low < 100 < high


@pytest.mark.parametrize(
    ("days", "labels"),
    [
        (10, ["9 Jun"]),
        (40, ["9 Jun", "16 Jun", "23 Jun", "30 Jun", "7 Jul"]),
        (190, ["Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]),
        (400, ["Jul", "Oct", "2026", "Apr", "Jul"]),
    ],
)
def test_days_are_marked_by_what_fits(days: int, labels: list[str]) -> None:
    every = [date(2025, 6, 2) + timedelta(each) for each in range(days)]
    times = [each for each in every if each.weekday() < 5]

    told = [label for _, label in time_ticks(times)]

    assert len(told) <= MOST_TIMES
    assert (told if days > 10 else told[-1:])[: len(labels)] == labels or "9 Jun" in told


def test_minutes_are_marked_by_hours_and_a_new_day_by_its_date() -> None:
    first = datetime(2025, 6, 10, 14, 0, tzinfo=UTC)
    times = [first + timedelta(minutes=30 * each) for each in range(6)]
    times += [datetime(2025, 6, 11, 14, 0, tzinfo=UTC) + timedelta(minutes=30 * each) for each in range(3)]

    assert [label for _, label in time_ticks(times)] == [
        "14:30", "15:00", "15:30", "16:00", "16:30", "11 Jun", "14:30", "15:00",
    ]  # fmt: skip
