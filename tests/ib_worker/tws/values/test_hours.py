"""Trading hours as TWS writes them."""

from datetime import datetime

import pytest

from ib_worker.tws.values.hours import days


def test_each_form_of_a_span_is_read() -> None:
    whole, short, closed, night = days(
        "20250702:0930-20250702:1600;20250703:0930-1200,1300-1600;20250704:closed;20250705:1700-1600"
    )

    assert [day.date for day in (whole, short, closed, night)] == ["20250702", "20250703", "20250704", "20250705"]
    assert whole.spans == ((datetime(2025, 7, 2, 9, 30), datetime(2025, 7, 2, 16)),)
    assert [end.hour for _, end in short.spans] == [12, 16]
    assert closed.spans == ()
    assert night.spans == ((datetime(2025, 7, 5, 17), datetime(2025, 7, 6, 16)),)


def test_midnight_at_the_end_of_a_day_is_2400() -> None:
    assert days("20250702:0000-20250702:2400")[0].spans[0][1] == datetime(2025, 7, 3)


@pytest.mark.parametrize("hours", ["20250702", "20250702:nonsense", "20250702:0930-20259999:1600"])
def test_what_is_no_list_of_hours_is_an_error(hours: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        days(hours)


def test_no_hours_are_no_days() -> None:
    assert days("") == []
