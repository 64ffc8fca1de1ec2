"""Tools that place, change and cancel orders, and the kill switch."""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BeforeValidator, Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from bridge.text import spellings as forms
from bridge.text.plain_text import one_line
from bridge.tool import Effect, Model, PartialModel, ToolRequest, operation, tool
from bridge.tools.order_report import SHARED, LinkedReport, OrderReport
from bridge.tools.order_terms import OrderTerms, TifForm
from bridge.tools.types import (
    Account,
    Action,
    Amount,
    ContractArguments,
    Count,
    Key,
    ModelCode,
    OrderId,
    OrderNameArguments,
    Percent,
    PositivePrice,
    Price,
    Quantity,
    Symbol,
    Text,
    TriggerPrice,
    one_name,
)

KEY = "8-64 letters, digits, _ or -"
FROM_WORDS = BeforeValidator(forms.time_in_force)
DUPLICATE = "key of a possible_duplicate error"


CHANGEABLE = ("totalQuantity", "lmtPrice", "auxPrice", "tif", "trailingPercent")  # of a working order


LONGEST_REASON = 200  # characters
NO_REASON = "no reason given"


def clean_reason(reason: object) -> str:
    """Return any reason as one printable line: the kill switch is never refused for the form of its reason."""
    return one_line(reason if isinstance(reason, str) else repr(reason), LONGEST_REASON) or NO_REASON


Reason = Annotated[str, BeforeValidator(clean_reason)]


class IdempotentRequest(ToolRequest):
    """A write with its own key, under which it is carried out once."""

    idempotencyKey: Annotated[Key | None, Field(description=KEY)] = None


class PlacementRequest(IdempotentRequest):
    """A placement; its key names the order from then on."""

    confirmationToken: Annotated[Text | None, Field(description="of ibkr_preview_order, for the same order")] = None
    duplicateOf: Annotated[Key | None, Field(description=DUPLICATE)] = None


EXITS = ("takeProfit", "stopLoss")


class Bracket(PartialModel):
    """An entry with its two exits, which become active when the entry fills. An exit has the contract, the account, the
    clientId and the idempotencyKey of the entry, and they are left out. With exitsOnly there is no entry, and the exits
    have theirs."""

    idempotencyKey: str
    entry: OrderReport | None = None
    takeProfit: LinkedReport
    stopLoss: LinkedReport
    message: str = ""
    replayed: bool = False

    def inapplicable(self) -> Iterable[str]:
        return ("replayed", "entry")

    @model_serializer(mode="wrap")
    def _told_once(self, whole: SerializerFunctionWrapHandler) -> dict[str, Any]:
        told = self._partial(whole)
        for name in EXITS if self.entry is not None else ():
            told[name] = {field: value for field, value in told[name].items() if field not in SHARED}
        return told


class CancelReport(PartialModel):
    """The outcome for each open order."""

    orders: list[OrderReport]
    message: str = ""
    replayed: bool = False

    def inapplicable(self) -> Iterable[str]:
        return ("replayed",)


class HaltReport(Model):
    """The kill switch: while `halted` is true, no new order is sent. Only the operator releases it, outside MCP."""

    halted: bool
    level: str | None = None
    by: str | None = None
    reason: str | None = None
    since: datetime | None = None
    cancelled: list[OrderReport] | None = None
    idempotencyKey: str | None = None  # of the cancel: ibkr_cancel_all_orders tells under it what became of it
    message: str = ""
    replayed: bool = False  # the switch was set before this call


@tool(returns=OrderReport, toolset="orders", effect=Effect.WRITE, deadline_s=20)
class PlaceOrder(OrderTerms, PlacementRequest):
    """Place an order to buy or sell; return its status once TWS has accepted, filled or rejected it. Give an
    idempotencyKey: it never places twice, retry with it after a timeout. totalQuantity: shares or contracts.
    auxPrice is the stop or trigger price, or the amount of TRAIL. closeOnly: rejected if it could do more than reduce
    a position. No combinations: order each leg, bought ones first."""

    title: ClassVar = "place an order: buy or sell"
    search_words: ClassVar = "buy sell shares of a stock option trade short market limit order stop loss trailing"
    after_groups: ClassVar = OrderTerms.after_groups | {"closeOnly"}

    closeOnly: bool = False


