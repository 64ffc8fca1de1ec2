"""When a watched condition fires."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bridge.bus.events.watches import Mark
from bridge.tools.events import WaitCondition
from ib_worker.watches.levels import decide, due_time, is_daily

NEW_YORK = ZoneInfo("America/New_York")


def fires(values: list[float], **condition: Any) -> list[float]:
    """The values of a series at which the condition fires."""
    asked = WaitCondition.model_validate({"event": "price", "symbol": "SPY"} | condition)
    mark, found = Mark(), []
    for value in values:
        fired, mark = decide(asked, mark, value)
        found += [value] if fired else []
    return found


@pytest.mark.parametrize(
    ("condition", "values", "expected"),
    [
        ({"above": 10}, [9, 10, 11, 12, 9, 13], [11, 13]),
        ({"above": 10}, [12], [12]),
        ({"below": 10}, [11, 10, 9, 8, 10, 7], [9, 7]),
        ({"above": 10, "below": 5}, [7, 4, 3, 7, 11], [4, 11]),
        ({"changePercent": 10}, [100, 109, 110, 115, 121, 108], [110, 121, 108]),
        ({"changePercent": 10}, [100, 90], [90]),
        ({"changePercent": -10}, [100, 111, 91, 90, 89, 80], [90, 80]),
        ({"changePercent": 10}, [0, 5], []),
    ],
)
def test_a_price_fires_where_it_goes_beyond(condition: dict[str, Any], values: list[float], expected: Any) -> None:
    assert fires(values, **condition) == expected


def test_a_session_is_open_or_closed() -> None:
    assert fires([0, 1, 1, 0, 1], event="session_open") == [1, 1]
    assert fires([0, 1, 1, 0, 1], event="session_close") == [0, 0]


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("09:30", "2026-07-14T13:30:00+00:00"),  # over for today
        ("16:00", "2026-07-13T20:00:00+00:00"),
        ("16:00:30", "2026-07-13T20:00:30+00:00"),
        ("2026-01-05 09:30", "2026-01-05T14:30:00+00:00"),
        ("2026-01-05T09:30", "2026-01-05T14:30:00+00:00"),
    ],
)
def test_a_time_is_one_of_its_zone(at: str, expected: str) -> None:
    now = datetime(2026, 7, 13, 15, 0, tzinfo=UTC)  # 11:00 there

    assert due_time(at, NEW_YORK, now).astimezone(UTC).isoformat() == expected


def test_a_time_over_a_change_of_the_clocks_is_the_one_on_the_wall() -> None:
    before = datetime(2026, 3, 7, 20, 0, tzinfo=UTC)  # the clocks go forward in that night

    assert due_time("09:30", NEW_YORK, before).astimezone(UTC).hour == 13


def test_a_day_that_no_calendar_has_is_refused() -> None:
    with pytest.raises(ValueError, match="day"):
        due_time("2026-02-30 09:30", NEW_YORK, datetime(2026, 1, 1, tzinfo=UTC))


def test_a_time_of_day_comes_every_day() -> None:
    assert is_daily("09:30")
    assert is_daily("09:30:15")
    assert not is_daily("2026-01-05 09:30")
