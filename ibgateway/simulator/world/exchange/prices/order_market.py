"""The market as an order sees it: the present book, and the time of the next event that it waits for.

The market is a pure function of time, so "when" is looked up: an order knows the instant of its next event.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from ibgateway.simulator.model.market_data import BidAsk, Trade
from ibgateway.simulator.world.instruments.instrument import Instrument
from ibgateway.simulator.world.market.depth import depth
from ibgateway.simulator.world.market.market import Market, venues
from ibgateway.simulator.world.market.tapes.tape import Tape
from ibgateway.simulator.world.time.calendar import TradingSpan

SWEEP = 20  # levels that one order takes at once, at most
EVERYTHING = 10**15
LAST, BID, ASK, MIDDLE = "last", "bid", "ask", "middle"


@dataclass(frozen=True)
class PriceLevel:
    price: float
    size: Decimal
    venue: str


@dataclass(frozen=True)
class Touch:
    """The moment at which a resting order trades next."""

    time: float
    size: Decimal
    venue: str
    price: float


@dataclass(frozen=True)
class TradingWindow:
    """A span in which an order may trade, from `start` on."""

    index: int
    number: int
    start: float
    end: float


class OrderMarket:
    """One instrument's market."""

    def __init__(self, market: Market, instrument: Instrument) -> None:
        self.market = market
        self.instrument = instrument

    def quote(self, at: float) -> BidAsk:
        return self.market.quote(self.instrument, at)

    def price(self, at: float) -> float:
        return self.market.price(self.instrument, at)

    def levels(self, buy: bool, at: float) -> list[PriceLevel]:
        """Return the price levels on the other side of the book, best first."""
        bids, asks = depth(self.market, self.instrument, SWEEP, at)
        return [PriceLevel(each.price, each.size, each.marketMaker) for each in (asks if buy else bids)]

    # --- when ----------------------------------------------------------------------------------------------------

    def window(self, time: float, outside: bool) -> TradingWindow:
        """Return the span of `time` or the next one; extended hours only if the order may trade there."""
        calendar = self.instrument.calendar
        index, span = calendar.next_span(time, liquid=not outside)
        start = max(time, span.start)
        resumes = self.market.halted_until(self.instrument, start)
        if resumes is not None:
            return self.window(resumes, outside)
        return TradingWindow(index, calendar.spans(index).index(span), start, span.end)

    def trading_day_end(self, time: float, outside: bool) -> float:
        """Return the end of a day order that is placed at `time`."""
        calendar = self.instrument.calendar
        index, _ = calendar.next_span(time, liquid=not outside)
        spans: list[TradingSpan] = [span for span in calendar.spans(index) if span.liquid or outside]
        return spans[-1].end

    def _tape(self, window: TradingWindow) -> Tape:
        return self.market.tape(self.instrument, window.index, window.number)

    def next_quote(self, window: TradingWindow, after: float) -> float | None:
        """Return the next change of the quote."""
        times = self._tape(window).quotes.time
        i = int(np.searchsorted(times, after, side="right"))
        return float(times[i]) if i < len(times) else None

    def opening(self, window: TradingWindow) -> Trade | None:
        """Return the print that opens the window's span."""
        return self._trade(self._tape(window), 0) if self.instrument.prints else None

    def cross(self, window: TradingWindow, at: float) -> Trade | None:
        """The auction that the market opens with, or trades again with after a halt, while it is still to come: all
        orders trade in it at one price, and none before it."""
        if not self.instrument.prints or self.instrument.secType == "IND":
            return None
        tape = self._tape(window)
        resumed = self.market.resumed_at(self.instrument, max(at, window.start))
        if resumed is not None and resumed > tape.start:
            i = int(np.searchsorted(tape.prints.time, resumed, side="left"))
        elif tape.opens_with_auction:
            i = 0
        else:
            return None
        return self._trade(tape, i) if i < len(tape.prints.time) and tape.prints.time[i] > at else None

    def closing(self, window: TradingWindow) -> Trade | None:
        """Return the print that closes the window's span."""
        tape = self._tape(window)
        return self._trade(tape, tape.row.count - 1) if self.instrument.prints else None

    def _trade(self, tape: Tape, i: int) -> Trade:
        prints = tape.prints
        venue = self.instrument.primaryExchange or venues(self.instrument)[0]
        return Trade(float(prints.time[i]), self.instrument.price(prints.price[i]), Decimal(int(prints.size[i])), venue)

    def touch(self, buy: bool, limit: float, window: TradingWindow, queue: Decimal) -> tuple[Touch | None, Decimal]:
        """Return the moment at which an order at `limit` behind `queue` trades, and the queue left at the window's end.

        The other side comes to it, a print goes through it, or enough prints at its price serve the queue before it.
        """
        ticks = self._ticks(limit, down=buy)
        row = self.market.bounds(self.instrument, window.index, window.number)
        if row is not None and (row.low > ticks if buy else row.high < ticks):
            return None, queue
        tape = self._tape(window)
        quoted = self._quote_touch(tape, buy, ticks, window.start)
        traded, rest = (
            self._print_touch(tape, buy, ticks, window.start, queue)
            if self.instrument.prints and self.instrument.secType != "IND"
            else (None, queue)
        )
        found = [each for each in (quoted, traded) if each is not None]
        return (min(found, key=lambda each: each.time), Decimal(0)) if found else (None, rest)

    def _quote_touch(self, tape: Tape, buy: bool, ticks: int, after: float) -> Touch | None:
        quotes = tape.quotes
        start = int(np.searchsorted(quotes.time, after, side="right"))
        other = quotes.ask if buy else quotes.bid
        i = _first(other[start:] <= ticks if buy else other[start:] >= ticks)
        if i is None:
            return None
        i += start
        size = int(quotes.ask_size[i] if buy else quotes.bid_size[i])
        if other[i] != ticks:  # the market has gone through the limit: everybody at it is served, at the market's price
            size = EVERYTHING
        venue = (quotes.ask_venue if buy else quotes.bid_venue)[i]
        price = self.instrument.price(int(other[i]))
        return Touch(float(quotes.time[i]), Decimal(size), venues(self.instrument)[venue], price)

    def _print_touch(
        self, tape: Tape, buy: bool, ticks: int, after: float, queue: Decimal
    ) -> tuple[Touch | None, Decimal]:
        prints = tape.prints
        start = int(np.searchsorted(prints.time, after, side="right"))
        price, size = prints.price[start:], prints.size[start:]
        through = price < ticks if buy else price > ticks
        served = np.cumsum(np.where(price == ticks, size, 0), dtype=np.int64)
        waiting = int(queue)
        i = _first(through | (served > waiting))
        if i is None:
            return None, max(queue - int(served[-1] if len(served) else 0), Decimal(0))
        mine = int(size[i]) if through[i] else min(int(served[i]) - waiting, int(size[i]))
        venue = venues(self.instrument)[prints.venue[start + i]]
        paid = self.instrument.price(int(price[i]) if through[i] else ticks)
        return Touch(float(prints.time[start + i]), Decimal(mine), venue, paid), Decimal(0)

    def pegged_touch(
        self, buy: bool, offset: float, cap: float | None, middle: bool, window: TradingWindow
    ) -> Touch | None:
        """Return the moment at which a print serves an order pegged to its own side of the quote, or to the middle."""
        tape = self._tape(window)
        prints, quotes = tape.prints, tape.quotes
        start = int(np.searchsorted(prints.time, window.start, side="right"))
        then = np.maximum(np.searchsorted(quotes.time, prints.time[start:], side="right") - 1, 0)
        bid, ask = quotes.bid[then].astype(float), quotes.ask[then].astype(float)
        away = offset * self.instrument.scale / self.instrument.step
        if middle:
            peg = (bid + ask) / 2 + (-away if buy else away)
        else:
            peg = np.minimum(bid + away, ask) if buy else np.maximum(ask - away, bid)
        if cap is not None:
            level = cap * self.instrument.scale / self.instrument.step
            peg = np.minimum(peg, level) if buy else np.maximum(peg, level)
        price = prints.price[start:]
        i = _first(price <= peg if buy else price >= peg)
        if i is None:
            return None
        at = float(peg[i]) * self.instrument.step / self.instrument.scale
        venue = venues(self.instrument)[prints.venue[start + i]]
        return Touch(float(prints.time[start + i]), Decimal(int(prints.size[start + i])), venue, round(at, 6))

    def crosses(self, what: str, above: bool, level: float, window: TradingWindow, twice: bool = False) -> float | None:
        """Return the time at which a price is at `level` or beyond it (`twice`: for two prints in a row)."""
        time, price = self._line(what, window)
        beyond = price >= level - 1e-9 if above else price <= level + 1e-9
        if twice:
            beyond[1:] &= beyond[:-1]
            beyond[:1] = False
        i = _first(beyond)
        return float(time[i]) if i is not None else None

    def trails(
        self,
        what: str,
        sell: bool,
        stop: float,
        distance: float,
        percent: bool,
        window: TradingWindow,
        upto: float | None,
    ) -> tuple[float | None, float]:
        """Return the time at which a trailing stop is hit, and its price then (at `upto` if it is not hit by then)."""
        time, price = self._line(what, window)
        if upto is not None:
            kept = int(np.searchsorted(time, upto, side="right"))
            time, price = time[:kept], price[:kept]
        if not len(time):
            return None, stop
        if sell:
            best = np.maximum.accumulate(price)
            stops = np.maximum(best * (1 - distance / 100) if percent else best - distance, stop)
            hit = _first(price <= np.concatenate([[stop], stops[:-1]]) + 1e-9)
        else:
            best = np.minimum.accumulate(price)
            stops = np.minimum(best * (1 + distance / 100) if percent else best + distance, stop)
            hit = _first(price >= np.concatenate([[stop], stops[:-1]]) - 1e-9)
        if hit is None:
            return None, float(stops[-1])
        return float(time[hit]), float(stops[hit - 1]) if hit else stop

    def sampled(self, time: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return bids and offers at given times of one span; nan before the first."""
        bid, ask = np.full(len(time), np.nan), np.full(len(time), np.nan)
        tape = self.market.tape_at(self.instrument, float(time[0])) if len(time) else None
        if tape is None:
            return bid, ask
        at = np.searchsorted(tape.quotes.time, time, side="right") - 1
        known, unit = at >= 0, self.instrument.step / self.instrument.scale
        bid[known], ask[known] = tape.quotes.bid[at[known]] * unit, tape.quotes.ask[at[known]] * unit
        return bid, ask

    def _line(self, what: str, window: TradingWindow) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return times and prices after the window's start; without prints, the quote's middle is the last price."""
        tape, unit = self._tape(window), self.instrument.step / self.instrument.scale
        if what == LAST and self.instrument.prints:
            start = int(np.searchsorted(tape.prints.time, window.start, side="right"))
            return tape.prints.time[start:], tape.prints.price[start:].astype(np.float64) * unit
        quotes = tape.quotes
        start = int(np.searchsorted(quotes.time, window.start, side="right"))
        bid, ask = quotes.bid[start:].astype(np.float64) * unit, quotes.ask[start:].astype(np.float64) * unit
        price = bid if what == BID else ask if what == ASK else (bid + ask) / 2
        return quotes.time[start:], price

    def _ticks(self, price: float, down: bool) -> int:
        """Return the tick at or inside a price that need not be on the grid."""
        exact = round(price * self.instrument.scale / self.instrument.step, 6)
        return int(np.floor(exact) if down else np.ceil(exact))


def _first(flags: NDArray[np.bool_]) -> int | None:
    i = int(flags.argmax()) if len(flags) else 0
    return i if len(flags) and flags[i] else None
