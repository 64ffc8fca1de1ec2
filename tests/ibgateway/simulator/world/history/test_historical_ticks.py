"""Historical ticks, midpoints, histograms and head timestamps."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from ibgateway.simulator.model.errors import Refusal
from ibgateway.simulator.world.world import World
from tests.stacks.ibgateway.world_and_trader import AAPL, EURUSD, START, at, stock


def test_historical_ticks_are_the_ticks_and_whole_seconds(quiet: World) -> None:
    contract = quiet.resolve(AAPL)
    every = quiet.trades(contract, at(9, 30) - 0.001, START)

    forward = quiet.historical_trades(contract, at(9, 30), None, 100, True)
    assert forward == every[: len(forward)]
    assert 100 <= len(forward) < 130
    assert int(every[len(forward)].time) > int(forward[-1].time)
    backward = quiet.historical_trades(contract, None, START, 100, True)
    assert backward == every[-len(backward) :]
    assert len(backward) >= 100


def test_historical_ticks_reach_over_the_night_and_not_into_the_future(quiet: World) -> None:
    contract = quiet.resolve(stock("IBM"))
    ticks = quiet.historical_trades(contract, None, at(9, 30, second=1), 500, True)
    assert ticks[0].time < at(16, day=10)

    late = quiet.historical_quotes(contract, START - 1, None, 1000, True)
    assert all(quote.time <= START for quote in late)
    assert quiet.historical_trades(contract, START + 1, None, 10, True) == []


def test_midpoints_are_the_middles_of_quotes(quiet: World) -> None:
    contract = quiet.resolve(EURUSD)
    quotes = quiet.historical_quotes(contract, None, START, 50, False)

    middles = quiet.historical_midpoints(contract, None, START, 50, False)
    assert [time for time, _ in middles] == [each.time for each in quotes]
    expected = [((each.bid or 0) + (each.ask or 0)) / 2 for each in quotes]
    assert [middle for _, middle in middles] == pytest.approx(expected)


def test_a_histogram_holds_all_that_was_traded(quiet: World) -> None:
    contract = quiet.resolve(AAPL)
    counted = quiet.histogram(contract, True, "2 days")
    bars = quiet.bars(contract, None, "2 D", "1 day", "TRADES", True).bars

    assert sum(size for _, size in counted) == sum(bar.volume for bar in bars)
    assert (counted[0][0], counted[-1][0]) == (min(bar.low for bar in bars), max(bar.high for bar in bars))
    with pytest.raises(Refusal):
        quiet.histogram(contract, True, "some days")


def test_the_head_timestamp_is_the_first_bars(quiet: World) -> None:
    contract = quiet.resolve(stock("META"))
    head = quiet.head_timestamp(contract, "TRADES", True)
    first = quiet.bars(contract, None, "2 Y", "1 day", "TRADES", True).bars[0]

    assert datetime.fromtimestamp(head, UTC).date() == datetime.fromtimestamp(first.time, UTC).date()
    with pytest.raises(Refusal, match="No head time stamp"):
        quiet.head_timestamp(quiet.resolve(EURUSD), "TRADES", True)