@tool(returns=Bracket, toolset="orders", effect=Effect.WRITE, deadline_s=20)
class PlaceBracketOrder(ContractArguments, PlacementRequest):
    """Place an entry with a profit target and a stop loss, or with exitsOnly (either action) those two for a held
    position. They become active when the entry fills; a fill of one cancels the other. Without lmtPrice the entry is
    MKT. tif is the entry's; exits are GTC unless exitTif is DAY."""

    title: ClassVar = "bracket order: entry, profit target, stop loss"
    search_words: ClassVar = "stop loss take profit protect a position that I hold oco oca one cancels all exit"

    action: Action
    totalQuantity: Quantity
    takeProfitPrice: PositivePrice
    stopLossPrice: PositivePrice
    lmtPrice: PositivePrice | None = None
    tif: Annotated[Literal["DAY", "GTC"], FROM_WORDS] = "DAY"
    outsideRth: bool = False
    account: Account | None = None
    exitTif: Annotated[Literal["GTC", "DAY"], FROM_WORDS] = "GTC"
    modelCode: ModelCode | None = None
    exitsOnly: bool = False

    @property
    def exit_side(self) -> Action:
        """Return the side of the exits: exits alone sell where the target lies above the stop, whichever side `action`
        names, the entry's or theirs."""
        long = self.takeProfitPrice > self.stopLossPrice if self.exitsOnly else self.action == "BUY"
        return "SELL" if long else "BUY"

    @model_validator(mode="after")
    def _exits_lie_around_the_entry(self) -> Self:
        low, high = sorted((self.takeProfitPrice, self.stopLossPrice))
        if self.exitsOnly:
            self._exits_stand_alone(low == high)
            return self
        if (self.action == "BUY") != (self.takeProfitPrice > self.stopLossPrice):
            side = "above" if self.action == "BUY" else "below"
            raise ValueError(f"takeProfitPrice: must lie {side} stopLossPrice for a {self.action}")
        if self.lmtPrice is not None and not low < self.lmtPrice < high:
            raise ValueError("lmtPrice: must lie between stopLossPrice and takeProfitPrice")
        return self

    def _exits_stand_alone(self, equal: bool) -> None:
        if equal:
            raise ValueError("takeProfitPrice: must not be stopLossPrice")
        if self.lmtPrice is not None:
            raise ValueError("lmtPrice: leave it out, exitsOnly has no entry")
        if "tif" in self.model_fields_set and self.tif != self.exitTif:
            raise ValueError("tif: leave it out, exitsOnly has no entry; exitTif is the exits'")


@tool(returns=OrderReport, toolset="orders", effect=Effect.WRITE, deadline_s=20)
class ModifyOrder(OrderNameArguments, IdempotentRequest):
    """Change the quantity, prices or tif of a working order, named by orderId, orderKey, orderRef or permId. Arguments
    left out stay unchanged, and a rejected change leaves the order as it was."""

    title: ClassVar = "change a working order"
    search_words: ClassVar = "raise lower move the limit price of my order replace edit"
    always_digested: ClassVar = frozenset({"orderId"})

    orderId: OrderId = 0
    totalQuantity: Quantity | None = None
    lmtPrice: Price | None = None
    auxPrice: TriggerPrice | None = None
    tif: TifForm | None = None
    trailingPercent: Percent | None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        one_name(self.orderId, self)
        if all(getattr(self, name) is None for name in CHANGEABLE):
            raise ValueError(f"totalQuantity: give at least one of {', '.join(CHANGEABLE[:-1])} and {CHANGEABLE[-1]}")
        return self


