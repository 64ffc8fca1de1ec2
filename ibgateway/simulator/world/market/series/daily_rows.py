"""A trading day of one instrument, before any tick is drawn: a `Row` for each of its spans."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

import numpy as np

from ibgateway.simulator.world.instruments.instrument import Instrument
from ibgateway.simulator.world.market.series.daily_series import Floats, Series
from ibgateway.simulator.world.market.tapes.rng import fraction, stream
from ibgateway.simulator.world.market.tapes.tape import Row
from ibgateway.simulator.world.time.calendar import TradingSpan

KEPT_DAYS = 20_000
SHARE = {"rth": 1.0, "pre": 0.02, "post": 0.03}  # of a day's volume, for stocks
OVERNIGHT_SHARE = 0.25  # for futures, whose night is long
QUIET = 3  # the spread outside liquid hours, in spreads
PRINT_SIZE = 100  # a span's volume allows a print for each hundred
DENSEST = 4.0  # prints a second
SPARSEST = 0.4
UNTRADED = {"CASH": 0.5, "IND": 1.0, "BOND": 0.02}  # prices a second of what has quotes or prints only
VOLUME_A_PRINT = 5e6  # average daily volume that makes a print a second
CARRY = 0.03  # a year, between a future and its index


@dataclass(frozen=True)
class _Shape:
    """A span's prices in the series' own money, and its volume."""

    open: float
    high: float
    low: float
    close: float
    volume: float


class DailyRows:
    """Rows by instrument and trading day; pure functions of the seed, kept while they are in use."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._kept: OrderedDict[tuple[int, int], tuple[Row, ...]] = OrderedDict()

    def day(self, instrument: Instrument, series: Series, index: int) -> tuple[Row, ...]:
        """One row for each span of the day, in order."""
        key = (instrument.conId, index)
        found = self._kept.get(key)
        if found is None:
            found = self._kept[key] = self._make(instrument, series, index)
            if len(self._kept) > KEPT_DAYS:
                self._kept.popitem(last=False)
        return found

    def _make(self, instrument: Instrument, series: Series, index: int) -> tuple[Row, ...]:
        scale = instrument.factor * carry(instrument, index)
        return tuple(
            self._row(instrument, span, self._shape(instrument, series, index, span), scale)
            for span in instrument.calendar.spans(index)
        )

    def _shape(self, instrument: Instrument, series: Series, index: int, span: TradingSpan) -> _Shape:
        day = series_row(instrument, series, index)
        if span.liquid:
            return _Shape(day[0], day[1], day[2], day[3], day[4])
        if span.kind == "post":
            return self._extended(series, index, span, day[3], day[3] * self._drift(series, index), day[4])
        previous = series_row(instrument, series, index - 1)[3]
        if any(each.kind == "post" for each in instrument.calendar.spans(index)):
            previous *= self._drift(series, index - 1)
        return self._extended(series, index, span, previous, day[0], day[4])

    def _drift(self, series: Series, index: int) -> float:
        """Return the move of after-hours trading from the close."""
        z = fraction(self._seed, series.name, index, "post") - 0.5
        return 1 + 0.4 * z * series.daily_volatility

    def _extended(
        self, series: Series, index: int, span: TradingSpan, opening: float, closing: float, volume: float
    ) -> _Shape:
        reach = np.abs(stream(self._seed, series.name, index, span.kind, "range").normal(0, 0.15, 2)) + 0.05
        up, down = np.exp(reach * series.daily_volatility * (1, -1))
        share = OVERNIGHT_SHARE if span.end - span.start > 8 * 3600 else SHARE[span.kind]
        return _Shape(opening, max(opening, closing) * up, min(opening, closing) * down, closing, volume * share)

    def _row(self, instrument: Instrument, span: TradingSpan, shape: _Shape, scale: float) -> Row:
        opening, high, low, close = (
            max(instrument.ticks(price * scale), 1) for price in (shape.open, shape.high, shape.low, shape.close)
        )
        width = high - low
        volume = self._volume(instrument, shape.volume, width)
        count = print_count(instrument, span, volume)
        at = fraction(self._seed, instrument.conId, span.start, "vwap")
        mean = (opening + high + low + close) / 4 + (at - 0.5) * 0.1 * width
        return Row(
            start=span.start,
            end=span.end,
            open=opening,
            high=high,
            low=low,
            close=close,
            volume=volume,
            count=count,
            turnover=round(mean * volume),
            spread=instrument.spread * (1 if span.liquid else QUIET),
            auctions=span.liquid and instrument.secType == "STK",
        )

    def _volume(self, instrument: Instrument, volume: float, width: int) -> int:
        """At least what lets the sizes meet the turnover exactly."""
        if not (instrument.prints and instrument.quoted):
            return 0
        return max(round(volume * instrument.volume_share), 50 * (width + 1), 100 * 60)


def print_count(instrument: Instrument, span: TradingSpan, volume: int) -> int:
    rate = min(max(instrument.volume / VOLUME_A_PRINT, SPARSEST), DENSEST)
    if not (instrument.prints and instrument.quoted):
        return int(UNTRADED[instrument.secType] * (span.end - span.start))
    share = 1.0 if span.liquid else 0.1
    return int(min(max(volume // PRINT_SIZE, 60), rate * share * (span.end - span.start)))


def carry(instrument: Instrument, index: int) -> float:
    """A future stands above its index by interest until it expires."""
    if instrument.secType != "FUT" or instrument.expiry is None:
        return 1.0
    days = (instrument.expiry - instrument.calendar.day(index)).days
    return float(np.exp(CARRY * max(days, 0) / 365))


def series_row(instrument: Instrument, series: Series, index: int) -> Floats:
    """The series' row of an instrument's trading day; flat where the series' own exchange is closed."""
    mine, own = instrument.calendar, series.calendar
    if mine.hours.exchange == own.hours.exchange:
        return series.row(max(index, series.first))
    day = mine.days[index]
    at = int(np.searchsorted(own.days, day, side="right")) - 1
    row = series.row(max(at, series.first))
    if at >= 0 and own.days[at] == day:
        return row
    close, reach = row[3], 0.2 * series.daily_volatility
    return np.array([close, close * (1 + reach), close * (1 - reach), close, row[4] * 0.2, row[5]])
