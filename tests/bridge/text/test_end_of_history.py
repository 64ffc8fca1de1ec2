"""The end of a series, in the forms of people and of TWS."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest

from bridge.text.end_of_history import (
    TODAY,
    before,
    dated,
    end_of_history,
    first_second,
    last_second,
    since,
    start_or_end,
    tws_end,
    year_start,
)

NEW_YORK = ZoneInfo("America/New_York")


@pytest.mark.parametrize(
    "written",
    [
        "20250611 16:00:00 US/Eastern", "20250611 16:00 America/New_York", "20250611-20:00:00", "2025-06-11T20:00:00Z",
        "2025-06-11T16:00:00-04:00", " 2025-06-11 22:00:00+02:00 ",
    ],
)  # fmt: skip
def test_an_instant_is_sent_in_utc(written: str) -> None:
    assert tws_end(written, NEW_YORK) == "20250611-20:00:00"


@pytest.mark.parametrize("written", ["20250611", "2025-06-11"])
def test_a_day_goes_to_its_midnight_at_the_exchange(written: str) -> None:
    assert end_of_history(written) == date(2025, 6, 11)
    assert tws_end(written, NEW_YORK) == "20250612-04:00:00"


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("20250611 16:00", "no time zone"), ("2025-06-11T16:00", "no time zone"), ("20250611 16:00 Mars/X", "no time"),
        ("9999-12-31", "years"), ("0001-01-01T00:00:00+09:00", "years"),
        ("20251311", "month"), ("yesterday", "yesterday"), ("20250611-25:00:00", "does not match"),
    ],
)  # fmt: skip
def test_what_may_mean_several_times_is_refused_with_the_forms(written: str, why: str) -> None:
    with pytest.raises(ValueError, match=f"{why}.*give an instant with its time zone"):
        end_of_history(written)


def test_today_is_a_day_of_the_series_own_zone() -> None:
    night = datetime(2025, 6, 12, 2, tzinfo=ZoneInfo("UTC"))

    assert start_or_end(" Today ") == TODAY
    assert start_or_end("20250611") == "20250611"
    assert dated(TODAY, NEW_YORK, night) == "2025-06-11"
    assert dated("20250610", NEW_YORK, night) == "20250610"


@pytest.mark.parametrize(
    ("end", "days"),
    [
        ("2025-06-11", "162 D"), ("20250101", "1 D"), ("2024-12-31", "1 Y"), ("2025-12-31", "365 D"),
        ("2026-01-01T02:00:00Z", "365 D"),
    ],
)  # fmt: skip
def test_the_year_to_date_is_days_of_its_end_in_the_contracts_zone(end: str, days: str) -> None:
    assert since(year_start(end, NEW_YORK), end, NEW_YORK) == days


def test_the_bars_before_one_end_where_it_begins() -> None:
    assert before("2025-06-11") == "2025-06-10"
    assert before("2025-06-11T09:30:00-04:00") == "2025-06-11T09:30:00-04:00"


def test_a_day_is_all_its_seconds_in_the_contracts_zone() -> None:
    began = datetime(2025, 3, 9, tzinfo=NEW_YORK)  # a day of 23 hours

    assert first_second("2025-03-09", NEW_YORK) == int(began.timestamp())
    assert last_second("20250309", NEW_YORK) == int(began.timestamp()) + 23 * 3600 - 1
    assert first_second("20250309-14:00:00", NEW_YORK) == last_second("2025-03-09T14:00:00Z", NEW_YORK)
