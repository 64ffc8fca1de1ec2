"""Bars, their span and schedules, field by field as gateways print them."""

from __future__ import annotations

from decimal import Decimal

from ibgateway.simulator.model.market_data import BarData, HistoricalBars, TradingSession
from ibgateway.simulator.wire.messages import history
from tests.stacks.ibgateway.message_fields import AT, fields, read

BARS = HistoricalBars(
    [
        BarData(AT, 254.2, 254.8, 250.65, 255.0, Decimal(2829736), 252.2664, 13633),
        BarData(AT + 3600, 1, 1, 1, 1, Decimal(-1), -1.0, -1),
    ],
    AT - 86400,
    AT,
)
SPAN = ["20250610 10:30:00 US/Eastern", "20250611 10:30:00 US/Eastern"]
ROWS = [
    "20250611 10:30:00 US/Eastern",
    *fields("254.20 254.80 250.65 255.00 2829736 252.266 13633"),
    "20250611 11:30:00 US/Eastern",
    *fields("1.00 1.00 1.00 1.00 -1 -1 -1"),
]


def test_bars_come_with_their_span_in_one_message_and_since_196_in_two() -> None:
    style = history.BarStyle("US/Eastern", 2)

    (old,) = history.historical_data(195, 9, BARS, style)
    new, end = history.historical_data(196, 9, BARS, style)

    assert read(old) == ["17", "9", *SPAN, "2", *ROWS]
    assert read(new) == ["17", "9", "2", *ROWS]
    assert read(end) == ["108", "9", *SPAN]


def test_a_bars_date_follows_the_format_that_was_asked_for() -> None:
    assert history.BarStyle("US/Eastern", 2, 2).date(AT) == "1749652200"
    assert history.BarStyle("US/Eastern", 2, 2, daily=True).date(1749600000.0) == "20250611"


def test_a_midpoint_between_two_ticks_has_a_digit_more() -> None:
    style = history.BarStyle("US/Eastern", 2)

    assert [style.price(x) for x in (255.0, 255.4, 255.405)] == ["255.00", "255.40", "255.405"]


def test_before_175_us_stocks_volume_is_counted_in_hundreds() -> None:
    style = history.BarStyle("US/Eastern", 2, lot=100)

    assert [style.volume(Decimal(250)), style.volume(Decimal(-1))] == ["2", "-1"]


def test_a_bar_update_has_close_before_high_and_low() -> None:
    told = read(history.historical_data_update(9, BARS.bars[0], history.BarStyle("US/Eastern", 2)))

    assert told == ["90", "9", "13633", ROWS[0], *fields("254.20 255.00 254.80 250.65 252.266 2829736")]


def test_a_schedule_has_local_times_and_the_days_that_they_belong_to() -> None:
    sessions = [TradingSession(AT - 3600, AT + 19800, "20250611")]

    told = read(history.historical_schedule(9, sessions, "US/Eastern"))

    stamps = ["20250611-09:30:00", "20250611-16:00:00"]
    assert told == ["106", "9", *stamps, "US/Eastern", "1", *stamps, "20250611"]
