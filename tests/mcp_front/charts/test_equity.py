"""The chart of an account's past."""

from datetime import date

import pytest

from bridge.tools.market.charts import GetChart
from mcp_front.charts.equity import EquitySession, chart_of, drawdowns, session_of, whole_return
from mcp_front.drawing.figure import Upright

SESSIONS = [
    EquitySession(date(2025, 6, 9), 1_000.0, None, 0.0),
    EquitySession(date(2025, 6, 10), 1_100.0, 10.0, 0.0),
    EquitySession(date(2025, 6, 11), 1_490.0, -10.0, 500.0),
]


def test_return_and_drawdown_are_without_flows() -> None:
    assert whole_return(SESSIONS) == pytest.approx(-1.0)
    assert drawdowns(SESSIONS) == pytest.approx([0, 0, -10])


def test_an_unknown_return_makes_the_whole_unknown() -> None:
    assert whole_return([*SESSIONS, EquitySession(date(2025, 6, 12), 1_500.0, None, 0.0)]) is None


def test_the_chart_marks_a_deposit_and_says_what_it_shows() -> None:
    chart = chart_of(GetChart(kind="equity"), "DU1", "USD", SESSIONS, simulated=True)

    assert [mark.label for mark in chart.figure.panels[0].marks if isinstance(mark, Upright)] == ["500 flow"]
    assert chart.text == (
        "DU1: net liquidation at 3 closes, 9 Jun 2025 to 11 Jun 2025. Last 1,490.00 USD; return -1.00 % without flows, "
        "deepest drawdown 10.00 %. Last close: 2025-06-11. Simulated data."
    )


@pytest.mark.parametrize(
    ("row", "flow"),
    [
        ({"flow": 5.0, "unexplained": 9.0, "suspected": True}, 5.0),
        ({"flow": None, "unexplained": 9.0, "suspected": True}, 9.0),
        ({"flow": None, "unexplained": 0.2, "suspected": False}, 0.0),
    ],
)
def test_a_flow_is_told_by_a_statement_or_suspected(row: dict[str, object], flow: float) -> None:
    session = session_of(row | {"date": "2025-06-11", "netLiquidation": 1.0, "returnPercent": 0.0})

    assert session is not None
    assert session.flow == flow
