"""Tools about events: calls that end when something happens, and alerts that are kept while no client is there."""

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, StringConstraints, ValidationError, model_validator

from bridge.text.contract_forms import spelled_out
from bridge.text.contract_name import contract_name
from bridge.tool import Effect, Model, ToolRequest, operation, tool
from bridge.tools.types import (
    LONGEST_WAIT_S,
    Account,
    Change,
    ContractArguments,
    Count,
    Currency,
    EventCursor,
    Exchange,
    Expiry,
    Happened,
    Key,
    Multiplier,
    OrderNameArguments,
    PermId,
    PositivePrice,
    Price,
    Right,
    SecId,
    SecIdType,
    SecType,
    Symbol,
    Text,
)

MOST_CONDITIONS = 20
ORDER_EVENTS = frozenset({"order_filled", "order_partly_filled", "order_done", "order_rejected"})
# The states of a live order's approval that meet each event.
APPROVALS = {"order_approved": ("approved",), "order_refused": ("refused", "declined", "expired", "voided")}
CONTRACT = frozenset(ContractArguments.model_fields) - {"includeExpired"}
NAMES = ("symbol", "conId", "localSymbol", "secId")  # one of them names a contract
LEVELS = frozenset({"above", "below"})
# What each event takes beside its name.
USES: dict[str, frozenset[str]] = {
    **dict.fromkeys(ORDER_EVENTS, frozenset({"orderKey", "permId"})),
    **dict.fromkeys(APPROVALS, frozenset({"orderKey"})),
    "execution": frozenset({"orderKey", "permId", "symbol", "conId"}),
    "price": CONTRACT | LEVELS | {"changePercent"},
    "daily_pnl": LEVELS | {"account"},
    "position_pnl": LEVELS | {"account", "symbol", "conId"},
    "account_value": LEVELS | {"account", "tag", "currency"},
    "time": frozenset({"at", "timeZone"}),
    "session_open": CONTRACT,
    "session_close": CONTRACT,
    "alert": frozenset({"alertId"}),
}
# What it needs of them: one of each row.
NEEDS: dict[str, tuple[tuple[str, ...], ...]] = {
    **dict.fromkeys(ORDER_EVENTS, (("orderKey", "permId"),)),
    **dict.fromkeys(APPROVALS, (("orderKey",),)),
    "price": (NAMES, ("above", "below", "changePercent")),
    "daily_pnl": (("above", "below"),),
    "position_pnl": (("symbol", "conId"), ("above", "below")),
    "account_value": (("tag",), ("above", "below")),
    "time": (("at",), ("timeZone",)),
    "session_open": (NAMES,),
    "session_close": (NAMES,),
    "alert": (("alertId",),),
}
OF_A_CONTRACT = frozenset({"price", "session_open", "session_close"})
WATCHED = OF_A_CONTRACT | {"daily_pnl", "position_pnl", "account_value", "time"}  # the event log has none by itself

AwaitedEvent = Literal[
    "order_filled", "order_partly_filled", "order_done", "order_rejected", "execution", "price", "daily_pnl",
    "position_pnl", "account_value", "time", "session_open", "session_close", "session_ready", "session_lost", "halt",
    "resume", "alert", "order_approved", "order_refused",
]  # fmt: skip
AlertId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]{8}-[a-z0-9]{16}$")]
LocalTime = Annotated[str, StringConstraints(pattern=r"^(\d{4}-\d{2}-\d{2}[ T])?([01]\d|2[0-3]):[0-5]\d(:[0-5]\d)?$")]


MOST_TARGETS = 8
TargetName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_-]{1,32}$")]
ExpiryTime = Annotated[
    str, StringConstraints(pattern=r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?(Z|[+-]\d{2}:\d{2})$")
]
Note = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]


def _as_named(written: Any) -> Any:
    """Return a contract's name as events have it. Raise ValueError for a form that leaves a part of it open: a wait for
    it would never end."""
    if not isinstance(written, str):
        return written
    terms = spelled_out({"symbol": written})
    if not terms.keys() - {"symbol"}:
        return terms["symbol"]
    month_alone = terms.get("secType") == "OPT" and len(terms["lastTradeDateOrContractMonth"]) != len("20250718")
    if "symbol" not in terms or month_alone:
        raise ValueError("symbol: write ES SEP26 or SPY 2026-12-18 400 P, or give the conId")
    return contract_name(terms)


