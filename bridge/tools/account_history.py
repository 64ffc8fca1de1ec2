"""The tool that returns an account's past: its equity curve and its trades of earlier days."""

from datetime import date, datetime
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from bridge.tool import PartialModel, ToolRequest, tool
from bridge.tools.types import Account, Cell, Day, Symbol

MOST_ROWS = 1_000  # of one answer


class AccountHistoryTable(PartialModel):
    """A table, newest last: `rows` have the values of `columns`; `same` has what is equal in all rows.

    `since`: the account's first day on record. `message`: how to get the rows that `count` has beyond those told.

    Equity: one row for each session, by its close at 16:00 New York. kind: `close`, `late` if the worker was down at
    it, `start` of the record, `flex` of an imported statement. returnPercent is without flows. flow: deposits less
    withdrawals by a statement. unexplained: the rest of the change, which prices, executions and flow do not explain;
    suspected: it is so large that money has come or gone. null: not told.

    Trades: times are UTC; a correction stands in its original's place. commission and realizedPNL are in
    commissionCurrency, price in currency. In totals both are null where one is unknown or the currencies differ.
    """

    count: int
    truncated: bool
    simulated: bool
    time: datetime
    account: str
    since: date | None
    same: dict[str, Cell]
    columns: list[str]
    rows: list[list[Cell]]
    message: str | None = None

    def inapplicable(self) -> tuple[str, ...]:
        return ("message",)


@tool(returns=AccountHistoryTable, toolset="records", serves=("charts",))
class GetAccountHistory(ToolRequest):
    """An account's past: its equity curve (net liquidation at each close, return, deposits told or suspected) or its
    trades with commissions, newest last. summary: totals."""

    title: ClassVar = "account history: equity curve and past trades"
    search_words: ClassVar = (
        "how did my account do this week month year equity over time past trades of earlier days deposits withdrawals "
        "drawdown commissions paid"
    )

    table: Literal["equity", "trades"] = "equity"
    account: Account | None = None
    startDate: Annotated[Day | None, Field(description="2025-06-20")] = None
    endDate: Day | None = None
    symbol: Annotated[Symbol | None, Field(description="of trades")] = None
    format: Literal["table", "summary"] = "table"
    limit: Annotated[int | None, Field(ge=1, le=MOST_ROWS)] = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.startDate and self.endDate and self.startDate > self.endDate:
            raise ValueError("startDate: it is after endDate")
        if self.symbol is not None and self.table != "trades":
            raise ValueError("symbol: equity is of the whole account. Leave symbol out, or set table to trades")
        return self
