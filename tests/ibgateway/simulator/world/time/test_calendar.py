"""Sessions, holidays and early closes."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest

from ibgateway.simulator.world.time.calendar import HOURS, calendar
from ibgateway.simulator.world.world import World
from tests.stacks.ibgateway.world_and_trader import AAPL, START, at


def spans_of(name: str, day: date) -> list[tuple[str, str, str]]:
    days = calendar(name)
    index = days.index_of(day)
    assert days.day(index) == day
    return [(s.kind, f"{days.local(s.start):%m%d %H%M}", f"{days.local(s.end):%m%d %H%M}") for s in days.spans(index)]


def test_a_stock_day_has_extended_hours_around_its_liquid_hours() -> None:
    assert spans_of("US_STOCK", date(2025, 6, 11)) == [
        ("pre", "0611 0400", "0611 0930"),
        ("rth", "0611 0930", "0611 1600"),
        ("post", "0611 1600", "0611 2000"),
    ]


def test_an_early_close_ends_liquid_and_extended_hours_early() -> None:
    assert spans_of("US_STOCK", date(2024, 11, 29))[1:] == [
        ("rth", "1129 0930", "1129 1300"),
        ("post", "1129 1300", "1129 1700"),
    ]


def test_a_future_trades_from_the_evening_before() -> None:
    assert spans_of("CME", date(2025, 6, 9)) == [("pre", "0608 1700", "0609 0830"), ("rth", "0609 0830", "0609 1600")]


def test_forex_begins_on_sunday_evening_and_ends_on_friday() -> None:
    days = calendar("FOREX")
    assert days.span_at(at(17, 0, day=8)) is None
    assert days.span_at(at(17, 15, day=8)) is not None
    assert days.span_at(at(16, 59, day=13)) is not None
    assert days.span_at(at(17, 0, day=13)) is None


@pytest.mark.parametrize("day", ["20250101", "20250120", "20250418", "20250619", "20250704", "20251225", "20250109"])
def test_the_exchange_is_closed_on_its_holidays(day: str) -> None:
    days = calendar("US_STOCK")
    closed = datetime.strptime(day, "%Y%m%d").date()

    assert days.day(days.index_of(closed)) != closed


def test_the_index_keeps_the_stocks_hours_in_its_own_zone() -> None:
    stocks, index = calendar("US_STOCK"), calendar("US_INDEX")
    for day in (date(2025, 6, 11), date(2024, 11, 29)):
        liquid = next(s for s in stocks.spans(stocks.index_of(day)) if s.liquid)
        only = index.spans(index.index_of(day))[0]
        assert (only.start, only.end) == (liquid.start, liquid.end)


def test_trading_hours_are_spelled_as_tws_spells_them() -> None:
    days = calendar("US_STOCK")

    assert days.hours_text(at(10, 30), liquid=True, days=4) == (
        "20250611:0930-20250611:1600;20250612:0930-20250612:1600;20250613:0930-20250613:1600;20250614:CLOSED"
    )
    assert days.hours_text(at(10, 30), liquid=False, days=1) == "20250611:0400-20250611:2000"


def test_spans_follow_daylight_saving() -> None:
    days = calendar("US_STOCK")
    winter, summer = (days.spans(days.index_of(day))[1].start for day in (date(2025, 3, 7), date(2025, 3, 10)))

    assert (summer - winter) % 86_400 == 23 * 3600
    assert datetime.fromtimestamp(summer, ZoneInfo("US/Eastern")).hour == 9


def test_a_day_is_found_before_its_start_and_from_its_start_on() -> None:
    """The calendar remembers the day of the latest question."""
    days = calendar("US_STOCK")
    index = days.index_of(date(2025, 6, 11))
    start, following = days.open_of(index), days.open_of(index + 1)

    times = (start, start - 0.001, start + 1, following, following - 0.001)
    assert [days.index_at(time) - index for time in times] == [0, -1, 0, 1, 0]


@pytest.mark.parametrize("name", HOURS)
def test_days_follow_each_other_without_overlap(name: str) -> None:
    days = calendar(name)
    middle = days.index_of(date(2025, 1, 2))
    for index in range(middle, middle + 250):
        assert days.close_of(index) <= days.open_of(index + 1)
        assert days.index_at(days.open_of(index)) == index
        assert days.index_at(days.open_of(index) - 0.001) == index - 1


def test_a_schedule_lists_the_sessions_of_so_many_days(quiet: World) -> None:
    sessions = quiet.schedule(quiet.resolve(AAPL), START, 30, True)

    assert [each.refDate for each in sessions][-3:] == ["20250609", "20250610", "20250611"]
    assert "20250526" not in [each.refDate for each in sessions]
    assert (sessions[-1].start, sessions[-1].end) == (at(9, 30), at(16))