class WaitCondition(ToolRequest):
    """Order events need orderKey or permId; order_done: ended in any way; order_approved, order_refused: a person's
    decision on a live order. price (last, else mid), session_open and session_close need symbol or conId. price (or
    changePercent), daily_pnl, position_pnl (unrealized), account_value (tag) need above or below; time: at, timeZone;
    alert: alertId."""

    unpublished: ClassVar = CONTRACT - {"symbol", "conId"}

    event: AwaitedEvent
    orderKey: Annotated[Key | None, Field(description="its idempotencyKey")] = None
    permId: PermId | None = None
    symbol: Symbol | None = None
    conId: Count | None = None
    secType: SecType | None = None
    exchange: Exchange | None = None
    currency: Currency | None = None
    primaryExchange: Exchange | None = None
    lastTradeDateOrContractMonth: Annotated[Expiry | None, Field(description="YYYYMM or YYYYMMDD")] = None
    strike: PositivePrice | None = None
    right: Right | None = None
    multiplier: Multiplier | None = None
    above: Price | None = None
    below: Price | None = None
    changePercent: Annotated[
        Change | None, Field(description="from the first price seen; 1: either way, -1: a fall")
    ] = None
    account: Account | None = None
    tag: Annotated[Text | None, Field(description="such as AvailableFunds")] = None
    at: Annotated[LocalTime | None, Field(description="HH:MM or YYYY-MM-DD HH:MM")] = None
    timeZone: Annotated[Text | None, Field(description="such as America/New_York")] = None
    alertId: AlertId | None = None
    localSymbol: Text | None = None
    tradingClass: Text | None = None
    secIdType: SecIdType | None = None
    secId: SecId | None = None

    @classmethod
    def tidied(cls, arguments: dict[str, Any]) -> dict[str, Any]:
        """Return the arguments that were given, with what is written into symbol in TWS's own, or as events name it."""
        given = super().tidied(arguments)
        if str(given.get("event")) in OF_A_CONTRACT:
            return spelled_out(given)
        return given | {"symbol": _as_named(given["symbol"])} if "symbol" in given else given

    @model_validator(mode="after")
    def _names_what_it_is_about(self) -> Self:
        """Refuse what is missing, and what would not be used."""
        given = {name for name in type(self).model_fields if name != "event" and getattr(self, name) is not None}
        for names in NEEDS.get(self.event, ()):
            if not given & set(names):
                needed = (
                    "the order's orderKey or permId"
                    if self.event in ORDER_EVENTS
                    else " or ".join(names[:2] if names is NAMES else names)
                )
                raise ValueError(f"{self.event} needs {needed}")
        if vain := sorted(given - USES.get(self.event, frozenset())):
            raise ValueError(f"{', '.join(vain)}: {self.event} has no use for it; leave it out")
        if self.event in OF_A_CONTRACT:
            self.contract()
        return self

    def contract(self) -> ContractArguments:
        """Return the contract that it is about. Raises ValueError where its arguments do not fit one another."""
        named = {name: getattr(self, name) for name in CONTRACT if getattr(self, name) is not None}
        try:
            return ContractArguments(**named)
        except ValidationError as wrong:
            raise ValueError(wrong.errors()[0]["msg"].removeprefix("Value error, ")) from None


class WaitResult(Model):
    """The end of a wait. `event` is that of the condition that came first, `none` if the time was over, and `condition`
    its place among the given ones, from 0. Where none can come any more, as the order has ended otherwise, `event` is
    what came in its place, such as order_done or order_rejected, and `condition` is null. A call with `cursor` misses
    nothing that happens before it begins. `gap`: events before this one are lost, `missing` of them, null if nobody can
    tell how many."""

    event: str
    condition: int | None
    happened: Happened | None
    message: str
    cursor: str
    waited_seconds: float
    gap: bool = False
    missing: int | None = 0


@tool(returns=WaitResult, toolset="streams", composed=True, deadline_s=LONGEST_WAIT_S + 20, waits=True)
class WaitFor(ToolRequest):
    """Wait until the first of the given events happens, such as a fill, price, profit, time or alert; at once if it is
    so already. After timeout_seconds it returns event none: call again with the cursor, to miss nothing."""

    title: ClassVar = "wait for a fill or another event"
    search_words: ClassVar = "tell me when it fills notify alert let me know wake until"

    events: Annotated[list[WaitCondition], Field(min_length=1, max_length=MOST_CONDITIONS)]
    timeout_seconds: Annotated[int, Field(ge=1, le=LONGEST_WAIT_S)] = 50
    cursor: Annotated[EventCursor | None, Field(description="of the last answer")] = None


