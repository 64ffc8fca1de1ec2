"""One span's prints and quotes, drawn at once so that they hit the span's open, high, low, close, volume and VWAP.

The row comes first and the ticks are made to fit it: so daily bars need no ticks, and still are their aggregation.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Small = NDArray[np.int32]  # what is kept: a day of a liquid stock is 170,000 quotes
Venues = NDArray[np.uint8]

OPENING_S = 0.05  # the first print comes this long after a span's start
CLOSING_S = 0.01  # and the last this long before its end
KNOTS = 390  # points of the path that instruments on the same series share
TYPICAL_RANGE = 1.6  # the range of a Brownian bridge with unit variance, about
BIG_PRINT = 0.02  # of all prints
LOT = 100
# What a random byte stands for: a tenth of the quotes are a tick or two wider (seven bits); an exponential size.
WIDER = np.array([1] * 7 + [2] * 6 + [0] * 115, dtype=np.int32)
EXPONENTIAL = -np.log1p(-(np.arange(256) + 0.5) / 256)


@dataclass(frozen=True)
class Row:
    """The sums of a span's ticks. Prices in ticks; `turnover` is the sum of size × ticks."""

    start: float
    end: float
    open: int
    high: int
    low: int
    close: int
    volume: int
    count: int
    turnover: int
    spread: int  # in ticks, at its narrowest
    auctions: bool = False  # whether opening and closing prints are large

    @property
    def bid_low(self) -> int:
        return min(self.low, self.high - self.spread)

    @property
    def bid_high(self) -> int:
        return self.high - self.spread

    @property
    def ask_low(self) -> int:
        return self.bid_low + self.spread

    @property
    def first_quote(self) -> tuple[int, int]:
        """The span's first bid and ask: the opening print is at the ask unless it is the low."""
        return self._quote(self.open, self.open != self.low)

    @property
    def last_quote(self) -> tuple[int, int]:
        """The span's last bid and ask: the closing print is at the bid unless it is the high."""
        return self._quote(self.close, self.close == self.high)

    def _quote(self, price: int, buy: bool) -> tuple[int, int]:
        if buy:
            ask = max(price, self.ask_low)
            return max(ask - self.spread, self.bid_low), ask
        bid = min(price, self.bid_high)
        return bid, bid + self.spread


@dataclass
class Prints:
    time: Floats
    price: Small  # ticks
    size: Small
    venue: Venues  # index into the instrument's venues

    @cached_property
    def high(self) -> Small:
        """The highest price up to and with each print."""
        return np.maximum.accumulate(self.price)

    @cached_property
    def low(self) -> Small:
        return np.minimum.accumulate(self.price)

    @cached_property
    def volume(self) -> Ints:
        """The volume up to and with each print."""
        return np.cumsum(self.size, dtype=np.int64)


@dataclass
class Quotes:
    time: Floats
    bid: Small
    ask: Small
    bid_size: Small
    ask_size: Small
    bid_venue: Venues
    ask_venue: Venues


class Tape:
    """The prints and quotes of one span; each is drawn when first looked at."""

    def __init__(self, row: Row, draw: Callable[[str], Generator], path: Generator, venues: int, size: int) -> None:
        self.row = row
        self.start = row.start
        self.end = row.end
        self._draw = draw
        self._path = path
        self._venues = venues
        self._size = size  # a typical displayed size

    @property
    def opens_with_auction(self) -> bool:
        return self.row.auctions

    @cached_property
    def prints(self) -> Prints:
        draw = self._draw("prints")
        time = _times(self.row, draw)
        price = _prices(self.row, time, draw, self._path)
        size = _sizes(self.row, price, draw)
        venue = draw.integers(0, self._venues, self.row.count, dtype=np.uint8)
        return Prints(time, price.astype(np.int32), size.astype(np.int32), venue)

    @cached_property
    def quotes(self) -> Quotes:
        """One with each print, and one between each two, which has the bid and ask of either."""
        prints, row, draw = self.prints, self.row, self._draw("quotes")
        n = row.count
        bid, ask = _book(row, prints.price, draw)
        time = np.empty(2 * n - 1)
        time[0::2] = prints.time
        time[1::2] = np.floor((prints.time[:-1] + np.diff(prints.time) * draw.random(n - 1)) * 1000) / 1000
        np.maximum.accumulate(time, out=time)
        which = np.repeat(np.arange(n), 2)[:-1]
        which[1::2] += _bytes(n - 1, draw) & 1
        venue = draw.integers(0, self._venues, (2, 2 * n - 1), dtype=np.uint8)
        sizes = _displayed(self._size, (2, 2 * n - 1), draw)
        return Quotes(time, bid[which], ask[which], sizes[0], sizes[1], venue[0], venue[1])

    def unchanged_until(self, at: float) -> float:
        """Return the time of the first quote or print after `at`, or the span's end."""
        following = ((times, number_at(times, at) + 1) for times in (self.quotes.time, self.prints.time))
        return min((float(times[i]) for times, i in following if i < len(times)), default=self.end)


