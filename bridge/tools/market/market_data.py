"""Tools about prices: historical bars and the live stream of one contract."""

from datetime import datetime
from typing import Annotated, ClassVar, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, model_validator
from pydantic import WithJsonSchema as Published

from bridge.text import spellings as forms
from bridge.text.end_of_history import start_or_end
from bridge.tool import Model, operation, tool
from bridge.tools.types import (
    Contract,
    ContractArguments,
    HistoryBarSize,
    ListArguments,
    LiveBarSize,
    MarketDataType,
    Seconds,
    Text,
)

WhatToShow = Literal[
    "TRADES", "MIDPOINT", "BID", "ASK", "BID_ASK", "ADJUSTED_LAST", "HISTORICAL_VOLATILITY",
    "OPTION_IMPLIED_VOLATILITY", "FEE_RATE", "YIELD_BID", "YIELD_ASK", "YIELD_BID_ASK", "YIELD_LAST",
]  # fmt: skip
SERIES = "MIDPOINT for forex; ADJUSTED_LAST, BID_ASK, OPTION_IMPLIED_VOLATILITY"
SampleCell = str | bool | float | None


# Refuses what is no end of a series. What is one stays as it is written: the worker knows the contract's zone.
EndOfHistory = Annotated[Text, AfterValidator(start_or_end)]
HistoryDuration = Annotated[
    str, StringConstraints(pattern=r"^(YTD|[1-9][0-9]{0,4} [SDWMY])$"), BeforeValidator(forms.period)
]


class Bar(Model):
    """`date` is the bar's start: a day (2025-06-10) for bars of a day and longer, else an instant with its offset.
    TWS has no durationStr YTD: the worker requests the days since 1 January, and leaves out bars before it.

    volume is in shares or contracts, null where TWS has none (-1); average is the volume-weighted price.
    """

    date: str
    open: float | None
    high: float | None
    low: float | None
    close: float | None
    volume: float | None
    average: float | None
    barCount: int | None


class RawTick(Model):
    """One tick as TWS sent it: its tickType number, and price or size where that type has one."""

    tickType: int
    price: float | None
    size: float | None


class Quote(Model):
    """The last known values of one contract, at `time`, with the ticks that changed them.

    `time` is when the worker received the last tick (UTC; by the gateway's clock if that has another date, as a
    simulator's has). Sizes are in shares or contracts.
    """

    symbol: str
    conId: int
    time: datetime
    marketDataType: MarketDataType | None
    simulated: bool = False
    bid: float | None
    bidSize: float | None
    ask: float | None
    askSize: float | None
    last: float | None
    lastSize: float | None
    volume: float | None
    open: float | None
    high: float | None
    low: float | None
    close: float | None
    halted: bool | None
    ticks: list[RawTick] = []


class QuoteStreamOpened(Model):
    """A market-data subscription that the worker keeps while somebody reads `stream`, and the quote so far."""

    stream: str  # the name to hand to the bus's ticks
    contract: Contract
    quote: Quote | None
    life: str = ""  # with seq the last tick that quote has; empty from a worker of an earlier release
    seq: int = 0
    cursor: str = ""  # with `keep`: of the stream's log, before what quote does not have


class Spread(Model):
    """The course of ask less bid. mean: by update, each counts the same, however long it stood."""

    first: float
    last: float
    low: float
    high: float
    mean: float


class StreamSummary(Model):
    """The summary of a stream; each update was also sent by ctx.info. high and low: of the price. spread: ask less bid,
    null where bid and ask were never known together. sample: quotes spread evenly over the time, without what is equal
    in all of them, which is in `same`. conflated: updates left out for a slow client."""

    symbol: str
    updates_count: int
    message: str
    conId: int
    seconds: float
    marketDataType: MarketDataType | None
    first: Quote | None
    last: Quote | None
    high: float | None
    low: float | None
    spread: Spread | None = None
    same: dict[str, SampleCell] = {}
    sample: list[dict[str, SampleCell]]
    conflated: int
    gaps: int
    name: str = ""  # of the contract: SPY 18JUL25 400 P


@tool(returns=list[Bar], toolset="history", deadline_s=57, serves=("charts",))
class GetHistoricalData(ContractArguments, ListArguments):
    """Price history: historical bars (candles) up to now or endDateTime, oldest first. A year of days is 13,000 tokens:
    prefer format summary, a limit, or ibkr_get_performance."""

    title: ClassVar = "price history (bars, candles)"
    search_words: ClassVar = (
        "how did a stock do this year last month week performance return candles for a chart ohlc past prices"
    )
    after_groups: ClassVar = frozenset({"endDateTime", "useRTH"})
    unpublished: ClassVar = ContractArguments.unpublished - {"includeExpired"}
    keeps_expired: ClassVar = True

    durationStr: Annotated[HistoryDuration, Field(description="such as 3600 S, 30 D, YTD")] = "1 Y"
    barSizeSetting: HistoryBarSize = "1 day"
    whatToShow: Annotated[
        WhatToShow, BeforeValidator(forms.what_to_show), Published({"type": "string"}), Field(description=SERIES)
    ] = "TRADES"
    endDateTime: Annotated[EndOfHistory | None, Field(description="day, or instant with zone")] = None
    useRTH: Annotated[bool, Field(description="regular hours")] = True

    @model_validator(mode="after")
    def _end_fits_the_series(self) -> Self:
        """Refuse an end where TWS takes none. Source: IBKR's page on historical bars, and its error 10339."""
        for what, endless in (("whatToShow", "ADJUSTED_LAST"), ("secType", "CONTFUT")):
            if self.endDateTime is not None and getattr(self, what) == endless:
                raise ValueError(f"endDateTime: leave it out, {what} {endless} always ends now")
        return self


@tool(returns=StreamSummary, toolset="streams", composed=True, deadline_s=3620)
class StreamMarketData(ContractArguments):
    """Watch one contract's live quote: updates are sent as log messages and progress, then a summary with first, last,
    high, low and a sample is returned. A quote now: ibkr_get_quotes. Keep duration_seconds at 30 or less."""

    title: ClassVar = "live quote and market data"
    search_words: ClassVar = "price of a stock right now current quote quotes real-time bid ask"

    duration_seconds: Seconds = 60


class LiveFeedOpened(Model):
    """A feed of bars or ticks that is written into its log, and the cursor before its first."""

    stream: str
    contract: Contract
    cursor: str


@operation(returns=LiveFeedOpened, toolset="subscriptions", deadline_s=25)
class OpenLiveFeed(ContractArguments):
    """Subscribe to a contract's order book, bars, trades or headlines, or join the subscription, and write them into
    a log while a handle reads them."""

    feed: Literal["depth", "bars", "bars5s", "ticks", "news"]
    barSizeSetting: LiveBarSize = "1 min"  # of bars


@operation(returns=QuoteStreamOpened, toolset="streams", serves=("subscriptions",))
class OpenMarketData(ContractArguments):
    """Subscribe to a contract, or join its subscription; it ends after 30 s without a listener. With `keep` its quotes
    are written into its log while a handle reads them."""

    keep: bool = False
