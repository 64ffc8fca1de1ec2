"""Daily series: a symbol's open, high, low, close and volume for every trading day, recorded as far as data goes.

A series ends, as recorded, on the trading day before ANCHOR, wherever the clock starts. Later days, and those before
its first one, are drawn from the seed: so a day's prices depend on the seed alone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ibgateway.simulator.model.config import START
from ibgateway.simulator.world.instruments.guess import Guess
from ibgateway.simulator.world.market.tapes.rng import stream
from ibgateway.simulator.world.time.calendar import Calendar

Floats = NDArray[np.float64]

DATA = Path(__file__).parents[2] / "data"
ANCHOR = START  # whose trading day is the first that is drawn
SCALE = 10_000  # the extracts store prices in 1/10,000
SYNTHETIC_DAYS = 2520  # ten years
END = 1 << 30  # a day beyond every calendar
LEAST_PAST = 60  # days that are known when the clock starts
BLOCK = 64  # days drawn at a time beyond the start
GAP_SHARE = 0.4  # of a day's volatility happens overnight
MAX_MOVE = 0.2  # a drawn day moves at most this much
VOLATILITY_DAYS = 250

RECORDED, CLOSE_ONLY, DERIVED, SYNTHETIC, OWN = "recorded", "close only", "derived", "synthetic", "own"


@dataclass(frozen=True)
class Source:
    """The source of a series' past: rows of open, high, low, close, volume and dividend factor, oldest first."""

    kind: str
    text: str
    rows: Floats  # n × 6; close-only sources fill the other columns with nan

    def ending_at(self, price: float) -> Source:
        """The same series, scaled so that its last close is this price."""
        factor = price / self.rows[-1, 3]
        return replace(self, text=f"{self.text}, scaled", rows=self.rows * np.array([factor] * 4 + [1.0, 1.0]))


@lru_cache(maxsize=1)
def _recorded() -> Any:
    return np.load(DATA / "recorded.npz")


@lru_cache(maxsize=1)
def _closes() -> Any:
    return np.load(DATA / "closes.npz")


def shipped_source(name: str) -> Source | None:
    """The shipped extract of a series; None when it has none."""
    if name in _recorded().files:
        raw = _recorded()[name].astype(np.float64)
        rows = np.column_stack([raw[:, :4] / SCALE, raw[:, 4], raw[:, 5] / 1_000_000])
        return Source(RECORDED, "Quandl WIKI Prices (public domain), 2000–2013, splits undone, moved in time", rows)
    if name in _closes().files:
        closes = _closes()[name].astype(np.float64) / SCALE
        rows = np.full((len(closes), 6), np.nan)
        rows[:, 3] = closes
        return Source(CLOSE_ONLY, "skfolio's S&P 500 data set (BSD-3), daily closes to 2022, moved in time", rows)
    return None


