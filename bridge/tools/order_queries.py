"""Tools that report orders: open, completed, filled, and the history of one."""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal, Self, get_args

from pydantic import SerializerFunctionWrapHandler, StringConstraints, model_serializer, model_validator

from bridge.tool import Effect, Model, PartialModel, ToolRequest, operation, tool
from bridge.tools.order_report import SHARED, LinkedReport, OrderReport
from bridge.tools.types import Account, Contract, Key, ListArguments, OrderId, OrderNameArguments, Symbol, one_name

MOST_ARGUMENTS = 2000  # characters of a refused call's arguments, as JSON
MOST_MESSAGE = 1000  # characters of the reason
NotedTool = Literal["place_order", "place_bracket_order", "modify_order", "close_positions"]
NotedCode = Literal["invalid_arguments", "forbidden", "paced"]
NOTED_TOOLS: frozenset[str] = frozenset(get_args(NotedTool))
NOTED_CODES: frozenset[str] = frozenset(get_args(NotedCode))


class Execution(PartialModel):
    """One fill. Commission and realizedPNL are null until TWS reports them, moments after the fill. A value that TWS
    did not give is null, and so is a time in an unknown time zone, of which ibkr_get_status warns. `idempotencyKey` is
    its order's, as ibkr_get_order takes it; left out of orders that were placed elsewhere. A table has it, and
    orderRef, only if `fields` names them: orderId and permId name the same order."""

    only_if_named: ClassVar[frozenset[str]] = frozenset({"idempotencyKey", "orderRef"})

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
    idempotencyKey: str | None = None

    def inapplicable(self) -> Iterable[str]:
        return ("idempotencyKey",)


class OrderEvent(Model):
    """One event of an order: its time, its source (a TWS message or this worker), and its text."""

    at: datetime
    source: str
    what: str


OWN_ROW = (*("orderId", "permId", "orderRef", "action", "totalQuantity", "orderType"), "status", "filled", "remaining")


class OrderHistory(PartialModel):
    """One order's current state and all its known events, oldest first. `group` has the order, in short, and those
    linked to it, such as a bracket's three; what they share with it is told once, in `order`."""

    order: OrderReport
    events: list[OrderEvent]
    group: list[LinkedReport] = []

    @model_serializer(mode="wrap")
    def _told_once(self, whole: SerializerFunctionWrapHandler) -> dict[str, Any]:
        told = self._partial(whole)
        order = told["order"]
        told["group"] = [_beside(order, each) for each in told["group"]]
        return told


def _beside(order: dict[str, Any], linked: dict[str, Any]) -> dict[str, Any]:
    """Return a row of the group without what it shares with the order; of the order itself, its name and its state."""
    if linked == order:
        return {name: linked[name] for name in OWN_ROW}
    return {name: value for name, value in linked.items() if name not in SHARED or value != order.get(name)}


@tool(returns=OrderHistory, toolset="orders")
class GetOrder(OrderNameArguments):
    """Return one order's status and history: every event with its time and source, and the orders linked to it. Name it
    by orderId, orderKey, orderRef or permId. TWS knows today's orders and all open ones."""

    title: ClassVar = "status and history of one order"
    search_words: ClassVar = "did my order go through is it filled why was it rejected"

    orderId: OrderId = 0

    @model_validator(mode="after")
    def _whole(self) -> Self:
        one_name(self.orderId, self)
        return self


class SymbolFilter(ListArguments):
    """A filter of orders or fills by symbol and account."""

    symbol: Symbol | None = None
    account: Account | None = None


@tool(returns=list[OrderReport], toolset="orders")
class GetOpenOrders(SymbolFilter):
    """Every open (working) order of the account, also those placed by hand or by another program."""

    title: ClassVar = "open orders"
    search_words: ClassVar = "my working orders pending resting outstanding"


@tool(returns=list[OrderReport], toolset="orders")
class GetCompletedOrders(SymbolFilter):
    """Orders that ended today; with refused the calls refused today instead, and why."""

    title: ClassVar = "orders completed today"
    search_words: ClassVar = "finished filled cancelled rejected order history why was my order refused"

    refused: bool = False


@tool(returns=list[Execution], toolset="orders")
class GetExecutions(SymbolFilter):
    """Every fill (trade) since midnight, oldest first. On a busy day: format summary."""

    title: ClassVar = "executions: the day's trades"
    search_words: ClassVar = "which trades did I make today what did I buy sell fills bought sold"


class RefusalNoted(Model):
    """The answer: of a flood only the first refusals are kept."""

    kept: bool


@operation(returns=RefusalNoted, toolset="orders", effect=Effect.OWN)
class NoteRefusedCall(ToolRequest):
    """A call of the client that a front refused by itself: its tool, its arguments as JSON (empty: too long), and the
    error."""

    tool: NotedTool
    code: NotedCode
    message: Annotated[str, StringConstraints(max_length=MOST_MESSAGE)]
    key: Key | None = None
    arguments: Annotated[str, StringConstraints(max_length=MOST_ARGUMENTS)] = ""
