"""The chart of a contract's bars: candles, moving averages and volume."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from bridge.text.contract_name import contract_name
from bridge.tools.market.charts import GetChart
from bridge.tools.market.market_data import GetHistoricalData
from bridge.tools.types import ContractArguments
from mcp_front.charts.axes import Moment, amount, date_text, padded, price, signed, time_ticks, value_ticks
from mcp_front.charts.chart import Chart, badge, no_data, sentence
from mcp_front.charts.source import ChartSource
from mcp_front.drawing.figure import Candles, ChartFigure, Colour, Columns, Level, Line, Mark, Panel

MOST = 400  # bars: a day of minutes is 390, two pixels each
FIELDS = ["date", "open", "high", "low", "close", "volume"]
AVERAGES: tuple[Colour, ...] = ("main", "second", "third")
NARROW = "Give a shorter durationStr or a larger barSizeSetting for all of them."


@dataclass(frozen=True)
class ChartBar:
    at: Moment
    open: float
    high: float
    low: float
    close: float
    volume: float | None


async def candles(request: GetChart, source: ChartSource) -> Chart:
    """Read the bars and compose their chart. Raises ToolError no_data where there are none."""
    read = await source.read("get_historical_data", history_of(request))
    bars = [bar for each in read.value["rows"] if (bar := bar_of(dict(zip(read.value["columns"], each, strict=True))))]
    if len(bars) < 2:
        raise no_data(f"TWS has {len(bars)} bars of {contract_name(request)} in {request.durationStr}; two are needed.")
    left_out = f"The newest {len(bars)} of {read.of} bars. {NARROW}" if read.of else ""
    return chart_of(request, bars, read.simulated, left_out, await source.now())


def history_of(request: GetChart) -> GetHistoricalData:
    """Return the request for the bars. Forex has no trades, and therefore midpoints."""
    contract = {
        name: getattr(request, name) for name in request.model_fields_set & ContractArguments.model_fields.keys()
    }
    what = {"whatToShow": "MIDPOINT"} if request.secType == "CASH" else {}
    return GetHistoricalData(
        **contract,
        **what,
        durationStr=request.durationStr,
        barSizeSetting=request.barSizeSetting,
        format="table",
        limit=MOST,
        fields=FIELDS,
    )


def bar_of(row: dict[str, object]) -> ChartBar | None:
    """Return a bar; None where TWS has sent no price for it."""
    prices = [row.get(name) for name in ("open", "high", "low", "close")]
    if not all(isinstance(each, int | float) for each in prices):
        return None
    opened, high, low, close = (float(each) for each in prices)  # type: ignore[arg-type]  # checked above
    volume = row.get("volume")
    return ChartBar(moment(str(row["date"])), opened, high, low, close, float(volume) if volume is not None else None)  # type: ignore[arg-type]  # a number or null


def moment(written: str) -> Moment:
    return date.fromisoformat(written) if len(written) == 10 else datetime.fromisoformat(written)


def chart_of(
    request: GetChart, bars: Sequence[ChartBar], simulated: bool, left_out: str = "", now: datetime | None = None
) -> Chart:
    """Compose the chart of two bars or more. Pure."""
    name, first, last = contract_name(request), bars[0], bars[-1]
    change = (last.close / first.open - 1) * 100 if first.open else 0.0
    period = f"{span(first.at, last.at)}"
    figure = ChartFigure(
        title=f"{name}  {price(last.close)}",
        subtitle=f"{request.barSizeSetting} bars · {period} · {signed(change)} %"
        f" · high {price(max(each.high for each in bars))} · low {price(min(each.low for each in bars))}",
        badge=badge(simulated),
        low=-1,
        high=len(bars),
        ticks=time_ticks([each.at for each in bars]),
        panels=panels(bars, request.movingAverages),
        theme=request.theme,
        note=" · ".join(filter(None, (age(last.at, now), left_out))),
    )
    text = sentence(
        f"{name}: {len(bars)} candles of {request.barSizeSetting}, {period}. Last {price(last.close)}, "
        f"{signed(change)} % since the first open. {age(last.at, now)}.",
        left_out,
        simulated=simulated,
    )
    return Chart(figure, text)


def span(first: Moment, last: Moment) -> str:
    if isinstance(first, datetime) and isinstance(last, datetime):
        if first.date() == last.date():
            return f"{date_text(last)} {first:%H:%M} to {last:%H:%M}"
        return f"{date_text(first)} {first:%H:%M} to {date_text(last)} {last:%H:%M}"
    return f"{date_text(first)} to {date_text(last)}"


def age(last: Moment, now: datetime | None) -> str:
    """Return a sentence on the age of the last bar."""
    if now is None:
        return f"Last bar: {last.isoformat()}"
    if isinstance(last, datetime):
        minutes = max(int((now - last).total_seconds() // 60), 0)
        old = (
            f"{minutes} min" if minutes < 120 else f"{minutes // 60} h" if minutes < 2880 else f"{minutes // 1440} days"
        )
        return f"Last bar began {old} before {now:%Y-%m-%d %H:%M} UTC"
    return f"Last bar: {last.isoformat()}, drawn at {now:%Y-%m-%d %H:%M} UTC"


def panels(bars: Sequence[ChartBar], lengths: Sequence[int]) -> list[Panel]:
    volumes = [each.volume or 0.0 for each in bars]
    found = [price_panel(bars, lengths)]
    if any(volumes):
        top = max(volumes) * 1.12
        rising = [each.close >= each.open for each in bars]
        ticks = [tick for tick in value_ticks(0, top, 2, amount) if tick[0] > 0]
        legend: list[tuple[str, Colour]] = [(f"Volume {amount(volumes[-1])}", "quiet")]
        found.append(Panel(0.24, 0, top, ticks, [Columns(volumes, rising)], legend))
    return found


def price_panel(bars: Sequence[ChartBar], lengths: Sequence[int]) -> Panel:
    """Compose the panel of prices. A moving average is of closes, and begins where it has all its bars."""
    low, high = padded(min(each.low for each in bars), max(each.high for each in bars))
    last, marks = bars[-1], list[Mark]()
    marks.append(Candles([(each.open, each.high, each.low, each.close) for each in bars]))
    legend = list[tuple[str, Colour]]()
    for length, colour in zip(lengths, AVERAGES, strict=False):
        points = average([each.close for each in bars], length)
        if len(points) > 1:
            marks.append(Line([point for point in points if low <= point[1] <= high], colour))
            legend.append((f"MA {length}  {price(points[-1][1])}", colour))
    marks.append(Level(last.close, price(last.close), "up" if last.close >= last.open else "down"))
    return Panel(0.76, low, high, value_ticks(low, high, 6), marks, legend)


def average(values: Sequence[float], length: int) -> list[tuple[float, float]]:
    """Return the simple moving average, each with the place of its last value."""
    total, points = sum(values[:length]), list[tuple[float, float]]()
    if len(values) < length:
        return points
    points.append((length - 1, total / length))
    for at in range(length, len(values)):
        total += values[at] - values[at - length]
        points.append((at, total / length))
    return points
