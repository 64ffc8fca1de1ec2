"""QuoteTable of several contracts as one table. Pure."""

from collections.abc import Sequence
from datetime import datetime

import ib_async

from bridge.text.contract_name import contract_name
from bridge.text.numbers import shortest
from bridge.tool import ToolError
from bridge.tools.market.quotes import QuoteFailure, QuoteTable
from bridge.tools.types import Cell, ContractArguments
from ib_worker.market_data.quote import QuoteState

COLUMNS = (
    "name", "conId", "bid", "bidSize", "ask", "askSize", "last", "close", "changePercent", "volume", "age_s",
    "currency", "marketDataType", "halted",
)  # fmt: skip
OFTEN_EQUAL = ("currency", "marketDataType", "halted")  # told once where they are the same in all rows

Row = dict[str, Cell]


def quote_row(contract: ib_async.Contract, values: QuoteState, now: datetime) -> Row:
    """Return the cells of one contract at `now`. A price that TWS has not sent is null."""
    quote = values.known(values.heard or now)
    row: Row = {
        "name": contract_name(contract),
        "conId": contract.conId,
        "currency": contract.currency,
        "changePercent": change_percent(values.level, quote.close),
        "age_s": round(max((now - quote.time).total_seconds(), 0.0), 1),
    }
    return {name: shortest(row.get(name, getattr(quote, name, None))) for name in COLUMNS}


def change_percent(price: float | None, close: float | None) -> float | None:
    """Return the change from the last close in percent; null without one, or from a close of 0."""
    if price is None or not close:
        return None
    return round((price - close) / abs(close) * 100, 2)


def failure(entry: int, asked: ContractArguments, error: ToolError) -> QuoteFailure:
    """Return what is said of a contract without a quote."""
    return QuoteFailure(
        entry=entry,
        contract=contract_name(asked),
        code=error.code,
        message=error.message,
        twsCode=error.details.get("twsCode"),
    )


def table(rows: Sequence[Row], failed: list[QuoteFailure], now: datetime, *, simulated: bool) -> QuoteTable:
    """Return the answer; every row is told."""
    same = {name: rows[0][name] for name in OFTEN_EQUAL if rows and len({row[name] for row in rows}) == 1}
    columns = [name for name in COLUMNS if name not in same]
    return QuoteTable(
        count=len(rows),
        truncated=False,
        simulated=simulated,
        time=now.replace(microsecond=0),
        same=same,
        columns=columns,
        rows=[[row[name] for name in columns] for row in rows],
        failed=failed,
    )
