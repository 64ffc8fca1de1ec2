"""Tools about the account: its values, positions and profit and loss."""

from datetime import datetime
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from bridge.tool import Model, ToolRequest, operation, tool
from bridge.tools.types import Account, Contract, Count, ListArguments, Names, Seconds, Symbol, Text

COST = "per share; for options and futures per contract, multiplier included"
PRICE = "avgCost without the multiplier, per unit of the quote; null if the multiplier is unknown"


class AccountSummaryValue(Model):
    """One value of an account: a number in `currency`, or a string for tags such as AccountType."""

    account: str
    tag: str
    value: float | str | None
    currency: str | None


class Position(Model):
    account: str
    contract: Contract
    position: float
    avgCost: Annotated[float | None, Field(description=COST)]
    avgPrice: Annotated[float | None, Field(description=PRICE)] = None


class PnL(Model):
    """Profit and loss as TWS's Portfolio window shows it, null where TWS has not computed it. currency: of the amounts,
    the account's base currency; of a position in another one what its cost agrees with, null where that is unknown."""

    account: str
    modelCode: str
    dailyPnL: float | None
    unrealizedPnL: float | None
    realizedPnL: float | None
    currency: str | None = None


class PnLSingle(PnL):
    conId: int | None
    symbol: str | None
    position: float | None
    value: float | None
    name: str | None = None  # of the contract: SPY 18JUL25 400 P


class AccountUpdate(Model):
    """One change: an account value (tag, value, currency) or a portfolio row (contract and the fields after it)."""

    kind: Literal["value", "portfolio"]
    account: str
    time: datetime
    tag: str | None = None
    value: float | str | None = None
    currency: str | None = None
    contract: Contract | None = None
    position: float | None = None
    marketPrice: float | None = None
    marketValue: float | None = None
    averageCost: Annotated[float | None, Field(description=COST)] = None
    unrealizedPNL: float | None = None
    realizedPNL: float | None = None
    avgPrice: Annotated[float | None, Field(description=PRICE)] = None


class AccountStreamOpened(Model):
    stream: str
    account: str
    updates: list[AccountUpdate]  # what is known now
    life: str = ""  # with seq the last tick that updates have; empty from a worker of an earlier release
    seq: int = 0
    cursor: str = ""  # with `keep`: of the stream's log, before what updates do not have


class AccountStreamSummary(Model):
    account: str
    updates_count: int
    message: str
    seconds: float
    values: list[AccountSummaryValue]  # the last of each main figure
    portfolio: list[AccountUpdate]  # the last line of each contract
    conflated: int
    gaps: int


@tool(returns=list[AccountSummaryValue], toolset="account")
class GetAccountSummary(ListArguments):
    """Values of each account: net liquidation, cash balance, buying power, margins, gross position value."""

    title: ClassVar = "account summary: cash, buying power, margin"
    search_words: ClassVar = (
        "how much cash money balance is in my account what can I buy afford margin net worth equity"
    )

    account: Account | None = None
    tags: Annotated[Names | None, Field(description="names or parts, such as margin")] = None


@tool(returns=list[Position], toolset="account", serves=("charts", "orders"))
class GetPositions(ListArguments):
    """Every open position of every account: the portfolio. An empty list means no positions; unknown positions are an
    error. Their prices, values and profits are in ibkr_get_portfolio."""

    title: ClassVar = "portfolio positions"
    search_words: ClassVar = "what are my positions holdings what do I hold own stocks shares"

    symbol: Symbol | None = None
    account: Account | None = None
    modelCode: Text | None = None


class UnshownPosition(Model):
    """A position that TWS has not updated since a fill."""

    account: str
    conId: int
    name: str


class PositionsToClose(Model):
    """The positions that a call means. `others`: the names of what else is held, where none is meant."""

    positions: list[Position]
    unshown: list[UnshownPosition]
    others: list[str]


@operation(returns=PositionsToClose, toolset="account", serves=("orders",))
class GetPositionsToClose(ToolRequest):
    """Positions to be closed, after a short wait for those that fills have just changed."""

    symbol: Symbol | None = None
    conId: Count | None = None
    account: Account | None = None


@tool(returns=PnL, toolset="account")
class GetPnl(ToolRequest):
    """Daily, unrealized and realized profit and loss (P&L) of an account. Of several: ibkr_get_portfolio."""

    title: ClassVar = "profit and loss"
    search_words: ClassVar = "am I up or down today p&l pnl gain performance how much did I make lose"

    account: Account | None = None
    modelCode: Text | None = None


@tool(returns=PnLSingle, toolset="account")
class GetPnlSingle(ToolRequest):
    """Profit and loss (P&L) of an account and model; with conId or symbol, of that one position."""

    title: ClassVar = "profit and loss of one position"
    search_words: ClassVar = "profit on my shares of a stock gain p&l pnl"

    account: Account | None = None
    modelCode: Text | None = None
    conId: Count | None = None
    symbol: Symbol | None = None


@tool(returns=AccountStreamSummary, toolset="streams", composed=True, deadline_s=3620)
class StreamAccountUpdates(ToolRequest):
    """Watch an account live: value and portfolio changes are sent as log messages and progress, then a summary is
    returned. TWS sends changes at fills, else every three minutes. Keep duration_seconds at 30 or less."""

    title: ClassVar = "live account and portfolio updates"
    search_words: ClassVar = "monitor balance changes real-time"

    account: Account | None = None
    duration_seconds: Seconds = 60


@operation(returns=AccountStreamOpened, toolset="streams", serves=("subscriptions",))
class OpenAccountUpdates(ToolRequest):
    """Subscribe to an account's updates, or join the subscription. With `keep` they are written into their log while a
    handle reads them."""

    account: Account | None = None
    keep: bool = False
