"""Which session's close a snapshot belongs to, and whether it is late."""

from datetime import date, datetime

import pytest

from ib_worker.account_history.closes import NEW_YORK, close_of, is_late, latest_close


@pytest.mark.parametrize(
    ("now", "session"),
    [
        ("2025-06-11 16:04", "2025-06-10"),  # the closing prices have not settled
        ("2025-06-11 16:05", "2025-06-11"),
        ("2025-06-12 09:00", "2025-06-11"),
        ("2025-06-14 12:00", "2025-06-13"),  # a Saturday
        ("2025-06-16 16:00", "2025-06-13"),  # a Monday before its close
        ("2025-11-03 16:05", "2025-11-03"),  # the clocks were changed the day before
    ],
)
def test_the_latest_close(now: str, session: str) -> None:
    assert latest_close(at(now)) == date.fromisoformat(session)


def test_a_snapshot_is_late_from_a_quarter_of_an_hour_on() -> None:
    day = date(2025, 6, 11)

    assert not is_late(day, at("2025-06-11 16:20"))
    assert is_late(day, at("2025-06-11 16:21"))
    assert close_of(day) == at("2025-06-11 16:00")


def at(there: str) -> datetime:
    return datetime.fromisoformat(there).replace(tzinfo=NEW_YORK)
