"""Messages of the past: bars, schedules, ticks, histograms, head timestamps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from ibgateway.simulator.model.market_data import BarData, BidAsk, HistoricalBars, Trade, TradingSession
from ibgateway.simulator.wire.encoding.text import Value, fixed, message, minimal, price
from ibgateway.simulator.wire.messages.fields import local_time

DAILY = ("1 day", "1 week", "1 month", "1D", "1W", "1M")


@dataclass(frozen=True)
class BarStyle:
    """The format of one request's bars."""

    zone: str
    decimals: int
    formatDate: int = 1
    daily: bool = False
    lot: int = 1  # before version 175, US stocks' volumes come in hundreds

    def date(self, at: float) -> str:
        if self.daily:
            return f"{datetime.fromtimestamp(at, UTC):%Y%m%d}"
        return str(int(at)) if self.formatDate == 2 else local_time(at, self.zone)

    def price(self, x: float) -> str:
        return price(x, self.decimals)

    def volume(self, volume: Decimal) -> str:
        return minimal(volume if self.lot == 1 or volume < 0 else volume // self.lot)

    def wap(self, bar: BarData) -> str:
        return "-1" if bar.volume < 0 else fixed(bar.wap, self.decimals + 1)


def _bar(style: BarStyle, bar: BarData) -> list[Value]:
    prices: list[Value] = [style.price(x) for x in (bar.open, bar.high, bar.low, bar.close)]
    return [style.date(bar.time), *prices, style.volume(bar.volume), style.wap(bar), bar.count]


def historical_data(version: int, reqId: int, requested: HistoricalBars, style: BarStyle) -> list[bytes]:
    """Return all bars in one message; since 196 their span is a message of its own (108)."""
    span = [local_time(requested.start, style.zone), local_time(requested.end, style.zone)]
    bars = [field for bar in requested.bars for field in _bar(style, bar)]
    if version < 196:
        return [message(17, reqId, *span, len(requested.bars), *bars)]
    return [message(17, reqId, len(requested.bars), *bars), message(108, reqId, *span)]


def historical_data_update(reqId: int, bar: BarData, style: BarStyle) -> bytes:
    """Return a changed bar; only this message has close before high and low."""
    prices = [style.price(x) for x in (bar.open, bar.close, bar.high, bar.low)]
    return message(90, reqId, bar.count, style.date(bar.time), *prices, style.wap(bar), style.volume(bar.volume))


def historical_schedule(reqId: int, sessions: Sequence[TradingSession], zone: str) -> bytes:
    def stamp(at: float) -> str:
        return f"{datetime.fromtimestamp(at, ZoneInfo(zone)):%Y%m%d-%H:%M:%S}"

    first, last = (stamp(sessions[0].start), stamp(sessions[-1].end)) if sessions else ("", "")
    rows = [text for one in sessions for text in (stamp(one.start), stamp(one.end), one.refDate)]
    return message(106, reqId, first, last, zone, len(sessions), *rows)


def head_timestamp(reqId: int, at: float, formatDate: int) -> bytes:
    text = str(int(at)) if formatDate == 2 else f"{datetime.fromtimestamp(at, UTC):%Y%m%d-%H:%M:%S}"
    return message(88, reqId, text)


def histogram(reqId: int, rows: Sequence[tuple[float, Decimal]]) -> bytes:
    return message(89, reqId, len(rows), *[field for row in rows for field in row])


def historical_ticks(reqId: int, ticks: Sequence[tuple[float, float]], decimals: int, done: bool) -> bytes:
    """Return midpoints; their sizes are 0."""
    fields: list[Value] = [field for time, middle in ticks for field in (int(time), 0, price(middle, decimals), 0)]
    return message(96, reqId, len(ticks), *fields, done)


def historical_ticks_bid_ask(reqId: int, ticks: Sequence[BidAsk], decimals: int, done: bool) -> bytes:
    fields: list[Value] = []
    for tick in ticks:
        bid, ask = ("-1" if side is None else price(side, decimals) for side in (tick.bid, tick.ask))
        fields += [int(tick.time), 0, bid, ask, tick.bidSize, tick.askSize]
    return message(97, reqId, len(ticks), *fields, done)


def historical_ticks_last(reqId: int, ticks: Sequence[Trade], decimals: int, done: bool) -> bytes:
    fields: list[Value] = []
    for tick in ticks:
        mask = tick.pastLimit * 1 + tick.unreported * 2
        fields += [int(tick.time), mask, price(tick.price, decimals), tick.size, tick.exchange, tick.conditions]
    return message(98, reqId, len(ticks), *fields, done)
