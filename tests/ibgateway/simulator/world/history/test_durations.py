"""Durations and bar sizes of historical requests, and TWS's refusals of others."""

from __future__ import annotations

from datetime import date

import pytest

from ibgateway.simulator.model.errors import Refusal
from ibgateway.simulator.world.history.durations import (
    DAILY,
    INTRADAY,
    LEGAL,
    Duration,
    check_length,
    parse_bar_size,
    parse_duration,
)


@pytest.mark.parametrize(
    ("text", "duration"),
    [("10 D", Duration(10, "D")), ("1 y", Duration(1, "Y")), ("86400 S", Duration(86_400, "S"))],
)
def test_a_duration_is_a_count_and_a_unit(text: str, duration: Duration) -> None:
    assert parse_duration(text) == duration


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("10", "Invalid duration format"),
        ("10 X", "Legal units are S, D, W, M and Y"),
        ("-1 D", "Invalid duration format"),
        ("٣ D", "Invalid duration format"),
        ("0 D", "Invalid duration: 0 D"),
        ("366 D", "longer than 365 days must be made in years"),
        ("86401 S", "longer than 86400 seconds must be made in days"),
        ("101 Y", "Invalid duration: 101 Y"),
        ("1201 M", "Invalid duration"),
    ],
)
def test_another_duration_is_321_with_its_cause(text: str, said: str) -> None:
    with pytest.raises(Refusal, match=said) as refused:
        parse_duration(text)

    assert refused.value.code == 321


@pytest.mark.parametrize(
    ("duration", "last", "first"),
    [
        (Duration(1, "W"), date(2025, 6, 11), date(2025, 6, 5)),
        (Duration(1, "M"), date(2025, 6, 11), date(2025, 5, 12)),
        (Duration(1, "M"), date(2025, 3, 31), date(2025, 3, 1)),  # February has no 31st
        (Duration(2, "Y"), date(2024, 2, 29), date(2022, 3, 1)),
        (Duration(1, "M"), date(2025, 1, 10), date(2024, 12, 11)),
    ],
)
def test_a_span_of_weeks_months_or_years_begins_on_a_day(duration: Duration, last: date, first: date) -> None:
    assert duration.first_day(last) == first


def test_bar_sizes_are_seconds_or_a_word() -> None:
    assert (parse_bar_size("1 min"), parse_bar_size("1 day"), parse_bar_size("1W")) == (60, "day", "week")
    assert (parse_bar_size("1 mins"), parse_bar_size("1D")) == (60, "day")  # spellings that TWS takes too


def test_another_bar_size_is_refused_with_the_legal_ones() -> None:
    with pytest.raises(Refusal, match="1 secs,5 secs") as refused:
        parse_bar_size("7 mins")

    assert refused.value.code == 321
    assert set(LEGAL.split(",")) <= {*INTRADAY, *DAILY}


def test_bars_of_a_few_seconds_are_given_for_a_day_at_most() -> None:
    check_length(Duration(1, "D"), 5)
    check_length(Duration(3600, "S"), 1)
    check_length(Duration(2, "D"), 30)
    with pytest.raises(Refusal, match="Time length exceed max") as refused:
        check_length(Duration(2, "D"), 5)

    assert refused.value.code == 162
