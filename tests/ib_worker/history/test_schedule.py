"""Trading schedules: half days, holidays, changes of the clock, and a market that never closes."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from ib_async import HistoricalSession

from bridge.tools.market.history import Moment, NextChange
from ib_worker.history.schedule import UNKNOWN, Listed, first_date, next_change, past_days, rows
from ib_worker.tws.values.hours import Day, days

NEW_YORK = ZoneInfo("US/Eastern")
LONDON = ZoneInfo("GB-Eire")
TOKYO = ZoneInfo("Asia/Tokyo")
# Independence Day of 2025: a half day before it, and a weekend after it.
REGULAR = (
    "20250702:0930-20250702:1600;20250703:0930-20250703:1300;20250704:CLOSED;20250705:CLOSED;20250706:CLOSED;"
    "20250707:0930-20250707:1600;20250708:0930-20250708:1600"
)
WHOLE = (
    "20250702:0400-20250702:2000;20250703:0400-20250703:1700;20250704:CLOSED;20250705:CLOSED;20250706:CLOSED;"
    "20250707:0400-20250707:2000;20250708:0400-20250708:2000"
)
CRYPTO = ";".join(f"202507{day:02d}:0000-202507{day + 1:02d}:0000" for day in range(2, 8))
FOREX = "20250702:1715-20250703:1700;20250703:1715-20250704:1700;20250705:CLOSED;20250706:1715-20250707:1700"


def change(hours: str, zone: ZoneInfo | None, month: int, day: int, hour: int, minute: int = 0) -> NextChange:
    at = datetime(2025, month, day, hour, minute, tzinfo=zone or UTC)
    return next_change(days(hours), zone, at.astimezone(UTC))


def told(found: NextChange) -> tuple[bool | None, str | None, str | None]:
    return found.open, local(found.opens), local(found.closes)


def local(moment: Moment | None) -> str | None:
    return moment.local.isoformat(timespec="minutes") if moment else None


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ((7, 2, 10), (True, "2025-07-03T09:30-04:00", "2025-07-02T16:00-04:00")),
        ((7, 2, 16), (False, "2025-07-03T09:30-04:00", "2025-07-03T13:00-04:00")),
        ((7, 3, 13), (False, "2025-07-07T09:30-04:00", "2025-07-07T16:00-04:00")),  # a half day, before a holiday
        ((7, 4, 11), (False, "2025-07-07T09:30-04:00", "2025-07-07T16:00-04:00")),
        ((7, 8, 10), (True, None, "2025-07-08T16:00-04:00")),  # the hours reach no farther
        ((7, 8, 17), (False, None, None)),
    ],
)
def test_the_next_opening_and_close_go_by_holidays_and_half_days(
    at: tuple[int, int, int], expected: tuple[bool, str | None, str | None]
) -> None:
    assert told(change(REGULAR, NEW_YORK, *at)) == expected


def test_a_moment_is_told_in_both_zones_and_in_minutes() -> None:
    closes = change(REGULAR, NEW_YORK, 7, 3, 12, 15).closes

    assert closes is not None
    assert closes.model_dump_json() == (
        '{"local":"2025-07-03T13:00:00-04:00","utc":"2025-07-03T17:00:00Z","inMinutes":45}'
    )


def test_hours_that_do_not_reach_the_time_are_unknown() -> None:
    assert change(REGULAR, NEW_YORK, 7, 1, 12) == change(REGULAR, NEW_YORK, 7, 9, 12) == UNKNOWN
    assert change(REGULAR, None, 7, 2, 14) == UNKNOWN
    assert change("", NEW_YORK, 7, 2, 14) == UNKNOWN


@pytest.mark.parametrize("hours", [CRYPTO, CRYPTO.replace("0000;", "2400;").replace("0704:0000", "0703:2400")])
def test_a_market_that_never_closes_is_open_without_a_close(hours: str) -> None:
    assert told(change(hours, NEW_YORK, 7, 4, 3)) == (True, None, None)


def test_sessions_over_midnight_are_of_the_day_on_which_they_end() -> None:
    listed = days(FOREX)
    told_rows = rows(Listed(listed, listed, NEW_YORK))

    assert told(change(FOREX, NEW_YORK, 7, 3, 17, 5)) == (
        False, "2025-07-03T17:15-04:00", "2025-07-04T17:00-04:00",
    )  # fmt: skip
    assert [row[:3] for row in told_rows] == [
        ["2025-07-03", "Thu", "open"], ["2025-07-04", "Fri", "open"], ["2025-07-05", "Sat", "closed"],
        ["2025-07-07", "Mon", "open"],
    ]  # fmt: skip
    assert first_date(listed) == date(2025, 7, 3)


def test_rows_tell_half_days_holidays_and_all_hours() -> None:
    told_rows = rows(Listed(days(REGULAR), days(WHOLE), NEW_YORK))

    assert [row[:4] for row in told_rows] == [
        ["2025-07-02", "Wed", "open", "regular"],
        ["2025-07-02", "Wed", "open", "all"],
        ["2025-07-03", "Thu", "shortened", "regular"],
        ["2025-07-03", "Thu", "open", "all"],
        ["2025-07-04", "Fri", "closed", None],
        ["2025-07-05", "Sat", "closed", None],
        ["2025-07-06", "Sun", "closed", None],
        ["2025-07-07", "Mon", "open", "regular"],
        ["2025-07-07", "Mon", "open", "all"],
        ["2025-07-08", "Tue", "open", "regular"],
        ["2025-07-08", "Tue", "open", "all"],
    ]
    assert told_rows[2][4:] == [
        "2025-07-03T09:30-04:00", "2025-07-03T13:00-04:00", "2025-07-03T13:30Z", "2025-07-03T17:00Z",
    ]  # fmt: skip


def test_each_day_has_the_offset_of_its_own_date() -> None:
    hours = "20251024:0800-20251024:1630;20251025:CLOSED;20251026:CLOSED;20251027:0800-20251027:1630"
    listed = days(hours)
    opens = [row[4:8:2] for row in rows(Listed(listed, listed, LONDON)) if row[2] != "closed"]

    assert opens == [["2025-10-24T08:00+01:00", "2025-10-24T07:00Z"], ["2025-10-27T08:00+00:00", "2025-10-27T08:00Z"]]
    assert told(change(hours, LONDON, 10, 25, 12)) == (False, "2025-10-27T08:00+00:00", "2025-10-27T16:30+00:00")


def test_a_session_over_the_night_of_the_change_is_as_long_as_it_is() -> None:
    found = next_change(days("20251101:1715-20251102:1700"), NEW_YORK, datetime(2025, 11, 1, 21, 0, tzinfo=UTC))

    assert found.opens is not None
    assert found.closes is not None
    assert found.closes.inMinutes - found.opens.inMinutes == (24 * 60 - 15) + 60


def test_a_lunch_break_is_two_sessions() -> None:
    listed = days("20250702:0900-1130,1230-1530")

    assert told(change("20250702:0900-1130,1230-1530", TOKYO, 7, 2, 12)) == (
        False, "2025-07-02T12:30+09:00", "2025-07-02T15:30+09:00",
    )  # fmt: skip
    assert [row[2] for row in rows(Listed(listed, listed, TOKYO))] == ["open", "open"]


def test_past_days_without_a_session_were_closed() -> None:
    session = HistoricalSession("20250703-09:30:00", "20250703-13:00:00", "20250703")
    found = past_days([session], date(2025, 7, 3), date(2025, 7, 7))

    assert [day.date for day in found] == ["20250703", "20250704", "20250705", "20250706"]
    assert [len(day.spans) for day in found] == [1, 0, 0, 0]
    assert rows(Listed(days(REGULAR)[5:], [], NEW_YORK), found)[0][2] == "shortened"
    with pytest.raises(ValueError, match="does not match"):
        past_days([HistoricalSession("soon", "later", "20250703")], date(2025, 7, 3), date(2025, 7, 7))


def test_without_a_known_zone_times_are_local_alone() -> None:
    listed = [Day("20250702", days(REGULAR)[0].spans)]

    assert rows(Listed(listed, listed, None))[0][4:] == ["2025-07-02T09:30", "2025-07-02T16:00", None, None]
