"""The session as the operator's console shows it: one compact answer, out of what the worker knows."""

from datetime import datetime

from bridge.tool import Model, ToolRequest, operation

MOST_ENDED = 40  # ended orders of one answer, the latest
MOST_OPEN = 500  # open orders of one answer, the latest


class LiveAccount(Model):
    """One account's figures in its base currency `currency`. null: TWS has not told it. age_s: of the values, which TWS
    is asked for every few seconds; the profits are of the last seconds."""

    account: str
    currency: str | None
    netLiquidation: float | None
    cash: float | None
    buyingPower: float | None
    grossPositionValue: float | None
    maintMargin: float | None
    excessLiquidity: float | None
    dailyPnL: float | None
    unrealizedPnL: float | None
    realizedPnL: float | None
    age_s: int | None


class LivePosition(Model):
    """One position. Prices are in `currency`, amounts in the account's base currency. null: TWS has not told it."""

    account: str
    conId: int
    name: str
    currency: str | None
    position: float
    avgPrice: float | None
    marketPrice: float | None
    marketValue: float | None
    dailyPnL: float | None
    unrealizedPnL: float | None
    age_s: int | None


class OverviewOrder(Model):
    """One order: its terms, its state, and in `why` the last that TWS said of it. `changed`: when it was placed, or
    when it ended."""

    orderId: int
    permId: int | None
    clientId: int
    key: str | None
    orderRef: str | None
    account: str | None
    name: str
    action: str
    totalQuantity: float
    orderType: str
    lmtPrice: float | None
    auxPrice: float | None
    tif: str | None
    status: str
    filled: float
    avgFillPrice: float | None
    open: bool
    changed: datetime | None
    why: str


class LimitUse(Model):
    """One of the operator's limits. `allowed`: its value; `used`: how much of it is used now, null where that is told
    for each order alone."""

    name: str
    variable: str
    allowed: str | float
    used: float | None
    currency: str | None = None


class ClientActivity(Model):
    """A caller of this worker's term: the tool that it called last, how long ago, and its number of calls."""

    name: str
    operation: str
    age_s: int
    calls: int


class SessionOverview(Model):
    """`time`: of the gateway's clock. `counted_from_ms`: when the day of the daily count of orders began. `lines`: the
    market-data lines in use, of `lines_most`. `ended`: how many orders have ended that are known."""

    time: datetime
    accounts: list[LiveAccount]
    positions: list[LivePosition]
    orders: list[OverviewOrder]
    ended: int
    limits: list[LimitUse]
    counted_from_ms: int
    clients: list[ClientActivity]
    lines: int
    lines_most: int


@operation(returns=SessionOverview, toolset="session", deadline_s=5, console=True)
class GetOverview(ToolRequest):
    """Return the session as the console shows it. Asking keeps the figures live for ten seconds: TWS then sends each
    position's profit by itself, so asking again costs TWS nothing."""
