"""The handler of performance: daily closes of many contracts at once, and the figures worked out of them."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, date, timedelta

import ib_async

from bridge.text.contract_name import contract_name
from bridge.tool import ToolError
from bridge.tools.market.performance import GetPerformance, MeasuredContract, MeasureFailure, PerformanceTable
from bridge.tools.types import Cell
from ib_worker.handlers.dispatch import handles
from ib_worker.history import requests
from ib_worker.history.performance import Closes, Period, columns_apart, figures, young
from ib_worker.market_data.contracts import one_of_symbol, routed
from ib_worker.market_data.history_kinds import closes_kind
from ib_worker.session.session import Session
from ib_worker.tws.errors import result_or_error
from ib_worker.tws.values.time_zones import zone

MOST_YEARS = 10  # from now back to the period's start: twenty such series have 50,000 bars
COLUMNS = (
    "name", "conId", "currency", "whatToShow", "from", "to", "days", "returnPercent", "volatilityPercent",
    "maxDrawdownPercent", "beta", "correlation",
)  # fmt: skip


@dataclass(frozen=True)
class _Measured:
    """A contract and its closes of the period."""

    contract: ib_async.Contract
    whatToShow: str
    closes: Closes


@handles(GetPerformance)
async def get_performance(request: GetPerformance, session: Session) -> PerformanceTable:
    period, today = _period(request, session), session.now().date()
    until = requests.deadline()
    asked = [*enumerate(request.contracts), (None, request.benchmark)]
    outcomes = await asyncio.gather(
        *(_entry(session, *each, period, today, until) for each in asked), return_exceptions=True
    )
    for each in outcomes:
        if isinstance(each, BaseException):  # of the session, not of one contract
            raise each
    session.require_ready()  # a session that broke since then has no prices to tell
    *measured, benchmark = (each for each in outcomes if not isinstance(each, BaseException))
    rows, notes = _rows(measured, benchmark, period)
    apart = columns_apart(rows, COLUMNS)
    return PerformanceTable(
        count=len(rows), truncated=False, simulated=session.simulated, time=session.now().replace(microsecond=0),
        benchmark=contract_name(benchmark.contract) if isinstance(benchmark, _Measured) else benchmark.contract,
        same={name: rows[0][name] for name in COLUMNS if name not in apart}, columns=apart,
        rows=[[row[name] for name in apart] for row in rows],
        failed=[each for each in (*measured, benchmark) if isinstance(each, MeasureFailure)], notes=notes,
    )  # fmt: skip


def _period(request: GetPerformance, session: Session) -> Period:
    """Return the wanted period. Raises ToolError invalid_arguments for one in the future, or too long ago."""
    today = session.now().date()
    end = request.endDate or today + timedelta(days=1)  # in Tokyo it is tomorrow
    if request.endDate is not None and request.endDate > today:
        raise ToolError(
            "invalid_arguments", f"endDate: {end} is after today, {today}. Leave it out.", fields=["endDate"]
        )
    period = Period.of(request.period, min(end, today))
    if (today - period.start).days > MOST_YEARS * 366:
        raise ToolError(
            "invalid_arguments",
            f"period: it starts on {period.start}; the limit is {MOST_YEARS} years before today. For longer series use "
            "ibkr_get_historical_data. Nothing was requested from TWS.",
            fields=["period"],
        )
    return Period(period.start, end)


async def _entry(
    session: Session, entry: int | None, asked: MeasuredContract, period: Period, today: date, until: float
) -> _Measured | MeasureFailure:
    """Return the contract's closes, or why it has none. Raises what concerns the whole call."""
    outcome = await result_or_error(_measured(session, asked, period, today, until))
    if not isinstance(outcome, ToolError):
        return outcome
    return MeasureFailure(
        entry=entry, contract=contract_name(asked), code=outcome.code, message=outcome.message,
        twsCode=outcome.details.get("twsCode"),
    )  # fmt: skip


async def _measured(session: Session, asked: MeasuredContract, period: Period, today: date, until: float) -> _Measured:
    """Return the closes of a period. ADJUSTED_LAST always ends now, so every series is cut from one that does."""
    found = await one_of_symbol(session.contracts, asked, session.now())
    contract = routed(found, asked)
    whatToShow = closes_kind(contract.secType)
    series = requests.BarSeries(period.duration(today), "1 day", whatToShow)
    bars = await requests.bars(session, contract, series, zone(found.timeZoneId) or UTC, until)
    closes = period.cut(bars)
    if not closes:
        raise ToolError("no_data", f"TWS has no daily closes of {contract_name(contract)} in the period.")
    return _Measured(contract, whatToShow, closes)


def _rows(
    measured: list[_Measured | MeasureFailure], benchmark: _Measured | MeasureFailure, period: Period
) -> tuple[list[dict[str, Cell]], list[str]]:
    """Return a row for each contract that has closes, and the reasons of what is null."""
    rows, notes = [], []
    other = benchmark.closes if isinstance(benchmark, _Measured) else None
    if isinstance(benchmark, MeasureFailure):
        notes.append(f"beta and correlation: the benchmark {benchmark.contract} has no closes ({benchmark.code})")
    for each in measured:
        if isinstance(each, _Measured):
            row, said = _row(each, other, period)
            rows.append(row)
            notes += said
    return rows, notes


def _row(each: _Measured, benchmark: Closes | None, period: Period) -> tuple[dict[str, Cell], list[str]]:
    name = contract_name(each.contract)
    found = figures(each.closes, benchmark, each.contract.secType)
    row: dict[str, Cell] = {
        "name": name,
        "conId": each.contract.conId,
        "currency": each.contract.currency or None,
        "whatToShow": each.whatToShow,
        "from": each.closes[0][0].isoformat(),
        "to": each.closes[-1][0].isoformat(),
        "days": len(each.closes) - 1,
        "returnPercent": found.total,
        "volatilityPercent": found.volatility,
        "maxDrawdownPercent": found.drawdown,
        "beta": found.beta,
        "correlation": found.correlation,
    }
    return row, [f"{name}: {note}" for note in (*found.notes, young(each.closes, period)) if note]
