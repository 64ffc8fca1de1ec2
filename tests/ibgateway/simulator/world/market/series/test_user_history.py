"""A user's own daily history keeps its dates, and a file that is none says where."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.stacks.ibgateway.world_and_trader import at, new_world, stock

ROWS = """date,open,high,low,close,volume,adjClose
2025-06-02,10,11,9.5,10.5,1000000,10.0
2025-06-03,10.5,12,10.5,11.5,1500000,11.0
20250605,11.5,12,11,11.8,900000,11.8
"""


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
        ("date,open,high,low,close,volume\n2025-06-02,1,2,1,1,5\n", "days found: 1; at least 2 are needed"),
    ],
)
def test_a_file_that_can_not_be_read_says_where(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "BAD.csv").write_text(text)

    with pytest.raises(ValueError, match=said):
        new_world(data=tmp_path)


def test_a_folder_that_is_none_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not a folder"):
        new_world(data=tmp_path / "nowhere")