def number_at(times: Floats, at: float) -> int:
    """Return the number of the last time up to `at`; -1 before the first. numpy's function takes a microsecond more."""
    return int(times.searchsorted(at, side="right")) - 1


def _bytes(shape: int | tuple[int, int], draw: Generator) -> Venues:
    """Random bytes: a day has some hundred thousand quotes, and a byte is all that most choices need."""
    return draw.integers(0, 256, shape, dtype=np.uint8)


def _times(row: Row, draw: Generator) -> Floats:
    """Busier at both ends of the span, to the millisecond."""
    steps = np.cumsum(draw.standard_exponential(row.count))
    even = (steps - steps[0]) / (steps[-1] - steps[0])
    knots = np.linspace(0, 1, 65)
    crowd = np.cumsum(1 + 3 * np.abs(knots - 0.5) ** 2 * 4)
    warped = np.interp(even, (crowd - crowd[0]) / (crowd[-1] - crowd[0]), knots)
    first, last = row.start + OPENING_S, row.end - CLOSING_S
    times: Floats = np.rint((first + warped * (last - first)) * 1000) / 1000
    return times


def _prices(row: Row, time: Floats, draw: Generator, path: Generator) -> Ints:
    """A path from open to close that touches high and low and leaves neither."""
    n, width = row.count, row.high - row.low
    if width == 0:
        return np.full(n, row.open, dtype=np.int64)
    at = (time - time[0]) / (time[-1] - time[0])
    wander = _shared_path(at, path) + _own_path(at, draw)
    level = row.open + (row.close - row.open) * at + wander * width / TYPICAL_RANGE
    level = _fold(level, row.low, row.high)
    level = _stretch(level, row)
    ticks = np.clip(np.rint(level).astype(np.int64), row.low, row.high)
    return _pin(ticks, level, row)


def _shared_path(at: Floats, path: Generator) -> Floats:
    """A Brownian bridge at knots, the same for every instrument on the series."""
    walk = np.concatenate([[0.0], np.cumsum(path.normal(0, KNOTS**-0.5, KNOTS))])
    knots = np.linspace(0, 1, KNOTS + 1)
    shared: Floats = np.interp(at, knots, walk - knots * walk[-1])
    return shared


def _own_path(at: Floats, draw: Generator) -> Floats:
    """Return the instrument's own moves between the knots, zero at each knot."""
    n = len(at)
    walk = np.cumsum(draw.normal(0, n**-0.5, n))
    knots = np.linspace(0, 1, KNOTS + 1)
    at_knots = walk[np.minimum(np.searchsorted(at, knots), n - 1)]
    own: Floats = walk - np.interp(at, knots, at_knots)
    return own


def _fold(level: Floats, low: int, high: int) -> Floats:
    """Reflect what leaves [low, high] back into it."""
    width = high - low
    folded: Floats = low + (width - np.abs(np.mod(level - low, 2 * width) - width))
    return folded


def _stretch(level: Floats, row: Row) -> Floats:
    """Pull the path's extremes out to the high and the low; between open and close it stays."""
    inner = (min(row.open, row.close), max(row.open, row.close))
    seen = (min(float(level.min()), inner[0]), *inner, max(float(level.max()), inner[1]))
    stretched: Floats = np.interp(level, seen, (row.low, *inner, row.high))
    return stretched


def _pin(ticks: Ints, level: Floats, row: Row) -> Ints:
    """Set what must be exact: the ends, a pair one tick apart (for the VWAP), and at least one high and low."""
    ticks[:2] = row.open
    ticks[2] = row.open + (1 if row.open < row.high else -1)
    ticks[-1] = row.close
    if ticks.max() < row.high:
        ticks[3 + int(level[3:-1].argmax())] = row.high
    if ticks.min() > row.low:
        ticks[3 + int(level[3:-1].argmin())] = row.low
    return ticks


