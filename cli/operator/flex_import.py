"""Imports a statement into the account's past: what is new is added, and what disagrees with the record is told."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from bridge.bus.history.records import AccountSnapshot, CashFlow, CoveredDays, TradeExecution
from bridge.bus.history.store import (
    EXECUTIONS,
    FLOWS,
    OPERATOR,
    SNAPSHOTS,
    Trades,
    commission_record,
    covered_record,
    execution_record,
    flow_record,
    put,
    read_flows,
    read_records,
    seconds,
    snapshot_record,
    snapshots_of,
    trades_of,
)
from bridge.bus.keys import Keys
from bridge.bus.transport.pipeline import CommandPipeline
from bridge.text.execution_id import trade_of
from cli.operator.flex_statement import FlexAccount

CENT = 0.005
SHARE = 0.0005  # of the net liquidation: the record is of five minutes after the close, a statement of the day's end
SAME = 1e-6


@dataclass(frozen=True)
class Imported:
    """The counts of what was added of one account, and what disagrees with the record, which stays as it is."""

    account: str
    sessions: int
    executions: int
    flows: int
    disagreements: list[str]


async def import_account(pipe: CommandPipeline, keys: Keys, statement: FlexAccount) -> Imported:
    """Add an account's records. A second import of the same adds nothing. Raises BusError: then a part may have been
    added, and a second import adds the rest."""
    snapshots = snapshots_of((await read_records(pipe, keys, SNAPSHOTS))[0])
    trades = trades_of((await read_records(pipe, keys, EXECUTIONS))[0])
    ours = Trades([each for each in trades.executions if each.account == statement.account], trades.commissions)
    known = (await read_flows(pipe, keys)).flows
    disagreements = [
        *_sessions(snapshots, statement),
        *_executions(ours, statement),
        *_flows({each.id: each for each in known}, statement),
    ]
    sessions = await put(pipe, keys, OPERATOR, SNAPSHOTS, [snapshot_record(each) for each in statement.snapshots])
    executions = await _put_executions(pipe, keys, statement, trades)
    flows = [flow_record(each) for each in statement.flows]
    added = await put(pipe, keys, OPERATOR, FLOWS, flows)
    await put(pipe, keys, OPERATOR, FLOWS, [covered_record(each) for each in statement.covered])
    return Imported(statement.account, sessions.added, executions, added.added, disagreements)


async def _put_executions(pipe: CommandPipeline, keys: Keys, statement: FlexAccount, ours: Trades) -> int:
    """Add the executions that the record lacks. A trade that it has in another version stays as it is."""
    known = {trade_of(each.execId) for each in ours.executions if not each.flex}
    new = [each for each in statement.executions if trade_of(each.execId) not in known]
    added = await put(pipe, keys, OPERATOR, EXECUTIONS, [execution_record(each) for each in new])
    times = {each.execId: seconds(each.time) for each in statement.executions}
    paid = [each for each in statement.commissions if each.execId not in ours.commissions]
    await put(pipe, keys, OPERATOR, EXECUTIONS, [commission_record(each, times[each.execId]) for each in paid])
    return added.added


def _sessions(ours: Sequence[AccountSnapshot], statement: FlexAccount) -> Iterator[str]:
    """Yield the sessions whose net liquidation is another one in the statement."""
    known: dict[str, AccountSnapshot] = {}
    for kind in ("flex", "close"):  # of a day that has both, the record's own close is compared
        known |= {each.date: each for each in ours if each.account == statement.account and each.kind == kind}
    for each in statement.snapshots:
        own = known.get(each.date)
        if own is None:
            continue
        if own.base != each.base:
            yield f"{each.date}: the base currency is {own.base} on record, and {each.base} in the statement"
        elif abs(own.netLiquidation - each.netLiquidation) > max(1.0, abs(own.netLiquidation) * SHARE):
            yield (
                f"{each.date}: net liquidation {own.netLiquidation:,.2f} on record, {each.netLiquidation:,.2f} in the "
                "statement"
            )


def _executions(ours: Trades, statement: FlexAccount) -> Iterator[str]:
    """Yield the executions that are others in the statement, or that it lacks though it covers their day."""
    told = {trade_of(each.execId): each for each in statement.executions}
    costs = {each.execId: each.commission for each in statement.commissions}
    for each in _latest(ours.executions):
        theirs = told.get(trade_of(each.execId))
        if theirs is None:
            if not each.flex and _covers(statement.traded, each.time) and each.secType != "BAG":
                yield f"{_named(each)}: on record, and not in the statement"
            continue
        apart = abs(each.shares - theirs.shares), abs(each.price - theirs.price)
        if each.side != theirs.side or max(apart) > SAME:
            yield f"{_named(each)}: {_terms(each)} on record, {_terms(theirs)} in the statement"
        own, cost = ours.commissions.get(each.execId), costs.get(theirs.execId)
        if own is not None and cost is not None and abs(own.commission - cost) > CENT:
            yield f"{_named(each)}: commission {own.commission:g} on record, {cost:g} in the statement"


def _flows(known: Mapping[str, CashFlow], statement: FlexAccount) -> Iterator[str]:
    """Yield the deposits and withdrawals that are others in the statement."""
    for each in statement.flows:
        own = known.get(each.id)
        if own is not None and (own.currency != each.currency or abs(own.amount - each.amount) > CENT):
            yield (
                f"{own.date} {own.text or 'flow'} {own.id}: {own.amount:,.2f} {own.currency} on record, "
                f"{each.amount:,.2f} {each.currency} in the statement"
            )


def _latest(executions: Iterable[TradeExecution]) -> list[TradeExecution]:
    found: dict[str, TradeExecution] = {}
    for each in sorted(executions, key=lambda each: each.execId):
        found[trade_of(each.execId)] = each
    return sorted(found.values(), key=lambda each: each.time)


def _covers(days: Iterable[CoveredDays], time: str) -> bool:
    """Tell whether the days have the time's date, less the first and the last: a day's end depends on the zone."""
    return any(each.first < time[:10] < each.last for each in days)


def _named(execution: TradeExecution) -> str:
    return f"{execution.time[:10]} {execution.name} {execution.execId}"


def _terms(execution: TradeExecution) -> str:
    return f"{execution.side} {execution.shares:g} at {execution.price:g}"
