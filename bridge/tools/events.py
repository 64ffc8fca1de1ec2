"""Tools about events: calls that end when something happens."""

from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from bridge.tool import Model, ToolRequest, operation, tool
from bridge.tools.types import Count, Happened, Key, OrderNameArguments, PermId, Symbol

LONGEST_S = 14_400
MOST_CONDITIONS = 20
ORDER_EVENTS = frozenset({"order_filled", "order_partly_filled", "order_done", "order_rejected"})
NAMED_BY_CONTRACT = frozenset({"execution"})

AwaitedEvent = Literal[
    "order_filled", "order_partly_filled", "order_done", "order_rejected", "execution", "session_ready",
    "session_lost", "halt", "resume",
]  # fmt: skip
EventCursor = Annotated[str, StringConstraints(min_length=5, max_length=80, pattern=r"^[0-9A-Za-z.-]+$")]


class WaitCondition(ToolRequest):
    """One event to wait for. `order_…` is about the order that orderKey or permId names, and order_done is its end in
    any way; `execution` about any fill, or those of one symbol, order or conId; the others about the whole session."""

    event: AwaitedEvent
    orderKey: Annotated[Key | None, Field(description="the idempotencyKey it was placed under")] = None
    permId: PermId | None = None
    symbol: Symbol | None = None
    conId: Count | None = None

    @model_validator(mode="after")
    def _names_what_it_is_about(self) -> Self:
        """Refuse what is missing, and what would not be used."""
        given = {name for name in ("orderKey", "permId", "symbol", "conId") if getattr(self, name) is not None}
        usable = set()
        if self.event in ORDER_EVENTS:
            usable = {"orderKey", "permId"}
            if not given & usable:
                raise ValueError(f"{self.event} needs the order's orderKey or permId")
        elif self.event in NAMED_BY_CONTRACT:
            usable = {"orderKey", "permId", "symbol", "conId"}
        if vain := sorted(given - usable):
            raise ValueError(f"{', '.join(vain)}: {self.event} has no use for it; leave it out")
        return self


class WaitResult(Model):
    """The end of a wait. `event` is that of the condition that came first, `none` if the time was over, and `condition`
    its place among the given ones, from 0. A call with `cursor` misses nothing that happens before it begins. `gap`:
    events before this one are lost, `missing` of them, null if nobody can tell how many."""

    event: str
    condition: int | None
    happened: Happened | None
    message: str
    cursor: str
    waited_seconds: float
    gap: bool = False
    missing: int | None = 0


@tool(returns=WaitResult, toolset="streams", composed=True, deadline_s=LONGEST_S + 20, waits=True)
class WaitFor(ToolRequest):
    """Wait until the first of the given events happens: an order filled, partly filled, done or rejected, a fill, the
    session lost or back, trading halted or resumed. Returns at once if an order is already there. After
    timeout_seconds without one it returns event none. To go on without a gap, call again with the cursor."""

    events: Annotated[list[WaitCondition], Field(min_length=1, max_length=MOST_CONDITIONS)]
    timeout_seconds: Annotated[int, Field(ge=1, le=LONGEST_S)] = 50
    cursor: Annotated[EventCursor | None, Field(description="of an earlier answer: events after it count")] = None


@operation(returns=Happened, toolset="streams")
class GetOrderState(OrderNameArguments):
    """Return an order's state now, in the form of its latest event."""