class Series:
    """One symbol's daily rows by trading-day number; rows beyond the recorded ones are drawn when first asked for."""

    def __init__(
        self,
        name: str,
        calendar: Calendar,
        after: int,
        seed: int,
        past: Floats,
        guess: Guess,
        clock: int = END,
    ) -> None:
        """`after` is the number of the day after `past`, `clock` that of the day on which the clock starts: a series
        that begins later, or only just before, gets a past that is drawn."""
        self.name = name
        self.calendar = calendar
        self.after = after
        self._seed = seed
        self._volume = guess.volume
        past = past[-after:] if after else past[:0]
        self.first = after - len(past)
        self._rows = _fill(past, guess, stream(seed, name, "history"))
        self._sigma = _volatility(self._rows[:, 3], guess)
        if clock < self.first + LEAST_PAST:
            while self.first > max(clock - SYNTHETIC_DAYS, 0):
                self._extend_back()

    def rows(self, start: int, stop: int) -> Floats:
        """Rows [start, stop) of open, high, low, close, volume, dividend factor; none before `first`."""
        while self.first + len(self._rows) < stop:
            self._extend()
        return self._rows[max(start - self.first, 0) : max(stop - self.first, 0)]

    def row(self, index: int) -> Floats:
        row: Floats = self.rows(index, index + 1)[0]
        return row

    @property
    def daily_volatility(self) -> float:
        return self._sigma

    def _extend(self) -> None:
        block = len(self._rows) - (self.after - self.first)
        draw = stream(self._seed, self.name, "future", block)
        steps = np.clip(draw.normal(0, self._sigma, BLOCK), -MAX_MOVE, MAX_MOVE)
        rows = np.full((BLOCK, 6), np.nan)
        rows[:, 3] = self._rows[-1, 3] * np.exp(np.cumsum(steps))
        previous = np.concatenate([self._rows[-1:, 3], rows[:-1, 3]])
        _draw_within(rows, previous, self._sigma, self._volume, draw)
        self._rows = np.concatenate([self._rows, rows])

    def _extend_back(self) -> None:
        """Put a block of drawn days before the first one. It depends on what follows it alone, so a day is the same
        however far back a series is drawn."""
        draw = stream(self._seed, self.name, "before", self.after - self.first)
        days = min(BLOCK, self.first)
        steps = np.clip(draw.normal(0, self._sigma, BLOCK + 1), -MAX_MOVE, MAX_MOVE)[-days - 1 :]
        closes = (
            self._rows[0, 3] / np.exp(np.cumsum(steps[::-1]))[::-1]
        )  # of the day before the block, then of its days
        rows = np.full((days, 6), np.nan)
        rows[:, 3] = closes[1:]
        _draw_within(rows, closes[:-1], self._sigma, self._volume, draw)
        rows[:, 5] = self._rows[0, 5]  # as adjusted as the first day that is known
        self._rows = np.concatenate([rows, self._rows])
        self.first -= days


def synthetic_past(name: str, seed: int, guess: Guess, days: int) -> Floats:
    """A random walk of closes that ends at the guess's price."""
    steps = stream(seed, name, "past").normal(0, guess.volatility / np.sqrt(252), days)
    closes = np.exp(np.cumsum(np.clip(steps, -MAX_MOVE, MAX_MOVE)))
    rows = np.full((days, 6), np.nan)
    rows[:, 3] = guess.price * closes / closes[-1]
    return rows


def _volatility(closes: Floats, guess: Guess) -> float:
    recent = closes[-VOLATILITY_DAYS:]
    if len(recent) < 20:
        return guess.volatility / float(np.sqrt(252))
    return float(np.std(np.diff(np.log(recent))))


def _fill(past: Floats, guess: Guess, draw: np.random.Generator) -> Floats:
    rows = past.copy()
    if not len(rows):
        rows = np.full((1, 6), np.nan)  # a start before any data: one day, so that there is a previous close
        rows[:, 3] = guess.price
    if np.isnan(rows[:, 0]).any():
        previous = np.concatenate([rows[:1, 3], rows[:-1, 3]])
        _draw_within(rows, previous, _volatility(rows[:, 3], guess), guess.volume, draw)
    return rows


def _draw_within(rows: Floats, previous: Floats, sigma: float, volume: float, draw: np.random.Generator) -> None:
    """Draw open, high, low and volume around known closes."""
    n = len(rows)
    close = rows[:, 3]
    gap = draw.normal(0, GAP_SHARE * sigma, n)
    reach = np.abs(draw.normal(0, 0.5 * sigma, (n, 2))) + 0.1 * sigma
    rows[:, 0] = previous * np.exp(gap + 0.3 * np.log(close / previous))
    rows[:, 1] = np.maximum(rows[:, 0], close) * np.exp(reach[:, 0])
    rows[:, 2] = np.minimum(rows[:, 0], close) * np.exp(-reach[:, 1])
    busy = np.exp(draw.normal(0, 0.25, n) + 3 * np.abs(np.log(close / previous)))
    rows[:, 4] = np.rint(volume * busy)
    rows[:, 5] = 1.0
