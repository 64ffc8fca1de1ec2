"""The accepting step gets the limits that are in force, and the exchange's day."""

from datetime import UTC, datetime

import pytest

from ib_worker.pre_trade.admission_rules import counted, day_from_ms


@pytest.mark.parametrize(("limit", "number"), [(30, 30), ("off", 0), (None, 0)])
def test_a_limit_that_is_off_counts_nothing(limit: int | str | None, number: int) -> None:
    assert counted(limit) == number


@pytest.mark.parametrize(("now", "midnight"), [
    (datetime(2026, 11, 30, 4, 59, tzinfo=UTC), datetime(2026, 11, 29, 5, tzinfo=UTC)),  # 23:59 in New York
    (datetime(2026, 11, 30, 5, tzinfo=UTC), datetime(2026, 11, 30, 5, tzinfo=UTC)),
])  # fmt: skip
def test_a_day_of_orders_begins_at_midnight_in_new_york(now: datetime, midnight: datetime) -> None:
    assert day_from_ms(now) == midnight.timestamp() * 1000
