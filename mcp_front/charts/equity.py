"""The chart of an account's past: net liquidation at each close, and how far it is below its peak."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from bridge.tools.account_history import MOST_ROWS, GetAccountHistory
from bridge.tools.market.charts import GetChart
from mcp_front.charts.axes import amount, date_text, grouped, padded, signed, time_ticks, value_ticks
from mcp_front.charts.chart import Chart, badge, no_data, sentence
from mcp_front.charts.source import ChartSource
from mcp_front.drawing.figure import Area, ChartFigure, Level, Line, Mark, Panel, Upright

FLOWS_SHOWN = 6  # deposits and withdrawals that have a word on the chart: the largest


@dataclass(frozen=True)
class EquitySession:
    """One session of the account. `percent`: its return without flows, None where it is not told. `flow`: money that
    came or went, as told by a statement or suspected."""

    day: date
    net: float
    percent: float | None
    flow: float


async def equity(request: GetChart, source: ChartSource) -> Chart:
    """Read the sessions and compose their chart. Raises ToolError no_data where there are less than two."""
    asked = GetAccountHistory(account=request.account, startDate=request.startDate, limit=MOST_ROWS)
    read = await source.read("get_account_history", asked)
    rows, account = read.table_rows(), str(read.value["account"])
    sessions = [session for each in rows if (session := session_of(each))]
    if len(sessions) < 2:
        raise no_data(
            f"{account} has {len(sessions)} recorded session{'s' * (len(sessions) != 1)}, and a curve needs two. The "
            "worker records one at each close (16:00 New York); the operator can import earlier ones from a Flex "
            "statement: python -m cli import-flex FILE."
        )
    left_out = f"The newest {len(rows)} of {read.value['count']} sessions." if read.value["truncated"] else ""
    currency = str(rows[-1].get("currency") or "")
    return chart_of(request, account, currency, sessions, simulated=read.simulated, left_out=left_out)


def session_of(row: dict[str, object]) -> EquitySession | None:
    net, flow = row.get("netLiquidation"), row.get("flow")
    if not isinstance(net, int | float):
        return None
    moved = flow if isinstance(flow, int | float) else row.get("unexplained") if row.get("suspected") else 0.0
    percent = row.get("returnPercent")
    return EquitySession(
        date.fromisoformat(str(row["date"])),
        float(net),
        float(percent) if isinstance(percent, int | float) else None,
        float(moved) if isinstance(moved, int | float) else 0.0,
    )


def chart_of(
    request: GetChart,
    account: str,
    currency: str,
    sessions: Sequence[EquitySession],
    *,
    simulated: bool,
    left_out: str = "",
) -> Chart:
    """Compose the chart of two sessions or more. Pure."""
    first, last = sessions[0], sessions[-1]
    falls, total = drawdowns(sessions), whole_return(sessions)
    told = f"return {signed(total)} % without flows" if total is not None else "return not known"
    deepest = f"deepest drawdown {-min(falls):.2f} %"
    period = f"{date_text(first.day)} to {date_text(last.day)}"
    figure = ChartFigure(
        title=f"{account}  {grouped(last.net, 0)} {currency}".rstrip(),
        subtitle=f"Net liquidation at {len(sessions)} closes · {period} · {told} · {deepest}",
        badge=badge(simulated),
        low=-0.5,
        high=len(sessions) - 0.5,
        ticks=time_ticks([each.day for each in sessions]),
        panels=[net_panel(sessions), fall_panel(falls)],
        theme=request.theme,
        note=" · ".join(filter(None, (f"Last close: {last.day.isoformat()}", left_out))),
    )
    text = sentence(
        f"{account}: net liquidation at {len(sessions)} closes, {period}. Last {grouped(last.net)} {currency}; {told}, "
        f"{deepest}. Last close: {last.day.isoformat()}.",
        left_out,
        simulated=simulated,
    )
    return Chart(figure, text)


def net_panel(sessions: Sequence[EquitySession]) -> Panel:
    points = [(float(at), each.net) for at, each in enumerate(sessions)]
    low, high = padded(min(y for _, y in points), max(y for _, y in points), 0.1)
    rising = points[-1][1] >= points[0][1]
    colour, marks = ("up" if rising else "down"), list[Mark]()
    marks.append(Area(points, low, "main", "main"))
    marks.append(Line(points, "main", 2.5))
    flows = sorted((at for at, each in enumerate(sessions) if at and each.flow), key=lambda at: -abs(sessions[at].flow))
    for at in flows[:FLOWS_SHOWN]:
        marks.append(Upright(at, f"{amount(sessions[at].flow)} flow", "second"))
    marks.append(Level(points[0][1], "", "quiet"))
    marks.append(Level(points[-1][1], amount(points[-1][1]), "up" if colour == "up" else "down"))
    return Panel(0.72, low, high, value_ticks(low, high, 6, _thousands), marks)


def _thousands(value: float, _decimals: int) -> str:
    return amount(value)


def fall_panel(falls: Sequence[float]) -> Panel:
    low = min(min(falls) * 1.15, -0.5)
    points = [(float(at), each) for at, each in enumerate(falls)]
    marks: list[Mark] = [Area(points, 0, "down", "down"), Line(points, "down", 1.5)]
    ticks = value_ticks(low, 0, 2, lambda value, decimals: f"{value:.{decimals}f} %")
    return Panel(0.28, low, 0, ticks, marks, [("Drawdown", "quiet")])


def drawdowns(sessions: Sequence[EquitySession]) -> list[float]:
    """Return how far each session's close is below the peak, in percent, without flows; a return that is not known
    counts as none."""
    value = peak = 1.0
    falls = []
    for at, each in enumerate(sessions):
        value *= 1 + (each.percent or 0.0) / 100 if at else 1
        peak = max(peak, value)
        falls.append((value / peak - 1) * 100)
    return falls


def whole_return(sessions: Sequence[EquitySession]) -> float | None:
    """Return the return over all sessions but the first, in percent; None where one of them is not known."""
    value = 1.0
    for each in sessions[1:]:
        if each.percent is None:
            return None
        value *= 1 + each.percent / 100
    return (value - 1) * 100
