"""A trading day before any tick is drawn: a row for each of its spans, which fit each other and the series."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from ibgateway.simulator.world.instruments.directory import Directory
from ibgateway.simulator.world.instruments.instrument import Instrument
from ibgateway.simulator.world.market.market import Market
from ibgateway.simulator.world.market.series.daily_rows import KEPT_DAYS, DailyRows, carry, print_count
from ibgateway.simulator.world.market.tapes.tape import Row
from tests.stacks.ibgateway.world_and_trader import START

DIRECTORY = Directory()


def instrument(conId: int) -> Instrument:
    found = DIRECTORY.get(conId)
    assert found is not None
    return found


AAPL, EURUSD = instrument(265598), instrument(12087792)
DAY = AAPL.calendar.index_of(date(2025, 6, 11))


@pytest.fixture(scope="module")
def market() -> Market:
    return Market(1, START, DIRECTORY)


def rows(market: Market, of: Instrument, index: int = DAY, seed: int = 1) -> tuple[Row, ...]:
    return DailyRows(seed).day(of, market.series(of.series), index)


def test_a_stocks_day_has_a_row_for_each_span_and_auctions_in_liquid_hours(market: Market) -> None:
    before, liquid, after = rows(market, AAPL)

    assert [(each.start, each.end) for each in (before, liquid, after)] == [
        (span.start, span.end) for span in AAPL.calendar.spans(DAY)
    ]
    assert [each.auctions for each in (before, liquid, after)] == [False, True, False]
    assert before.spread == after.spread == 3 * liquid.spread


def test_spans_follow_each_other_without_a_jump(market: Market) -> None:
    before, liquid, after = rows(market, AAPL)

    assert before.close == liquid.open
    assert after.open == liquid.close
    assert rows(market, AAPL, DAY + 1)[0].open == after.close


def test_liquid_hours_are_the_series_own_row(market: Market) -> None:
    opening, high, low, close, volume, _ = market.series("AAPL").row(DAY)

    liquid = rows(market, AAPL)[1]

    assert (liquid.open, liquid.high, liquid.low, liquid.close) == tuple(
        AAPL.ticks(price) for price in (opening, high, low, close)
    )
    assert liquid.volume == pytest.approx(volume, abs=1)


def test_each_row_holds_its_open_and_close_between_low_and_high(market: Market) -> None:
    for index in range(DAY - 20, DAY):
        for row in rows(market, AAPL, index):
            assert row.low <= min(row.open, row.close) <= max(row.open, row.close) <= row.high
            assert row.low * row.volume <= row.turnover <= row.high * row.volume


def test_a_day_depends_on_the_seed_and_on_nothing_else(market: Market) -> None:
    assert rows(market, AAPL) == rows(market, AAPL)
    assert rows(market, AAPL, seed=2)[2] != rows(market, AAPL)[2]


def test_days_are_kept_up_to_a_number(market: Market) -> None:
    kept = DailyRows(1)
    series = market.series("AAPL")

    assert kept.day(AAPL, series, DAY) is kept.day(AAPL, series, DAY)
    assert KEPT_DAYS == 20_000


def test_what_has_quotes_only_has_no_volume(market: Market) -> None:
    (row,) = rows(market, EURUSD, EURUSD.calendar.index_of(date(2025, 6, 11)))

    assert row.volume == 0
    assert row.count == int(0.5 * (row.end - row.start))  # half a quote a second


def test_prints_are_between_a_minimum_and_the_volume_in_hundreds() -> None:
    span = AAPL.calendar.spans(DAY)[1]

    assert print_count(AAPL, span, 100) == 60
    assert print_count(AAPL, span, 100_000) == 1000
    assert print_count(replace(AAPL, volume=1.0), span, 10**9) == int(0.4 * (span.end - span.start))


def test_a_future_stands_above_its_index_until_it_expires() -> None:
    future = DIRECTORY.derivatives.future(1_870_000_308)
    assert future is not None
    assert future.expiry is not None
    last = future.calendar.index_of(future.expiry)

    assert carry(future, last) == 1.0
    assert carry(future, last - 60) > carry(future, last - 30) > 1.0
    assert carry(AAPL, DAY) == 1.0
