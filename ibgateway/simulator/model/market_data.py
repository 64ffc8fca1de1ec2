"""Quotes, prints, bars and depth, as the wire and the world exchange them."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class BarData:
    """One bar. `time` is its start; a daily bar's is midnight UTC of its trading day."""

    time: float
    open: float
    high: float
    low: float
    close: float
    volume: Decimal
    wap: float
    count: int


@dataclass(frozen=True, slots=True)
class Trade:
    """One print on the tape (tick-by-tick Last)."""

    time: float
    price: float
    size: Decimal
    exchange: str
    unreported: bool = False
    pastLimit: bool = False
    conditions: str = ""


@dataclass(frozen=True, slots=True)
class BidAsk:
    """The best bid and offer from `time` on (tick-by-tick BidAsk). `None` prices: no quote on that side."""

    time: float
    bid: float | None
    bidSize: Decimal
    ask: float | None
    askSize: Decimal
    bidExchange: str = ""
    askExchange: str = ""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A contract's quote, last trade and day's figures at one instant."""

    time: float
    quote: BidAsk
    last: float | None
    lastSize: Decimal
    lastTime: float | None
    lastExchange: str
    open: float | None
    high: float | None
    low: float | None
    close: float | None  # the previous session's
    volume: Decimal
    halted: int = 0


@dataclass(frozen=True, slots=True)
class DepthLevel:
    price: float
    size: Decimal
    marketMaker: str = ""


@dataclass(frozen=True, slots=True)
class OptionComputation:
    impliedVol: float | None
    delta: float | None
    optPrice: float | None
    pvDividend: float | None
    gamma: float | None
    vega: float | None
    theta: float | None
    undPrice: float | None


@dataclass(frozen=True)
class TradingSession:
    """One session of a schedule: start and end, and the trading day it belongs to (yyyymmdd)."""

    start: float
    end: float
    refDate: str


@dataclass(frozen=True)
class DepthExchange:
    exchange: str
    secType: str
    listingExch: str
    serviceDataType: str
    aggGroup: int | None = None


@dataclass(frozen=True)
class SmartComponent:
    bitNumber: int
    exchange: str
    exchangeLetter: str


@dataclass(frozen=True)
class HistoricalBars:
    """A historical request's answer: its bars and the span that they cover."""

    bars: list[BarData] = field(default_factory=list)
    start: float = 0.0
    end: float = 0.0