@tool(returns=OrderReport, toolset="orders", effect=Effect.WRITE, deadline_s=20, relieves=True)
class CancelOrder(OrderNameArguments, IdempotentRequest):
    """Cancel one order, named by orderId, orderKey, orderRef or permId; with orderKey every open order of its bracket.
    A fill may come first: read the status and the message."""

    title: ClassVar = "cancel one order"
    search_words: ClassVar = "withdraw kill delete my order"
    always_digested: ClassVar = frozenset({"orderId"})

    orderId: OrderId = 0

    @model_validator(mode="after")
    def _whole(self) -> Self:
        one_name(self.orderId, self)
        return self


@tool(returns=CancelReport, toolset="orders", effect=Effect.WRITE, deadline_s=30, relieves=True)
class CancelAllOrders(IdempotentRequest):
    """Cancel every open order of this session; with everyClient also orders placed by hand or by other programs."""

    title: ClassVar = "cancel all open orders"
    search_words: ClassVar = "cancel everything panic"

    everyClient: bool = False


class CloseOutcome(PartialModel):
    """The outcome for one position: its order, or the error because of which none was placed. `idempotencyKey` is the
    order's own."""

    account: str
    conId: int
    name: str
    position: Amount  # before
    idempotencyKey: str
    orderId: int | None = None
    status: str | None = None
    filled: Amount | None = None
    avgFillPrice: float | None = None
    error: str | None = None  # its code
    cancelled: list[int] = []  # the orderIds of what cancelOrders has ended first
    warnings: list[str] = []  # short options that the order leaves without cover
    message: str = ""

    def inapplicable(self) -> Iterable[str]:
        return ("orderId", "status", "filled", "avgFillPrice", "error", "cancelled", "warnings", "message")


class CloseReport(Model):
    """The outcome for each position, shorts first. Of more than 100 `positions` has those that are not closed first;
    `count` is of all. `unclosed`: how many are not closed whole."""

    count: int
    unclosed: int
    idempotencyKey: str
    positions: list[CloseOutcome]
    message: str = ""


@operation(returns=OrderReport, toolset="orders", effect=Effect.WRITE, deadline_s=20)
class ClosePosition(IdempotentRequest):
    """Close what no open order closes of one position, by a market order that the worker sizes. With cancelOrders it is
    refused with `orders_rest` while orders of this session that close the position rest and are not being cancelled."""

    account: Account
    conId: Count
    cancelOrders: bool = False


@tool(returns=CloseReport, toolset="orders", effect=Effect.WRITE, composed=True, deadline_s=57)
class ClosePositions(IdempotentRequest):
    """Close positions by market orders, never past zero: those of a symbol (its options too), of a conId, or
    everything. Open orders that close them count first; cancelOrders cancels those."""

    title: ClassVar = "close one or all positions"
    search_words: ClassVar = "sell everything liquidate flatten exit my positions get flat"

    symbol: Symbol | None = None
    conId: Count | None = None
    everything: bool = False
    account: Account | None = None
    cancelOrders: bool = False

    @model_validator(mode="after")
    def _names_positions(self) -> Self:
        if sum((self.symbol is not None, self.conId is not None, self.everything)) != 1:
            raise ValueError("symbol: give one of symbol, conId and everything")
        return self


class ApprovalAnswered(Model):
    """The person whose approval a live order now has."""

    approved_by: str


@operation(returns=ApprovalAnswered, toolset="orders")
class AnswerForm(ToolRequest):
    """The answer of the person at an MCP client to whom a live order was shown."""

    key: Key
    challenge: Text
    answer: Literal["approve", "decline", "cancel"]


@tool(returns=HaltReport, toolset="orders", effect=Effect.HALT, composed=True, deadline_s=30, relieves=True)
class HaltTrading(ToolRequest):
    """Kill switch: block every new order of every client until the operator releases it outside MCP. Cancels stay
    possible; cancelOrders also cancels this session's open orders."""

    title: ClassVar = "kill switch: halt trading"
    search_words: ClassVar = "stop all trading now emergency panic freeze"

    reason: Reason
    cancelOrders: bool = False
