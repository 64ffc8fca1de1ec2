"""The chart of bars."""

from datetime import UTC, date, datetime, timedelta

import pytest

from bridge.tools.market.charts import GetChart
from mcp_front.charts.candles import ChartBar, age, average, bar_of, chart_of, history_of
from mcp_front.drawing.figure import Candles, Columns, Line

NOW = datetime(2025, 6, 11, 14, 30, tzinfo=UTC)
SPY = GetChart(symbol="SPY", movingAverages=[3, 5])
BARS = [
    ChartBar(date(2025, 6, 2) + timedelta(each), 10 + each, 12 + each, 9 + each, 11 + each, 100) for each in range(4)
]


def test_the_chart_has_candles_averages_that_have_their_bars_and_volume() -> None:
    figure = chart_of(SPY, BARS, simulated=True, now=NOW).figure

    kinds = [[type(mark) for mark in panel.marks] for panel in figure.panels]
    assert kinds[0][:2] == [Candles, Line]
    assert [text for text, _ in figure.panels[0].legend] == ["MA 3  13.00"]
    assert kinds[1] == [Columns]
    assert figure.badge == "SIMULATED"


def test_without_volume_there_is_no_panel_for_it() -> None:
    bars = [ChartBar(each.at, each.open, each.high, each.low, each.close, None) for each in BARS]

    assert len(chart_of(SPY, bars, simulated=False).figure.panels) == 1


def test_the_line_says_contract_period_last_change_age_and_what_is_left_out() -> None:
    text = chart_of(SPY, BARS, simulated=True, left_out="The newest 4 of 9 bars.", now=NOW).text

    assert text == (
        "SPY: 4 candles of 1 day, 2 Jun 2025 to 5 Jun 2025. Last 14.00, +40.00 % since the first open. Last bar: "
        "2025-06-05, drawn at 2025-06-11 14:30 UTC. The newest 4 of 9 bars. Simulated data."
    )


@pytest.mark.parametrize(
    ("last", "told"),
    [
        (datetime(2025, 6, 11, 14, 25, tzinfo=UTC), "5 min before"),
        (datetime(2025, 6, 11, 10, 25, tzinfo=UTC), "4 h before"),
        (datetime(2025, 6, 1, 10, 25, tzinfo=UTC), "10 days before"),
    ],
)
def test_the_age_of_the_last_bar_is_told(last: datetime, told: str) -> None:
    assert told in age(last, NOW)


def test_an_average_begins_where_it_has_all_its_bars() -> None:
    assert average([1, 2, 3, 4], 3) == [(2, 2), (3, 3)]
    assert average([1, 2], 3) == []


def test_a_bar_without_a_price_is_left_out() -> None:
    assert bar_of({"date": "2025-06-11", "open": 1, "high": 2, "low": None, "close": 2, "volume": 5}) is None


def test_forex_is_drawn_by_midpoints() -> None:
    assert history_of(GetChart(symbol="EUR/USD")).whatToShow == "MIDPOINT"
    assert history_of(SPY).whatToShow == "TRADES"
