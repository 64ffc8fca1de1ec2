"""Historical ticks, histograms, head timestamps, generic ticks, and a user's own history."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from ibgateway.simulator.model import values as v
from ibgateway.simulator.world.world import World
from tests.stacks.ibgateway.world_and_trader import AAPL, EURUSD, START, at, new_world, stock

ROWS = """date,open,high,low,close,volume,adjClose
2025-06-02,10,11,9.5,10.5,1000000,10.0
2025-06-03,10.5,12,10.5,11.5,1500000,11.0
20250605,11.5,12,11,11.8,900000,11.8
"""


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
    with pytest.raises(v.Refusal):
        quiet.histogram(contract, True, "some days")


def test_the_head_timestamp_is_the_first_bars(quiet: World) -> None:
    contract = quiet.resolve(stock("META"))
    head = quiet.head_timestamp(contract, "TRADES", True)
    first = quiet.bars(contract, None, "2 Y", "1 day", "TRADES", True).bars[0]

    assert datetime.fromtimestamp(head, UTC).date() == datetime.fromtimestamp(first.time, UTC).date()
    with pytest.raises(v.Refusal, match="No head time stamp"):
        quiet.head_timestamp(quiet.resolve(EURUSD), "TRADES", True)


def test_generic_ticks_agree_with_bars(quiet: World) -> None:
    contract = quiet.resolve(AAPL)
    ticks = quiet.generic_ticks(contract)
    year = quiet.bars(contract, at(9), "1 Y", "1 day", "TRADES", True).bars

    assert (ticks[19], ticks[20]) == (min(bar.low for bar in year), max(bar.high for bar in year))
    assert ticks[37] == quiet.snapshot(contract).last
    assert ticks[49] == 0.0
    assert 21 not in quiet.generic_ticks(quiet.resolve(EURUSD))


def test_the_users_own_history_keeps_its_dates(tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text(ROWS)
    world = new_world(data=tmp_path)
    contract = world.resolve(stock("MINE"))
    bars = world.bars(contract, None, "2 W", "1 day", "TRADES", True).bars

    assert [(bar.open, bar.high, bar.low, bar.close) for bar in bars[:4]] == [
        (10.0, 11.0, 9.5, 10.5),
        (10.5, 12.0, 10.5, 11.5),
        (11.5, 11.5, 11.5, 11.5),  # a day that the file misses
        (11.5, 12.0, 11.0, 11.8),
    ]
    assert f"{datetime.fromtimestamp(bars[3].time, UTC):%Y%m%d}" == "20250605"
    assert world.history_of("MINE") == "own: mine.csv of --data"
    adjusted = world.bars(contract, None, "2 W", "1 day", "ADJUSTED_LAST", True).bars
    assert adjusted[0].close == 10.0


def test_the_users_own_history_replaces_a_known_symbols(tmp_path: Path) -> None:
    (tmp_path / "SPY.csv").write_text(ROWS)
    world = new_world(data=tmp_path)

    assert world.resolve(stock("SPY")).conId == 756733
    assert world.bars(world.resolve(stock("SPY")), at(10, day=5), "1 D", "1 day", "TRADES", True).bars[0].open == 11.5
    assert world.history_of("VTI").startswith("derived")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("date,open,high,low,close\n", "no column volume"),
        (ROWS + "2025-06-06,1,2,3,1,1,1\n", "line 5: prices must be positive"),
        (ROWS + "2025-06-06,1,nan,1,1,1,1\n", "line 5: prices must be positive"),
        (ROWS + "2025-06-06,x,2,1,1,1,1\n", "line 5"),
        (ROWS + "2025-06-31,1,2,1,1,1,1\n", "line 5"),
        (ROWS + "2025-06-05,1,2,1,1,1,1\n", "a date comes twice"),
        ("date,open,high,low,close,volume\n2025-06-02,1,2,1,1,5\n", "fewer than 2 days"),
    ],
)
def test_a_file_that_can_not_be_read_says_where(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "BAD.csv").write_text(text)

    with pytest.raises(ValueError, match=said):
        new_world(data=tmp_path)


def test_a_folder_that_is_none_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not a folder"):
        new_world(data=tmp_path / "nowhere")
