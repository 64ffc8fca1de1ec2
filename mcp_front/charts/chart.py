"""A chart that may be drawn: its figure, and the line that says what it shows."""

from dataclasses import dataclass

from bridge.tool import ToolError
from mcp_front.drawing.figure import ChartFigure

SIMULATED = "SIMULATED"


@dataclass(frozen=True)
class Chart:
    figure: ChartFigure
    text: str


def badge(simulated: bool) -> str:
    return SIMULATED if simulated else ""


def sentence(*parts: str, simulated: bool) -> str:
    """Return the line about a chart, which says too that a simulator made its figures."""
    return " ".join((*filter(None, parts), "Simulated data." if simulated else "")).strip()


def no_data(message: str) -> ToolError:
    return ToolError("no_data", message)