@operation(returns=Happened, toolset="streams")
class GetOrderState(OrderNameArguments):
    """Return an order's state now, in the form of its latest event."""


@operation(returns=Happened, toolset="streams")
class GetApprovalState(ToolRequest):
    """Return the state of a live order's approval now, in the form of its latest event."""

    orderKey: Key


class AlertState(Model):
    """An alert's latest firing, null where it has not fired yet. `untold`: it is over, and no wait has told that."""

    fired: Happened | None
    untold: bool = False


@operation(returns=AlertState, toolset="streams")
class GetAlertState(ToolRequest):
    """Return the latest firing of one of the caller's alerts, in the form of its event."""

    alertId: AlertId


@operation(returns=AlertState, toolset="streams", effect=Effect.OWN, deadline_s=5)
class MarkAlertTold(ToolRequest):
    """Keep that a wait has told the firing of one of the caller's alerts. Return the alert as it stands then."""

    alertId: AlertId
    time: Annotated[str, Field(max_length=64, description="of the firing")]


class WatchesKept(Model):
    """The ids of the watches, in the order of their conditions. `levels`: of a price, when it fires and the price now;
    empty for other conditions."""

    watches: list[str]
    levels: list[str] = []


@operation(returns=WatchesKept, toolset="streams", effect=Effect.OWN, deadline_s=10)
class KeepWatches(ToolRequest):
    """Look out for the conditions of a wait, for some minutes more. A condition that is watched already stays as it
    is."""

    events: Annotated[list[WaitCondition], Field(min_length=1, max_length=MOST_CONDITIONS)]


class AlertReport(Model):
    """One alert. `events` are its conditions, with the contracts and accounts that they mean. `fired` counts how often
    it has fired, last at `fired_at` on `happened`, such as the price. `state` is active or fired; one that has fired is
    listed for a day. Without `expires_at` it stays until it fires, or is cancelled. ibkr_wait_for with `cursor` misses
    nothing since its creation. `message` has the level and the price at its creation, and says why no price comes,
    where TWS refuses the contract's data."""

    alertId: str
    events: list[dict[str, Any]]
    repeat: bool
    expires_at: str | None
    targets: list[str]
    note: str | None
    created_at: str
    fired: int
    fired_at: str | None
    message: str = ""
    state: Literal["active", "fired"] = "active"
    happened: dict[str, Any] | None = None
    cursor: str = ""


class AlertList(Model):
    """The caller's alerts, oldest first, and the names of the targets that an alert may be sent to."""

    count: int
    truncated: bool
    alerts: list[AlertReport]
    targets: list[str]


class AlertCancelled(Model):
    """The end of an alert. `cancelled` is false where it had fired or expired already."""

    alertId: str
    cancelled: bool
    message: str = ""


@tool(returns=AlertReport, toolset="alerts", effect=Effect.OWN)
class CreateAlert(ToolRequest):
    """Create an alert: the first of the given events fires it, also while no client is connected. ibkr_wait_for on
    event alert tells it; targets send it to a phone, mailbox or webhook. The same call twice is one alert."""

    title: ClassVar = "alert on a price, profit, fill or another event"
    search_words: ClassVar = "push notification to my phone warn notify when price rises above falls below drops"

    events: Annotated[list[WaitCondition], Field(min_length=1, max_length=MOST_CONDITIONS)]
    repeat: Annotated[bool, Field(description="each time it becomes true anew")] = False
    expires_at: Annotated[ExpiryTime | None, Field(description="2026-07-24T20:00:00Z")] = None
    targets: Annotated[list[TargetName], Field(max_length=MOST_TARGETS, description="of ibkr_get_alerts")] = []
    note: Annotated[Note | None, Field(description="sent with it")] = None


@tool(returns=AlertList, toolset="alerts")
class GetAlerts(ToolRequest):
    """Return your alerts that may fire or fired in the last day, and the names of the targets."""

    title: ClassVar = "my alerts"
    search_words: ClassVar = "list notifications which alerts are set"


@tool(returns=AlertCancelled, toolset="alerts", effect=Effect.OWN)
class CancelAlert(ToolRequest):
    """Cancel one of your alerts, by the alertId that ibkr_get_alerts has."""

    title: ClassVar = "remove an alert"
    search_words: ClassVar = "delete notification turn off"

    alertId: AlertId
