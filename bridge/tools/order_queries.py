"""Tools that tell of orders: what is open, what ended, what filled, and one order's whole life."""

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from bridge.tool import Model, ToolRequest, tool
from bridge.tools.types import Contract, OrderId, OrderNameArguments, OrderReport, Symbol, one_name


class Execution(Model):
    """One fill. Commission and realizedPNL are null until TWS reports them, moments after the fill. A figure that
    TWS did not give is null, and so is a time in a zone that nobody knows: the status warns of it."""

    execId: str
    time: datetime | None
    account: str
    contract: Contract
    side: Literal["BOT", "SLD"]
    shares: float | None
    price: float | None
    cumQty: float | None
    avgPrice: float | None
    exchange: str
    orderId: int
    permId: int | None
    clientId: int
    orderRef: str | None
    commission: float | None
    commissionCurrency: str | None
    realizedPNL: float | None


class OrderEvent(Model):
    """One thing that happened to an order: when, who said it (TWS's message or this worker), and what."""

    at: datetime
    source: str
    what: str


class OrderHistory(Model):
    """An order as it stands, and everything that is known to have happened to it, oldest first; `group` has it and the
    orders that belong to it, such as a bracket's three."""

    order: OrderReport
    events: list[OrderEvent]
    group: list[OrderReport] = []


@tool(returns=OrderHistory, toolset="orders")
class GetOrder(OrderNameArguments):
    """One order's whole life: its status, and every event with its time and source; with the orders that belong to it,
    such as a bracket's three. Name it by one of orderId, orderKey, orderRef and permId. TWS tells of today's
    orders and of all that are open."""

    orderId: OrderId = 0

    @model_validator(mode="after")
    def _whole(self) -> Self:
        one_name(self.orderId, self)
        return self


class SymbolFilter(ToolRequest):
    """Which orders or fills to tell of."""

    symbol: Annotated[Symbol | None, Field(description="left out: every contract")] = None


@tool(returns=list[OrderReport], toolset="orders")
class GetOpenOrders(SymbolFilter):
    """Every open order of the account, also those placed elsewhere (by hand or by another program)."""


@tool(returns=list[OrderReport], toolset="orders")
class GetCompletedOrders(SymbolFilter):
    """Orders that have ended today: filled, cancelled or rejected."""


@tool(returns=list[Execution], toolset="orders")
class GetExecutions(SymbolFilter):
    """Every fill since midnight, oldest first, with commission."""
