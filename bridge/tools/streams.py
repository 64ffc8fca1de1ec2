"""Tools about streams that can be read: a handle that lasts, and its entries by cursor."""

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from bridge.tool import Model, ToolRequest, tool
from bridge.tools.types import LONGEST_WAIT_S, Account, Contract, ContractArguments, EventCursor, LiveBarSize, Symbol

MOST_ROWS = 1_000

StreamKind = Literal["quotes", "depth", "bars", "bars5s", "ticks", "news", "account", "orders"]
OF_A_CONTRACT = frozenset({"quotes", "depth", "bars", "bars5s", "ticks", "news"})
Handle = Annotated[str, StringConstraints(pattern=r"^s-[0-9a-f]{12}$")]
Format = Literal["table", "objects", "summary"]
Cell = str | bool | float | dict[str, Any] | None
RowLimit = Annotated[int, Field(ge=1, le=MOST_ROWS)]


class Subscribed(Model):
    """A handle for ibkr_read_stream, and the state now in the columns of its entries. It lapses when nobody has read it
    for lapses_after_seconds. Nothing after `cursor` is missed."""

    handle: str
    kind: StreamKind
    name: str
    contract: Contract | None = None
    account: str | None = None
    simulated: bool | None = None
    cursor: str
    lapses_after_seconds: int
    message: str
    columns: list[str]
    rows: list[list[Cell]]


class StreamEntries(Model):
    """The entries after the cursor, oldest first: `columns` and `rows` with what is equal in all rows in `same`, or
    `result` with format objects. With format summary a row is a value of the entries: its first, last, low, high and
    mean by entry (each counts the same, however long it stood), of quotes also of the spread (ask less bid). `cursor`
    goes on after the last. `truncated`: more are there already. `gap`: updates were lost, as after a restart, `missing`
    of them, null if nobody can tell how many; a row of kind gap says where. `conflated`: updates that were merged into
    later ones. `session`: the state of the session, since a lost one sends nothing."""

    handle: str
    kind: StreamKind
    name: str
    count: int
    truncated: bool
    cursor: str
    gap: bool
    missing: int | None
    conflated: int
    session: str
    simulated: bool
    message: str
    waited_seconds: float
    same: dict[str, Cell] | None = None
    columns: list[str] | None = None
    rows: list[list[Cell]] | None = None
    result: list[dict[str, Cell]] | None = None


class StreamEnded(Model):
    handle: str
    message: str


class OpenStreams(Model):
    """The caller's handles, oldest first, as a table."""

    count: int
    columns: list[str]
    rows: list[list[Cell]]


class StreamRow(Model):
    """One handle. age_s: since it was opened. lapses_in_s: until it ends if nobody reads it."""

    handle: str
    kind: StreamKind
    name: str
    age_s: int
    lapses_in_s: int


@tool(returns=Subscribed, toolset="subscriptions", composed=True, deadline_s=30)
class Subscribe(ContractArguments):
    """Open a stream and return a handle for ibkr_read_stream: quotes, depth, bars (when they end), bars5s, ticks (each
    trade) or news (untrusted) of one contract, the values and portfolio of an account, or orders (order states, fills,
    the session's events). The handle outlasts restarts, and lapses when nobody reads it for 10 minutes."""

    title: ClassVar = "stream of quotes, account values or order events"
    search_words: ClassVar = "follow track ticks continuously real-time feed of prices portfolio fills"

    first: ClassVar = ()

    kind: StreamKind
    symbol: Symbol = ""
    account: Account | None = None
    barSizeSetting: LiveBarSize = "1 min"

    def named(self) -> bool:
        """An account has no contract."""
        return self.kind not in OF_A_CONTRACT or super().named()

    @model_validator(mode="after")
    def _fits_the_kind(self) -> Self:
        """Refuse what is missing, and what would not be used."""
        fields = type(self).model_fields
        given = {name for name in fields if name != "kind" and getattr(self, name) not in (None, fields[name].default)}
        usable = set(ContractArguments.model_fields) if self.kind in OF_A_CONTRACT else {self.kind}
        usable |= {"barSizeSetting"} if self.kind == "bars" else set()
        if vain := sorted(given - usable):
            raise ValueError(f"{', '.join(vain)}: a stream of {self.kind} has no use for it; leave it out")
        return self


@tool(returns=StreamEntries, toolset="subscriptions", composed=True, deadline_s=LONGEST_WAIT_S + 20, waits=True)
class ReadStream(ToolRequest):
    """Read the entries of a stream after a cursor; without any, wait up to wait_seconds for the first. Give the cursor
    of the last answer to miss nothing; left out: from the subscription's start."""

    title: ClassVar = "entries of a stream"
    search_words: ClassVar = "what changed since poll new ticks updates"

    handle: Handle
    cursor: EventCursor | None = None
    wait_seconds: Annotated[int, Field(ge=0, le=LONGEST_WAIT_S)] = 50
    limit: RowLimit = 200
    format: Format = "table"


@tool(returns=StreamEnded, toolset="subscriptions", composed=True)
class Unsubscribe(ToolRequest):
    """End a stream of ibkr_subscribe. Its market-data line goes back to TWS when nobody else watches the contract."""

    title: ClassVar = "end of a stream"
    search_words: ClassVar = "stop following close feed"

    handle: Handle


@tool(returns=OpenStreams, toolset="subscriptions", composed=True)
class GetStreams(ToolRequest):
    """List your open streams with their handles, and when each lapses."""

    title: ClassVar = "my open streams"
    search_words: ClassVar = "list subscriptions feeds handles"
