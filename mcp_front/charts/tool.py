"""The tool ibkr_get_chart: this front reads the figures, composes the chart, and has it drawn."""

from collections.abc import Awaitable, Callable

import structlog
from fastmcp.tools import ToolResult

from bridge.bus.client.client import BusClient
from bridge.tool import Picture
from bridge.tools.market.charts import ChartKind, GetChart
from mcp_front.charts.candles import candles
from mcp_front.charts.chart import Chart, no_data
from mcp_front.charts.drawing_process import FIGURES, ChartDrawing
from mcp_front.charts.equity import equity
from mcp_front.charts.payoff import payoff
from mcp_front.charts.source import ChartSource
from mcp_front.protocol.results import picture_result
from mcp_front.tools.pipeline import Call

KINDS: dict[ChartKind, Callable[[GetChart, ChartSource], Awaitable[Chart]]] = {
    "candles": candles,
    "equity": equity,
    "payoff": payoff,
}

log = structlog.get_logger(__name__)


class ChartTool:
    def __init__(self, bus: BusClient, drawing: ChartDrawing | None = None) -> None:
        self._bus = bus
        self._drawing = drawing or ChartDrawing()

    async def chart(self, call: Call) -> ToolResult:
        request = call.request
        assert isinstance(request, GetChart)
        try:
            chart = await KINDS[request.kind](request, ChartSource(self._bus, call))
        except (ArithmeticError, ValueError) as error:  # figures at the ends of what a float can hold, or out of order
            log.warning("drawing_failed", error=repr(error))
            raise no_data(f"These figures are too large, too small or too odd for a chart. {FIGURES}") from None
        return picture_result(Picture(text=chart.text, png=await self._drawing.png(chart.figure)))
