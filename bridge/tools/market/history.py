"""Tools about the past and the hours of one contract: ticks, head timestamp, histogram, trading schedule."""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, model_validator

from bridge.text import spellings as forms
from bridge.text.end_of_history import start_or_end
from bridge.tool import Model, PartialModel, tool
from bridge.tools.types import Cell, ContractArguments, Text

MOST_TICKS = 1_000  # of one answer
MOST_BINS = 100
MOST_PAST_DAYS = 31
TickKind = Annotated[Literal["TRADES", "BID_ASK", "MIDPOINT"], BeforeValidator(forms.what_to_show)]
HeadKind = Annotated[Literal["TRADES", "MIDPOINT", "BID", "ASK"], BeforeValidator(forms.what_to_show)]
BY_TYPE = "default: MIDPOINT for forex, else TRADES"


Instant = Annotated[Text, AfterValidator(start_or_end)]
TickCursor = Annotated[str, StringConstraints(pattern=r"^[fb][0-9]{1,10}\.[0-9]{1,6}$")]


def _period(value: Any) -> Any:
    """Return 3 D as "3 days", which is how TWS names the time of a histogram."""
    written = forms.duration(value)
    if not isinstance(written, str) or written[-2:] not in UNITS:
        return value
    number, unit = int(written[:-2]), UNITS[written[-2:]]
    return f"{number} {unit}{'s' if number > 1 else ''}"


UNITS = {" D": "day", " W": "week", " M": "month", " Y": "year"}
Period = Annotated[
    str,
    StringConstraints(pattern=r"^([1-9][0-9]? days?|[1-9] weeks?|([1-9]|1[0-2]) months?|1 year)$"),
    BeforeValidator(_period),
]


class PastOfContract(ContractArguments):
    """The contract of a tool of this file."""

    keeps_expired: ClassVar = True
    unpublished: ClassVar = frozenset(ContractArguments.model_fields) - {"symbol", "secType", "conId"}


class TickTable(Model):
    """A table: `rows` have the values of `columns`, oldest first. `same` has what is equal in all rows.

    A tick's time is its date, time and utcOffset, of the exchange's zone `timeZoneId`, to the second. size is in shares
    or contracts. exchange, specialConditions, pastLimit and unreported are a trade's. `cursor`: of the following page;
    null where there is no further tick. null in a row: TWS has not told it.
    """

    count: int
    truncated: bool
    simulated: bool
    time: datetime
    name: str
    conId: int
    whatToShow: str
    timeZoneId: str | None
    cursor: str | None
    same: dict[str, Cell]
    columns: list[str]
    rows: list[list[Cell]]


@tool(returns=TickTable, toolset="research", deadline_s=57)
class GetHistoricalTicks(PastOfContract):
    """Past ticks (time and sales): trades, bids and asks, or midpoints, up to endDateTime or now, or from startDateTime
    on. cursor: the next page, with the same other arguments."""

    title: ClassVar = "historical ticks (time and sales)"
    unpublished: ClassVar = PastOfContract.unpublished | {"useRTH"}
    search_words: ClassVar = "time and sales tape individual trades tick data each print"

    whatToShow: Annotated[TickKind | None, Field(description=BY_TYPE)] = None
    startDateTime: Instant | None = None
    endDateTime: Annotated[Instant | None, Field(description="day, or instant with zone")] = None
    limit: Annotated[int, Field(ge=1, le=MOST_TICKS)] = 100
    useRTH: bool = True
    cursor: TickCursor | None = None

    @model_validator(mode="after")
    def _direction_is_one(self) -> Self:
        if self.cursor is not None and self.cursor.startswith("b") and self.startDateTime is not None:
            raise ValueError("cursor: it is of a call without startDateTime, so leave startDateTime out")
        return self


class HeadTimestamp(Model):
    """Since when TWS has a series of a contract; `headTimestamp` in the exchange's zone, UTC where that is unknown."""

    name: str
    conId: int
    whatToShow: str
    useRTH: bool
    headTimestamp: datetime
    simulated: bool
    time: datetime


@tool(returns=HeadTimestamp, toolset="research", deadline_s=57)
class GetHeadTimestamp(PastOfContract):
    """Head timestamp: since when TWS has historical data of a contract."""

    title: ClassVar = "head timestamp (earliest historical data)"
    search_words: ClassVar = "how far back does history go earliest first available data listed since"

    whatToShow: Annotated[HeadKind | None, Field(description=BY_TYPE)] = None
    useRTH: bool = True


class Histogram(Model):
    """Sizes traded at each price of a period, lowest first, in bins of equal width.

    A row: the bin's lower edge, the size traded from there to below the next edge (shares or contracts), and its
    percent of totalSize. `mostTradedPrice`: the single price with the largest size. `prices`: how many prices the bins
    cover.
    """

    count: int
    truncated: bool
    simulated: bool
    time: datetime
    name: str
    conId: int
    timePeriod: str
    totalSize: float
    averagePrice: float
    mostTradedPrice: float
    prices: int
    binWidth: float
    columns: list[str]
    rows: list[list[Cell]]


@tool(returns=Histogram, toolset="research", deadline_s=57)
class GetHistogram(PastOfContract):
    """Price histogram: the size traded at each price level of a period, in bins (volume profile)."""

    title: ClassVar = "price histogram (volume profile)"
    search_words: ClassVar = "volume by price profile distribution traded at which price levels"

    timePeriod: Annotated[Period, Field(description="at most 1 year")] = "1 week"
    bins: Annotated[int, Field(ge=2, le=MOST_BINS, description="most rows")] = 20
    useRTH: bool = True


class Moment(Model):
    """An instant in the exchange's zone and in UTC, and the minutes until then."""

    local: datetime
    utc: datetime
    inMinutes: int


class NextChange(Model):
    """The state of the market now, and its next opening and close. null: the known hours do not reach so far, or it
    does not close."""

    open: bool | None
    opens: Moment | None
    closes: Moment | None


class TradingSchedule(PartialModel):
    """A contract's sessions: a row for each day's regular hours, and one for all hours where they are longer.

    day: open, shortened (closes earlier than on the other days) or closed; a closed weekday is a holiday. `state`:
    open, extended (outside regular hours), closed, or null where TWS tells no hours of now. `allHours` is left out
    where there are no other hours than regular ones. Times are of the zone `timeZoneId`, and in UTC.
    """

    count: int
    truncated: bool
    simulated: bool
    time: datetime
    name: str
    conId: int
    timeZoneId: str | None
    state: Literal["open", "extended", "closed"] | None
    regular: NextChange
    allHours: NextChange | None = None
    columns: list[str]
    rows: list[list[Cell]]

    def inapplicable(self) -> Iterable[str]:
        return ("allHours",)


@tool(returns=TradingSchedule, toolset="contracts", deadline_s=57)
class GetTradingSchedule(PastOfContract):
    """Trading schedule: whether the market is open, its next opening and close, and the coming days' sessions, holidays
    and early closes, in exchange time and UTC."""

    title: ClassVar = "trading schedule (market hours, holidays)"
    search_words: ClassVar = "is the market open when does it open close trading hours holiday half day session"

    pastDays: Annotated[int, Field(ge=0, le=MOST_PAST_DAYS)] = 0
