"""Whether a contract trades at a moment, by its own hours."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from ib_worker.pre_trade.trading_hours import trading_at

NEW_YORK = ZoneInfo("America/New_York")
HOURS = "20250613:0400-20250613:2000;20250614:CLOSED;20250615:CLOSED;20250616:0400-20250616:2000"
LIQUID = "20250613:0930-20250613:1600;20250614:CLOSED;20250615:CLOSED;20250616:0930-20250616:1600"
FUTURES = "20250612:1700-20250613:1600;20250614:CLOSED;20250615:1700-20250616:1600"


@pytest.mark.trial("D23")
@pytest.mark.parametrize(
    ("day", "hour", "told"),
    [
        (13, 10.0, "open"), (13, 9.5, "open"), (13, 16.0, "extended"), (13, 4.0, "extended"), (13, 20.0, "closed"),
        (14, 12.0, "closed"), (16, 3.99, "closed"), (12, 12.0, None), (17, 12.0, None),
    ],
)  # fmt: skip
def test_a_contracts_own_hours_tell_whether_it_trades(day: int, hour: float, told: str | None) -> None:
    at = datetime(2025, 6, day, tzinfo=NEW_YORK) + timedelta(hours=hour)

    assert trading_at(at.astimezone(UTC), NEW_YORK, HOURS, LIQUID) == told


@pytest.mark.trial("D23")
def test_hours_are_read_as_all_versions_of_tws_write_them() -> None:
    noon = datetime(2025, 6, 13, 12, tzinfo=UTC)

    assert trading_at(noon, UTC, "20250613:0900-1130,1300-1530", "") == "closed"
    assert trading_at(noon, UTC, "20250613:0900-20250613:1130,20250613:1200-20250613:1530", "") == "open"
    assert trading_at(noon, UTC, FUTURES, FUTURES) == "open"
    assert trading_at(noon + timedelta(hours=5), UTC, FUTURES, FUTURES) == "closed"
    assert trading_at(noon - timedelta(hours=13), UTC, "20250612:1700-1600;20250613:1700-1600", "") == "open"
    for unread in ("", "20250613", "20250613:nonsense", "CLOSED", "20250613:0930-20259999:1600"):
        assert trading_at(noon, UTC, unread, unread) is None
    assert trading_at(noon, None, HOURS, LIQUID) is None