def _sizes(row: Row, price: Ints, draw: Generator) -> Ints:
    """Sizes that add up to the volume and, times price, to the turnover."""
    n, width = row.count, row.high - row.low
    if row.volume == 0:
        return np.zeros(n, dtype=np.int64)
    fixed = np.zeros(n, dtype=np.int64)
    if row.auctions:
        fixed[0], fixed[-1] = row.volume // 100, row.volume * 6 // 100
    fixed[1] += width + 1
    fixed[2] += width + 1
    weight = draw.standard_exponential(n) * np.where(draw.random(n) < BIG_PRINT, 12.0, 1.0)
    free = row.volume - int(fixed.sum()) - n
    if width:
        wanted = (row.turnover - int(fixed @ price) - int(price.sum())) / free
        weight *= _tilt(price - row.low, weight, (wanted - row.low) / width, width)
    shares = np.floor(np.cumsum(weight) * (free / weight.sum())).astype(np.int64)
    shares[-1] = free
    size = fixed + 1 + np.diff(shares, prepend=0)
    return _settle(size, price, row.turnover - int(size @ price))


def _tilt(level: Ints, weight: Floats, wanted: float, width: int) -> Floats:
    """Factors by price level, exponential in price, that move the weighted mean to `wanted` (a share of the range)."""
    mass = np.bincount(level, weights=weight, minlength=width + 1)
    share = np.arange(width + 1) / width
    low, high = -60.0, 60.0
    for _ in range(50):
        theta = (low + high) / 2
        pull = mass * np.exp(theta * (share - 0.5))
        if float(pull @ share) / float(pull.sum()) < wanted:
            low = theta
        else:
            high = theta
    tilted: Floats = np.exp(theta * (share - 0.5))[level]
    return tilted


def _settle(size: Ints, price: Ints, missing: int) -> Ints:
    """Move shares until size × price is exact: to the dearest or the cheapest print, then within the one-tick pair."""
    side = 1 if missing > 0 else -1
    taker = int((price * side).argmax())
    gap = (price[taker] - price) * side
    spare = size - 1
    spare[1:3] = 0  # the pair keeps what it has for the last step
    while missing * side >= size[1:3].min():
        giver = int((spare * gap).argmax())
        moved = min(missing * side // int(gap[giver]), int(spare[giver]))
        size[giver] -= moved
        size[taker] += moved
        spare[giver] -= moved
        missing -= moved * int(gap[giver]) * side
    up = int(price[2] - price[1])  # +1 or -1
    size[2] += missing * up
    size[1] -= missing * up
    return size


def _book(row: Row, price: Small, draw: Generator) -> tuple[Small, Small]:
    """The bid and ask around each print; `Row` has the bounds that make a day's quotes known without ticks."""
    n = row.count
    move = np.diff(price, prepend=price[:1])
    dice = _bytes(n, draw)
    buy = np.where(move == 0, dice & 1, move > 0).astype(np.bool_)
    room = row.spread + WIDER[dice >> 1]
    buy[0], buy[-1] = price[0] != row.low, price[-1] == row.high
    buy[price == row.high] = True
    buy[price == row.low] = row.low == row.high
    room[0] = room[-1] = row.spread
    room[(price == row.high) | (price == row.low)] = row.spread
    ask_if_buy = np.maximum(price, row.ask_low)
    bid_if_sell = np.minimum(price, row.bid_high)
    bid = np.where(buy, np.maximum(ask_if_buy - room, row.bid_low), bid_if_sell)
    ask = np.where(buy, ask_if_buy, np.minimum(bid_if_sell + room, row.high))
    return bid.astype(np.int32), ask.astype(np.int32)


def _displayed(size: int, shape: tuple[int, int], draw: Generator) -> Small:
    """Displayed sizes in round lots (contracts, where a typical size is below a lot)."""
    lot = LOT if size >= LOT else 1
    lots = 1 + np.floor(EXPONENTIAL * size / lot)
    displayed: Small = (lots * lot).astype(np.int32)[_bytes(shape, draw)]
    return displayed
