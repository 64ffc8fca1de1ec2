"""The chart of a position's profit at expiry and today."""

from datetime import UTC, datetime

from bridge.tools.market.charts import GetChart
from mcp_front.charts.legs import QuotedLegs
from mcp_front.charts.payoff import chart_of
from mcp_front.charts.profit import PricedLeg
from mcp_front.drawing.figure import Dot, Line

NOW = datetime(2025, 6, 18, 14, 30, tzinfo=UTC)
SPREAD = GetChart(kind="payoff", legs=["-1 SPY 18JUL25 400 P", "1 SPY 18JUL25 390 P"])


def quoted(volatility: float | None) -> QuotedLegs:
    short = PricedLeg("-1 18JUL25 400 P", -1, 5, 100, "P", 400, "20250718", 30, volatility, 4)
    long = PricedLeg("+1 18JUL25 390 P", 1, 2, 100, "P", 390, "20250718", 30, volatility, 1.5)
    return QuotedLegs("SPY", [short, long], 405.0, "USD", simulated=True)


def test_the_line_says_legs_bounds_break_even_price_and_age() -> None:
    assert chart_of(SPREAD, quoted(0.2), NOW).text == (
        "SPY payoff of 18JUL25: -1 400 P, +1 390 P. Max profit +300 USD · max loss -700 USD · break-even 397.00. "
        "SPY 405.00, profit now +50 USD. expiry 18 Jul 2025 (30 days) · today: Black-Scholes, TWS's volatilities · "
        "2025-06-18 14:30 UTC. Simulated data."
    )


def test_the_panel_has_both_curves_and_the_break_even() -> None:
    marks = chart_of(SPREAD, quoted(0.2)).figure.panels[0].marks

    assert [mark.dashed for mark in marks if isinstance(mark, Line)] == [True, False]
    assert [mark.label for mark in marks if isinstance(mark, Dot)] == ["", "397.00"]


def test_without_volatilities_there_is_the_curve_at_expiry_alone() -> None:
    chart = chart_of(SPREAD, quoted(None))

    assert sum(isinstance(mark, Line) for mark in chart.figure.panels[0].marks) == 1
    assert "no volatilities" in chart.text
