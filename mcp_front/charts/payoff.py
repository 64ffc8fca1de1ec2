"""The chart of an option position's profit at its expiry and today."""

from datetime import date, datetime

from bridge.text.contract_name import expiry_text
from bridge.tools.market.charts import GetChart
from mcp_front.charts.axes import amount, date_text, padded, price, signed, value_ticks
from mcp_front.charts.chart import Chart, badge, sentence
from mcp_front.charts.legs import QuotedLegs, quoted_legs
from mcp_front.charts.profit import Extremes, PayoffPosition
from mcp_front.charts.source import ChartSource
from mcp_front.drawing.figure import Area, ChartFigure, Colour, Dot, Level, Line, Mark, Panel, Upright

LEGS_SHOWN = 4  # by name
ROOM = 0.14  # above and below the curves, for words
LEAST = 0.01  # of a profit that is none


async def payoff(request: GetChart, source: ChartSource) -> Chart:
    """Read the legs and their quotes, and compose their chart. Raises ToolError as the reads do."""
    return chart_of(request, await quoted_legs(request, source), await source.now())


def chart_of(request: GetChart, quoted: QuotedLegs, now: datetime | None = None) -> Chart:
    """Compose the chart of legs that have their prices. Pure."""
    position = PayoffPosition(quoted.legs)
    low, high = position.range_of(quoted.under)
    prices = position.prices(low, high)
    even, bounds = position.break_evens(prices), position.extremes(prices)
    terms = _terms(position)
    outcome = _outcome(bounds, even, position, quoted.currency)
    current = _now(quoted)
    figure = ChartFigure(
        title=f"{quoted.symbol}  {terms}",
        subtitle=outcome,
        badge=badge(quoted.simulated),
        low=low,
        high=high,
        ticks=[tick for tick in value_ticks(low, high, 10) if low <= tick[0] <= high],
        panels=[_panel(position, quoted, prices, even)],
        theme=request.theme,
        note=" · ".join(filter(None, (current, _basis(position, now)))),
    )
    return Chart(
        figure,
        sentence(
            f"{quoted.symbol} payoff of {terms}. {outcome}. {current}. {_basis(position, now)}.",
            simulated=quoted.simulated,
        ),
    )


def _terms(position: PayoffPosition) -> str:
    """Return the legs as people say them; a common expiry is said once."""
    day = expiry_text(position.options[0].expiry) if position.has_one_expiry else ""
    names = [" ".join(each.name.replace(f" {day}", "").split()) if day else each.name for each in position.legs]
    more = len(names) - LEGS_SHOWN
    told = ", ".join(names[:LEGS_SHOWN]) + (f" and {more} more" if more > 0 else "")
    return f"{day}: {told}" if day else told


def _outcome(bounds: Extremes, even: list[float], position: PayoffPosition, currency: str) -> str:
    def told(value: float | None) -> str:
        return "unlimited" if value is None else f"{signed(value, 0)} {currency}".rstrip()

    at = " and ".join(price(each) for each in even) or "none"
    where = "" if position.has_one_expiry else " (in the range shown)"
    return f"Max profit {told(bounds.profit)} · max loss {told(bounds.loss)} · break-even {at}{where}"


def _now(quoted: QuotedLegs) -> str:
    marks = [each.mark for each in quoted.legs]
    worth = [
        each.position * each.multiplier * (each.mark - each.price) for each in quoted.legs if each.mark is not None
    ]
    told = f", profit now {signed(sum(worth), 0)} {quoted.currency}".rstrip() if None not in marks else ""
    return f"{quoted.symbol} {price(quoted.under)}{told}"


def _basis(position: PayoffPosition, now: datetime | None) -> str:
    days = [date.fromisoformat(f"{each[:4]}-{each[4:6]}-{each[6:8]}") for each in {x.expiry for x in position.options}]
    first = min(days)
    expiry = f"expiry {date_text(first)} ({position.first_days} days)"
    model = "today: Black-Scholes, TWS's volatilities" if position.has_volatilities else "today: no volatilities"
    return " · ".join(filter(None, (expiry, model, f"{now:%Y-%m-%d %H:%M} UTC" if now else "")))


def _panel(position: PayoffPosition, quoted: QuotedLegs, prices: list[float], even: list[float]) -> Panel:
    expiry = [(each, position.at_expiry(each)) for each in prices]
    today = [(each, position.today(each)) for each in prices] if position.has_volatilities else []
    values = [y for _, y in (*expiry, *today)] + [0.0]
    low, high = padded(min(values), max(values), ROOM)
    marks: list[Mark] = [Area(expiry, 0.0, "up", "down"), Level(0.0, "", "quiet")]
    legend: list[tuple[str, Colour]] = [("At expiry", "third")]
    marks.append(Upright(quoted.under, f"{quoted.symbol} {price(quoted.under)}", "quiet"))
    if today:
        marks.append(Line(today, "main", 2.0, dashed=True))
        legend.append(("Today", "main"))
        marks.append(Dot((quoted.under, position.today(quoted.under)), "", "main"))
    marks.append(Line(expiry, "third", 3.0))
    marks += [Dot((each, 0.0), price(each), "third") for each in even]
    return Panel(1, low, high, value_ticks(low, high, 6, _profit), marks, legend)


def _profit(value: float, decimals: int) -> str:
    return "0" if abs(value) < LEAST else ("+" if value > 0 else "") + amount(value, decimals if abs(value) < 10 else 0)
