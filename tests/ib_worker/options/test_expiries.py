"""The expiry that a call means, among those that are listed."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from ib_worker.options.expiries import chosen, monthly, nearest_to, today_at, years_left

TODAY = date(2025, 6, 11)  # a Wednesday
LISTED = ["20250606", "20250611", "20250613", "20250620", "20250627", "20250703", "20250711", "20250718", "20250815"]
NEW_YORK = ZoneInfo("America/New_York")


@pytest.mark.parametrize(
    ("form", "expiry"),
    [
        ("nearest", "20250611"),
        ("0 days", "20250611"),
        ("30 days", "20250711"),
        ("60 days", "20250815"),
        ("900 days", "20250815"),
        ("this week", "20250613"),
        ("next week", "20250620"),
        ("this month", "20250620"),
        ("next month", "20250718"),
        ("202508", "20250815"),
        ("20250703", "20250703"),
        ("20250606", None),  # expired
        ("20250704", None),
        ("202509", None),
    ],
)
def test_an_expiry_is_chosen_among_the_listed(form: str, expiry: str | None) -> None:
    assert chosen(form, LISTED, TODAY) == expiry


def test_today_means_that_day_alone() -> None:
    assert chosen("0 days", LISTED, date(2025, 6, 12)) is None


def test_next_month_of_december_is_january() -> None:
    assert chosen("next month", ["20251219", "20260116"], date(2025, 12, 3)) == "20260116"


@pytest.mark.parametrize(
    ("listed", "expiry"),
    [
        (["20250711", "20250718", "20250725"], "20250718"),
        (["20250416", "20250417", "20250425"], "20250417"),  # the third Friday is Good Friday
        (["20250711", "20250725"], "20250725"),
        ([], None),
    ],
)
def test_a_month_means_its_standard_expiry(listed: list[str], expiry: str | None) -> None:
    assert monthly(listed) == expiry


def test_options_are_traded_until_a_quarter_past_four() -> None:
    assert today_at(datetime(2025, 6, 11, 20, 15, tzinfo=UTC), NEW_YORK) == date(2025, 6, 11)
    assert today_at(datetime(2025, 6, 11, 20, 16, tzinfo=UTC), NEW_YORK) == date(2025, 6, 12)


def test_the_nearest_expiries_are_told_in_their_order() -> None:
    assert nearest_to("20250719", LISTED, TODAY, 2) == ["20250711", "20250718"]
    assert nearest_to("next week", LISTED, TODAY, 2) == ["20250606", "20250611"]


def test_the_time_left_is_a_minute_at_least() -> None:
    assert years_left("20260611", datetime(2025, 6, 11, 20, tzinfo=UTC), NEW_YORK) == pytest.approx(1)
    assert years_left("20250611", datetime(2025, 6, 11, 21, tzinfo=UTC), NEW_YORK) == pytest.approx(60 / 31_536_000)
