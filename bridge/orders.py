"""Tools about orders: placing, cancelling, and what became of them."""

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from bridge.tool import Declaration, Effect, Shape, tool
from bridge.values import (
    Account,
    Action,
    Contract,
    Key,
    OnContract,
    OrderId,
    OrderReport,
    Percent,
    PositivePrice,
    Price,
    Quantity,
)

OrderType = Literal["MKT", "LMT", "STP", "STP LMT", "TRAIL", "MIT", "LIT", "MOC", "LOC", "MTL", "REL", "MIDPRICE"]
Tif = Literal["DAY", "GTC", "IOC", "FOK", "OPG"]

KEY = "8-64 of A-Z a-z 0-9 _ -; made and returned if left out"
DUPLICATE = "the key that possible_duplicate names, to place an equal order again on purpose"

# What each order type needs (True), may have (None) and must not have (False): a price given in vain is a mistake.
LMT_PRICE = {"LMT": True, "STP LMT": True, "LIT": True, "LOC": True, "REL": None, "MIDPRICE": None}
AUX_PRICE = {"STP": True, "STP LMT": True, "MIT": True, "LIT": True, "REL": True, "TRAIL": None}


class Execution(Shape):
    """One fill. Commission and realizedPNL are null until TWS reports them, moments after the fill."""

    execId: str
    time: datetime
    account: str
    contract: Contract
    side: Literal["BOT", "SLD"]
    shares: float
    price: float
    cumQty: float
    avgPrice: float
    exchange: str
    orderId: int
    permId: int
    clientId: int
    orderRef: str | None
    commission: float | None
    commissionCurrency: str | None
    realizedPNL: float | None


@tool(returns=OrderReport, toolset="orders", effect=Effect.WRITE, deadline_s=20)
class PlaceOrder(OnContract):
    """Place an order and return its status as soon as TWS has taken, filled or rejected it. Give an idempotencyKey: the
    same key never places twice, so after a time-out ask again with it. totalQuantity is in shares or contracts.
    lmtPrice only with a type that has a limit; auxPrice is the stop or trigger price, or TRAIL's amount."""

    action: Action
    totalQuantity: Quantity
    orderType: OrderType = "MKT"
    lmtPrice: Price | None = None
    auxPrice: PositivePrice | None = None
    trailingPercent: Percent | None = None
    tif: Tif = "DAY"
    outsideRth: bool = False
    account: Account | None = None
    idempotencyKey: Annotated[Key | None, Field(description=KEY)] = None
    duplicateOf: Annotated[Key | None, Field(description=DUPLICATE)] = None

    @model_validator(mode="after")
    def _prices_fit_the_type(self) -> Self:
        _fits("lmtPrice", self.lmtPrice, LMT_PRICE.get(self.orderType, False), self.orderType)
        _fits("auxPrice", self.auxPrice, AUX_PRICE.get(self.orderType, False), self.orderType)
        if self.orderType != "TRAIL" and self.trailingPercent is not None:
            raise ValueError(f"trailingPercent: leave it out, orderType {self.orderType} has none")
        if self.orderType == "TRAIL" and (self.auxPrice is None) == (self.trailingPercent is None):
            raise ValueError("auxPrice: orderType TRAIL needs either auxPrice (an amount) or trailingPercent")
        return self


def _fits(name: str, price: float | None, needed: bool | None, orderType: str) -> None:
    if needed is True and price is None:
        raise ValueError(f"{name}: orderType {orderType} needs it")
    if needed is False and price is not None:
        raise ValueError(f"{name}: leave it out, orderType {orderType} has none")


@tool(returns=OrderReport, toolset="orders", effect=Effect.WRITE, deadline_s=20)
class CancelOrder(Declaration):
    """Cancel one order of this session by its orderId, and return its status. A fill may come first: read the status.
    Outside trading hours the exchange confirms a cancel only when it opens."""

    orderId: OrderId


@tool(returns=list[OrderReport], toolset="orders")
class GetOpenOrders(Declaration):
    """Every open order of the account, also those placed elsewhere (by hand or by another program)."""


@tool(returns=list[Execution], toolset="orders")
class GetExecutions(Declaration):
    """Every fill since midnight, oldest first, with commission."""
