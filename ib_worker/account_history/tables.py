"""The tables of an account's past: sessions, trades, and their totals. Pure."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from math import prod
from typing import NamedTuple

from bridge.bus.history.records import TradeCommission, TradeExecution
from bridge.text.execution_id import version_of
from bridge.text.numbers import shortest
from bridge.tools.types import Cell
from ib_worker.account_history.curve import EquityRow

Row = dict[str, Cell]
Trade = tuple[TradeExecution, TradeCommission | None]

# Told once where they are the same in all rows.
OFTEN_EQUAL = (
    "flow", "suspected", "kind", "currency", "commissionCurrency", "clientId", "corrected", "side",
)  # fmt: skip


class Table(NamedTuple):
    """The columns and rows of an answer, and what is equal in all rows."""

    same: Row
    columns: list[str]
    rows: list[list[Cell]]


def table(rows: Sequence[Row]) -> Table:
    if not rows:
        return Table({}, [], [])
    same = {name: rows[0][name] for name in OFTEN_EQUAL if name in rows[0] and len({row[name] for row in rows}) == 1}
    columns = [name for name in rows[0] if name not in same]
    return Table(same, columns, [[shortest(row[name]) for name in columns] for row in rows])


def session_row(session: EquityRow) -> Row:
    told = session.snapshot
    return {
        "date": told.date,
        "netLiquidation": told.netLiquidation,
        "returnPercent": session.returnPercent,
        "flow": session.flow,
        "unexplained": session.unexplained,
        "suspected": session.suspected,
        "totalCash": told.totalCash,
        "unrealizedPnL": told.unrealizedPnL,
        "kind": told.kind,
        "currency": told.base,
    }


def trade_row(trade: Trade) -> Row:
    execution, paid = trade
    at = datetime.fromisoformat(execution.time).astimezone(UTC)
    return {
        "time": f"{at:%Y-%m-%dT%H:%M:%SZ}",
        "name": execution.name,
        "side": execution.side,
        "shares": execution.shares,
        "price": execution.price,
        "commission": paid.commission if paid else None,
        "realizedPNL": paid.realizedPNL if paid else None,
        "commissionCurrency": (paid.currency if paid else "") or None,
        "currency": execution.currency,
        "clientId": None if execution.flex else execution.clientId,  # a statement has none, and 0 would be TWS itself
        "corrected": version_of(execution.execId) > 1,
    }


def equity_totals(sessions: Sequence[EquityRow]) -> list[Row]:
    """Return one row about all sessions, none without any."""
    if not sessions:
        return []
    first, last = sessions[0].snapshot, sessions[-1].snapshot
    rest = [each.unexplained for each in sessions if each.suspected and each.unexplained is not None]
    returns = [each.returnPercent for each in sessions[1:]]
    known = [each for each in returns if each is not None]
    told = [each.flow for each in sessions[1:]]
    return [
        {
            "firstDate": first.date,
            "lastDate": last.date,
            "sessions": len(sessions),
            "firstNetLiquidation": first.netLiquidation,
            "lastNetLiquidation": last.netLiquidation,
            "returnPercent": round((prod(1 + each / 100 for each in known) - 1) * 100, 4)
            if len(known) == len(returns)
            else None,
            "maxDrawdownPercent": _drawdown(known) if len(known) == len(returns) else None,
            "flow": None if None in told else round(sum(each for each in told if each is not None), 2),
            "suspectedFlow": round(sum(rest), 2),
            "suspectedDates": ", ".join(each.date for each in sessions if each.suspected),
            "currency": last.base,
        }
    ]


def trade_totals(trades: Sequence[Trade]) -> list[Row]:
    """Return one row for each contract, by name."""
    found = defaultdict[tuple[str, str], list[Trade]](list)
    for each in trades:
        found[each[0].name, each[0].currency].append(each)
    return [_totals(name, currency, of) for (name, currency), of in sorted(found.items())]


def _totals(name: str, currency: str, trades: Sequence[Trade]) -> Row:
    sides = {"BOT": 0.0, "SLD": 0.0}
    for execution, _ in trades:
        sides[execution.side] += execution.shares
    paid = [each for _, each in trades if each is not None]
    realized = [each.realizedPNL for each in paid if each.realizedPNL is not None]
    currencies = {each.currency for each in paid}
    whole = len(paid) == len(trades) and len(currencies) == 1  # else a sum would lack some, or add euros to dollars
    return {
        "name": name,
        "currency": currency,
        "executions": len(trades),
        "bought": sides["BOT"],
        "sold": sides["SLD"],
        "net": round(sides["BOT"] - sides["SLD"], 8),
        "commission": round(sum(each.commission for each in paid), 4) if whole else None,
        "realizedPNL": round(sum(realized), 4) if realized and whole else None,
        "commissionCurrency": (currencies.pop() if len(currencies) == 1 else "") or None,
    }


def _drawdown(returns: Sequence[float]) -> float:
    """Return the largest fall from a peak in percent, of returns in percent."""
    value = peak = 1.0
    worst = 0.0
    for each in returns:
        value *= 1 + each / 100
        peak = max(peak, value)
        worst = min(worst, value / peak - 1)
    return round(-worst * 100, 4)
