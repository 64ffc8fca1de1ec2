"""The tools that return an account's portfolio with its prices, and its values by name."""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, ClassVar

from pydantic import Field

from bridge.tool import Model, PartialModel, ToolRequest, tool
from bridge.tools.types import Account, Cell, Names, TableRows, Text

POSITIONS = 25  # rows of one answer where no limit is given
MOST_ACCOUNTS = 5  # of one answer that names none: TWS sends their portfolios one after another
MOST_VALUES = 100  # account values of one answer


class AccountTotals(Model):
    """One account's totals in its base currency `currency`. `positions`: how many are open. `rates`: one unit of each
    other currency of its positions in the base currency, as TWS tells it. age_s: seconds since TWS sent netLiquidation,
    which it does at fills and every few minutes; the profits are of the answer's `time`. null: TWS has not told it."""

    account: str
    currency: str | None
    netLiquidation: float | None
    cash: float | None
    grossPositionValue: float | None
    dailyPnL: float | None
    unrealizedPnL: float | None
    realizedPnL: float | None
    positions: int
    rates: dict[str, float]
    age_s: int | None = None


class ClosedToday(Model):
    """A contract that was traded today and is held no more, with its realized profit and today's, both after
    commissions in the account's base currency. The account's profits have it, and no row. null: TWS has not told it."""

    account: str
    name: str
    conId: int
    realizedPnL: float | None
    dailyPnL: float | None


class PortfolioTable(PartialModel):
    """A table of positions, the largest first: `rows` have the values of `columns`, `same` has what is equal in all
    rows.

    `avgPrice` and `marketPrice` are in the contract's `currency`; marketValue and all profits in the account's base
    currency, of which `weight` is the percentage of net liquidation. age_s: seconds since TWS sent the price. null: TWS
    has not told it. A row of a currency pair has no weight: its value is in `cash` already. `closed_today`: positions
    that today's trades have closed; their profits and the rows' add up to the account's, but for figures of different
    ages. `message`: how to get the other positions, and what else the figures leave open.
    """

    count: int
    truncated: bool
    simulated: bool
    time: datetime
    accounts: list[AccountTotals]
    same: dict[str, Cell]
    columns: list[str]
    rows: list[list[Cell]]
    closed_today: list[ClosedToday] = []
    message: str | None = None

    def inapplicable(self) -> Iterable[str]:
        return ("closed_today", "message")


class ValueTable(PartialModel):
    """A table of account values. `account`: whose. `unknown`: names that no value has. `message`: how to get the
    others."""

    count: int
    truncated: bool
    simulated: bool
    time: datetime
    account: str
    columns: list[str]
    rows: list[list[Cell]]
    unknown: list[str] = []
    message: str | None = None

    def inapplicable(self) -> Iterable[str]:
        return ("unknown", "message")


@tool(returns=PortfolioTable, toolset="portfolio")
class GetPortfolio(ToolRequest):
    """Get the portfolio: each position with price, market value, daily, unrealized and realized profit, and weight in
    net liquidation, in the base currency, largest first; with totals and today's profit of each account."""

    title: ClassVar = "portfolio with prices, values, profits and weights"
    search_words: ClassVar = (
        "my holdings what are they worth value of my positions p&l pnl gain loss today allocation exposure largest "
        "position performance account overview"
    )

    account: Annotated[Account | None, Field(description="left out: every account")] = None
    limit: TableRows = POSITIONS
    modelCode: Text | None = None


@tool(returns=ValueTable, toolset="account")
class GetAccountValues(ToolRequest):
    """Get account values by name, as TWS's Account window has them, also per currency and segment."""

    title: ClassVar = "account values by name"
    search_words: ClassVar = (
        "cash in each currency margin buying power dividends accrued interest exchange rate leverage cushion day trades"
    )

    tags: Annotated[Names | None, Field(description="names or parts, such as margin; left out: the main ones")] = None
    account: Account | None = None
    modelCode: Text | None = None
