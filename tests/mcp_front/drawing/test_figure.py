"""A figure crosses to the drawing process as JSON."""

import msgspec

from mcp_front.drawing.figure import ChartFigure, Dot, Level, Panel

FIGURE = ChartFigure(
    "SPY", "", "", 0, 1, [(0.5, "Jun")], [Panel(1, 0, 1, [], [Dot((0, 1), "", "up"), Level(1, "1", "up")])]
)


def test_a_figure_is_the_same_after_its_way_as_json() -> None:
    assert msgspec.json.decode(msgspec.json.encode(FIGURE), type=ChartFigure) == FIGURE
