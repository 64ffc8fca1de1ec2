"""The tool ibkr_get_chart: this front reads the figures, composes the chart, and has it drawn."""

from collections.abc import Awaitable, Callable

from fastmcp.tools import ToolResult

from bridge.bus.client.client import BusClient
from bridge.tool import Picture
from bridge.tools.market.charts import ChartKind, GetChart
from mcp_front.charts.candles import candles
from mcp_front.charts.chart import Chart
from mcp_front.charts.drawing_process import ChartDrawing
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


class ChartTool:
    def __init__(self, bus: BusClient, drawing: ChartDrawing | None = None) -> None:
        self._bus = bus
        self._drawing = drawing or ChartDrawing()

    async def chart(self, call: Call) -> ToolResult:
        request = call.request
        assert isinstance(request, GetChart)
        chart = await KINDS[request.kind](request, ChartSource(self._bus, call))
        return picture_result(Picture(text=chart.text, png=await self._drawing.png(chart.figure)))
