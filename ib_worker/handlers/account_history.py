"""The handler of an account's past."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple, TypeVar

from bridge.bus.history.records import AccountSnapshot
from bridge.bus.history.store import (
    EXECUTIONS,
    SNAPSHOTS,
    Flows,
    Record,
    Trades,
    names_on,
    read_flows,
    read_records,
    snapshots_of,
    trades_of,
)
from bridge.bus.transport.connection import BusError, bus_down
from bridge.text.contract_name import bare_name
from bridge.text.end_of_history import dated
from bridge.tool import ToolError
from bridge.tools.account_history import AccountHistoryTable, GetAccountHistory
from ib_worker.account_history.closes import NEW_YORK
from ib_worker.account_history.curve import EquityRow, sessions
from ib_worker.account_history.dealings import dealings, newest_executions
from ib_worker.account_history.tables import (
    Row,
    Trade,
    equity_totals,
    session_row,
    table,
    trade_row,
    trade_totals,
)
from ib_worker.handlers.dispatch import handles
from ib_worker.session.session import Session

# Rows without a limit: some 3,500 tokens of either.
DEFAULT_ROWS = {"equity": 90, "trades": 60}
KINDS = 3  # snapshots that one session may have
BEFORE = timedelta(days=14)  # the first session's return is against the one before it
NOT_YET = (
    "The worker records an account when it starts and at each session's close (16:00 New York), and executions as they "
    "come. The operator can import earlier days from a Flex statement: python -m cli import-flex FILE."
)


T = TypeVar("T")


class _Part(NamedTuple):
    """The rows that an answer has room for, and how many there are."""

    rows: list[Row]
    of: int


@handles(GetAccountHistory)
async def get_account_history(request: GetAccountHistory, session: Session) -> AccountHistoryTable:
    account, now = session.account(request.account), session.now()
    asked = {name: getattr(request, name) for name in ("startDate", "endDate")}
    days = {name: dated(day, NEW_YORK, now) for name, day in asked.items() if day is not None}
    request = request.model_copy(update=days)
    try:
        since = await _since(session, account)
        part = await (_trades if request.table == "trades" else _equity)(request, session, account)
    except BusError as error:
        raise bus_down(session.services.past.pipe.url, error) from error
    if since is None and not part.rows:
        raise ToolError("no_data", f"Nothing is recorded of {account} yet. {NOT_YET}")
    told = table(part.rows)
    cut = part.of > len(part.rows)
    return AccountHistoryTable(
        count=part.of,
        truncated=cut,
        simulated=session.simulated,
        time=session.now().replace(microsecond=0),
        account=account,
        since=since,
        same=told.same,
        columns=told.columns,
        rows=told.rows,
        message=_narrow(part) if cut else None,
    )


def _narrow(part: _Part) -> str:
    return (
        f"The newest {len(part.rows)} of {part.of} rows. Give an endDate for earlier ones, a limit, or format summary."
    )


async def _since(session: Session, account: str) -> date | None:
    past = session.services.past
    days = [name[1:11] for name in await names_on(past.pipe, past.keys, SNAPSHOTS) if name[11:] == f" {account}"]
    return date.fromisoformat(min(days)) if days else None


async def _equity(request: GetAccountHistory, session: Session, account: str) -> _Part:
    past = session.services.past
    start, last = _day(request.startDate), _day(request.endDate)
    first = start - BEFORE if start else None
    rows, _ = await read_records(past.pipe, past.keys, SNAPSHOTS, _utc(first), _utc(last, after=True))
    own = [each for each in rows if each.field[11:] == f" {account}"]
    dealt = await _executions(session, first or _oldest_told(own, request), last)
    flows = await read_flows(past.pipe, past.keys)
    curve = await session.long_work.run(own, lambda own: _curve(own, dealt, flows, account))
    within = [each for each in curve if request.startDate is None or each.date >= request.startDate]
    if request.format == "summary":
        return _whole(equity_totals(within))
    newest = _newest(within, request)
    return _Part([session_row(each) for each in newest], len(within))


def _oldest_told(own: Sequence[Record], request: GetAccountHistory) -> date | None:
    """Return a day from which on executions explain the rows that are told; None for all. `own` is newest first."""
    rows = (request.limit or DEFAULT_ROWS["equity"]) + 1
    if request.format == "summary" or len(own) <= rows * KINDS:
        return None
    return date.fromisoformat(own[rows * KINDS].field[1:11])


def _curve(own: Sequence[Record], executed: Sequence[Record], flows: Flows, account: str) -> list[EquityRow]:
    snapshots: list[AccountSnapshot] = snapshots_of(own)
    mine = dealings(_of(trades_of(executed), account))
    told = Flows(
        [each for each in flows.flows if each.account == account],
        [each for each in flows.covered if each.account == account],
    )
    return sessions(snapshots, mine, told)


async def _trades(request: GetAccountHistory, session: Session, account: str) -> _Part:
    executed = await _executions(session, _day(request.startDate), _day(request.endDate))
    trades = await session.long_work.run(executed, lambda rows: newest_executions(_of(trades_of(rows), account)))
    wanted = [each for each in trades if _is_of(request, each)]
    if request.format == "summary":
        totals = trade_totals(wanted)
        return _Part(totals[: request.limit or DEFAULT_ROWS["trades"]], len(totals))
    return _Part([trade_row(each) for each in _newest(wanted, request)], len(wanted))


async def _executions(session: Session, first: date | None, last: date | None) -> list[Record]:
    """Return the records of executions of these days, by New York's midnight."""
    past = session.services.past
    ends = _midnight(last + timedelta(days=1)) if last else float("inf")
    rows, _ = await read_records(past.pipe, past.keys, EXECUTIONS, _midnight(first) if first else float("-inf"), ends)
    return rows


def _of(trades: Trades, account: str) -> Trades:
    return Trades([each for each in trades.executions if each.account == account], trades.commissions)


def _is_of(request: GetAccountHistory, trade: Trade) -> bool:
    if request.symbol is None:
        return True
    return bare_name(request.symbol) in (bare_name(trade[0].symbol), bare_name(trade[0].name))


def _newest(rows: Sequence[T], request: GetAccountHistory) -> list[T]:
    return list(rows[-(request.limit or DEFAULT_ROWS[request.table]) :])


def _whole(rows: list[Row]) -> _Part:
    return _Part(rows, len(rows))


def _day(written: str | None) -> date | None:
    return date.fromisoformat(written) if written else None


def _midnight(day: date) -> float:
    return datetime.combine(day, time(), NEW_YORK).timestamp()


def _utc(day: date | None, *, after: bool = False) -> float:
    """Return the time of a session's snapshots, which is their date's beginning in UTC; endless without a day."""
    if day is None:
        return float("inf") if after else float("-inf")
    return datetime.combine(day, time(), UTC).timestamp()
