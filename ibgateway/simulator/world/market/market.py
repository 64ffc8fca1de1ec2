"""Quotes, prints and snapshots at any instant, read from tapes that are drawn once and kept."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from functools import lru_cache

import numpy as np
from numpy.random import Generator

from ibgateway.simulator.model.errors import Refusal
from ibgateway.simulator.model.market_data import BidAsk, Snapshot, Trade
from ibgateway.simulator.world.instruments.directory import NOT_FOUND, Directory
from ibgateway.simulator.world.instruments.instrument import Instrument
from ibgateway.simulator.world.market.option_pricing.options import DERIVED, OptionModel, OptionTape, smile
from ibgateway.simulator.world.market.option_pricing.volatility import implied_of_day
from ibgateway.simulator.world.market.series.daily_rows import DailyRows
from ibgateway.simulator.world.market.series.daily_series import (
    ANCHOR,
    SYNTHETIC,
    SYNTHETIC_DAYS,
    Series,
    Source,
    shipped_source,
    synthetic_past,
)
from ibgateway.simulator.world.market.series.daily_series import DERIVED as DERIVED_KIND
from ibgateway.simulator.world.market.series.user_history import UserHistory
from ibgateway.simulator.world.market.tapes.halts import HALTED, HaltedTape, TradingHalt
from ibgateway.simulator.world.market.tapes.rng import stream
from ibgateway.simulator.world.market.tapes.tape import Quotes, Row, Tape, number_at
from ibgateway.simulator.world.time.calendar import Calendar, TradingSpan, calendar

KEPT_BYTES = 600_000_000  # of drawn tapes: a day of the hundred contracts that an account may watch is 400 million
COUNTED_BYTES = 350_000  # an option's day
PRINT_BYTES = 17 + 16 + 2 * 26  # a print, the day's extremes and volume up to it, the two quotes that go with it
LISTED = {"FUT": timedelta(days=550), "OPT": timedelta(days=730), "FOP": timedelta(days=100)}  # before expiry
# Where US stocks trade, about as often as they do; a tape's venue numbers point here.
US_VENUES = ("NASDAQ", "ARCA", "BATS", "EDGX", "NYSE", "IEX", "MEMX", "BYX")


class Market:
    """Prices of everything, by instrument and time."""

    def __init__(
        self, seed: int, start: float, directory: Directory, own: dict[str, UserHistory] | None = None
    ) -> None:
        self._seed = seed
        self._start = start
        self._directory = directory
        self._own = own or {}
        self._rows = DailyRows(seed)
        self._tapes: OrderedDict[tuple[int, int, int], Tape] = OrderedDict()
        self._bytes = 0
        self._halts: dict[int, list[TradingHalt]] = {}
        self.series = lru_cache(maxsize=None)(self._make_series)
        self.source = lru_cache(maxsize=None)(self._find_source)
        self._implied = lru_cache(maxsize=1024)(lambda name, day: implied_of_day(self.series(name), day))
        self._first_days: dict[int, int] = {}  # by conId

    def stream(self, *key: object) -> Generator:
        """Return a random stream of the market's seed."""
        return stream(self._seed, *key)

    # --- daily ---------------------------------------------------------------------------------------------------

    def _find_source(self, name: str) -> Source:
        spec = self._directory.catalogue.series[name]
        if name in self._own:
            return self._own[name].source(calendar(spec.hours))[0]
        found = shipped_source(name)
        if found is not None:
            return found.ending_at(spec.guess.price) if self._directory.catalogue.levelled(name) else found
        return Source(SYNTHETIC, "a random walk", synthetic_past(name, self._seed, spec.guess, SYNTHETIC_DAYS))

    def _make_series(self, name: str) -> Series:
        spec = self._directory.catalogue.series[name]
        days = calendar(spec.hours)
        if name in self._own:
            source, after = self._own[name].source(days)
            return Series(name, days, after, self._seed, source.rows, spec.guess)
        clock = _day_at(days, self._start)
        return Series(name, days, _day_at(days, ANCHOR), self._seed, self.source(name).rows, spec.guess, clock)

    def history_of(self, symbol: str) -> str:
        """Describe a symbol's daily history and its source."""
        of = next(
            (each for each in self._directory.fixed() if each.symbol == symbol or each.localSymbol == symbol), None
        )
        if of is None:
            raise Refusal(200, NOT_FOUND)
        source = self.source(of.series)
        if of.series != symbol and of.localSymbol != of.series and source.kind != SYNTHETIC:
            return f"{DERIVED_KIND}: {of.series} × {of.factor:g}, whose history is {source.kind}: {source.text}"
        return f"{source.kind}: {source.text}"

    def rows(self, instrument: Instrument, index: int) -> tuple[Row, ...]:
        """Return the rows of the day's spans; ticks are drawn only if a row is counted from them."""
        if self.counted(instrument, index):
            return tuple(self.tape(instrument, index, n).row for n in range(len(instrument.calendar.spans(index))))
        return self._rows.day(instrument, self.series(instrument.series), index)

    def first_day(self, instrument: Instrument) -> int:
        """Return the number of the first trading day with data."""
        if instrument.conId not in self._first_days:
            self._first_days[instrument.conId] = self._find_first_day(instrument)
        return self._first_days[instrument.conId]

    def _find_first_day(self, instrument: Instrument) -> int:
        series = self.series(instrument.series)
        begins = series.calendar.day(series.first)
        if instrument.expiry is not None:
            listed = instrument.calendar.index_of(instrument.expiry - LISTED[instrument.secType])
            return max(listed, instrument.calendar.index_of(begins))
        if instrument.calendar.hours.exchange == series.calendar.hours.exchange:
            return series.first
        return instrument.calendar.index_of(begins)

    def last_day(self, instrument: Instrument) -> int:
        """Return the number of the last trading day: the expiry, or the calendar's end."""
        if instrument.expiry is None:
            return len(instrument.calendar) - 1
        return instrument.calendar.index_of(instrument.expiry)

    def liquid_row(self, instrument: Instrument, index: int) -> Row:
        """Return the row of the day's liquid hours."""
        return next(
            row
            for row, span in zip(self.rows(instrument, index), instrument.calendar.spans(index), strict=True)
            if span.liquid
        )

    def dividend_factor(self, instrument: Instrument, index: int) -> float:
        """Return the factor that ADJUSTED_LAST applies to a day's prices."""
        series = self.series(instrument.series)
        return float(series.row(max(index, series.first))[5])

    def bounds(self, instrument: Instrument, index: int, number: int) -> Row | None:
        """Return a span's row if it is known without drawing ticks, else None."""
        if self.counted(instrument, index):
            return None
        return self.rows(instrument, index)[number]

    # --- tapes ---------------------------------------------------------------------------------------------------

    def tape(self, instrument: Instrument, index: int, number: int) -> Tape:
        """Return the prints and quotes of a day's span, by its number within the day."""
        key = (instrument.conId, index, number)
        tape = self._tapes.get(key)
        if tape is not None:
            self._tapes.move_to_end(key)
            return tape
        tape = self._tapes[key] = self._make_tape(instrument, index, number)
        self._bytes += _weight(tape)
        while self._bytes > KEPT_BYTES and len(self._tapes) > 1:
            _, old = self._tapes.popitem(last=False)
            self._bytes -= _weight(old)
        return tape

    def _make_tape(self, instrument: Instrument, index: int, number: int) -> Tape:
        whole = self._draw_tape(instrument, index, number)
        halts = [halt for halt in self._halts.get(instrument.conId, ()) if _overlap(halt, whole.start, whole.end)]
        return HaltedTape(whole, halts) if halts else whole

    def _draw_tape(self, instrument: Instrument, index: int, number: int) -> Tape:
        day = int(instrument.calendar.days[index])

        def draw(purpose: str) -> Generator:
            return stream(self._seed, instrument.conId, day, number, purpose)

        if instrument.secType in DERIVED:
            span = instrument.calendar.spans(index)[number]
            return OptionTape(span.start, span.end, draw, self._model(instrument, index, span), len(venues(instrument)))
        row = self._rows.day(instrument, self.series(instrument.series), index)[number]
        path = stream(self._seed, instrument.series, day, instrument.calendar.spans(index)[number].kind, "path")
        return Tape(row, draw, path, len(venues(instrument)), _typical_size(instrument))

    def _model(self, option: Instrument, index: int, span: TradingSpan) -> OptionModel:
        """Return the model of an option's span: it follows the same hours of its underlying."""
        under = self.underlying(option)
        day = under.calendar.index_of(option.calendar.day(index))
        number = next(n for n, each in enumerate(under.calendar.spans(day)) if each.start <= span.start < each.end)
        volatility = self._implied(under.series, day)
        return OptionModel(option, self.tape(under, day, number), volatility, under.minTick, under.quoted)

    def underlying(self, option: Instrument) -> Instrument:
        found = self._directory.get(option.underConId)
        assert found is not None
        return found

    def option_volatility(self, option: Instrument, at: float, under: float) -> float:
        """Return the model's volatility of an option on the day of `at`."""
        of = self.underlying(option)
        at_the_money = self._implied(of.series, max(of.calendar.index_at(at), self.first_day(of)))
        return smile(at_the_money, under, option.strike or under)

    # --- halts ---------------------------------------------------------------------------------------------------

    def halt(self, instrument: Instrument, start: float, end: float) -> None:
        """Halt the instrument from `start` until `end`; `start` must not be in the past."""
        self._halts.setdefault(instrument.conId, []).append(TradingHalt(instrument.conId, start, end))
        for key in [key for key in self._tapes if key[0] == instrument.conId]:
            self._bytes -= _weight(self._tapes.pop(key))

    def halted_until(self, instrument: Instrument, at: float) -> float | None:
        """Return the time at which trading resumes; None while it is not halted."""
        return max((halt.end for halt in self._halts.get(instrument.conId, ()) if halt.holds(at)), default=None)

    def resumed_at(self, instrument: Instrument, at: float) -> float | None:
        """Return the end of the last halt before `at`."""
        return max((halt.end for halt in self._halts.get(instrument.conId, ()) if halt.end <= at), default=None)

    def counted(self, instrument: Instrument, index: int) -> bool:
        """Report if a day's rows are counted from its ticks: an option's, and those of a day with a halt."""
        if instrument.secType in DERIVED:
            return True
        opening, closing = instrument.calendar.open_of(index), instrument.calendar.close_of(index)
        return any(_overlap(halt, opening, closing) for halt in self._halts.get(instrument.conId, ()))

    def tapes(self, instrument: Instrument, start: float, end: float) -> Iterator[Tape]:
        """Yield the tapes that overlap [start, end], oldest first."""
        index = max(instrument.calendar.index_at(start), self.first_day(instrument))
        last = self.last_day(instrument)
        while index <= last and instrument.calendar.open_of(index) <= end:
            for number, span in enumerate(instrument.calendar.spans(index)):
                if span.end > start and span.start <= end:
                    yield self.tape(instrument, index, number)
            index += 1

    def tape_at(self, instrument: Instrument, at: float) -> Tape | None:
        """Return the tape of `at`; None while the instrument is closed."""
        found = instrument.calendar.span_at(at)
        if found is None:
            return None
        index, span = found
        if not self.first_day(instrument) <= index <= self.last_day(instrument):
            return None
        return self.tape(instrument, index, instrument.calendar.spans(index).index(span))

    # --- what is seen --------------------------------------------------------------------------------------------

    def quotes(self, instrument: Instrument, after: float, upto: float) -> list[BidAsk]:
        """Return the changes of the best bid and offer in (after, upto]."""
        found: list[BidAsk] = []
        if instrument.quoted:
            for tape in self.tapes(instrument, after, upto):
                quotes = tape.quotes
                first, last = np.searchsorted(quotes.time, (after, upto), side="right")
                found += [_quote(instrument, quotes, i) for i in range(first, last)]
        return found

    def trades(self, instrument: Instrument, after: float, upto: float) -> list[Trade]:
        """Return the prints in (after, upto]."""
        found: list[Trade] = []
        if instrument.prints:
            for tape in self.tapes(instrument, after, upto):
                first, last = np.searchsorted(tape.prints.time, (after, upto), side="right")
                found += [_trade(instrument, tape, i) for i in range(first, last)]
        return found

    def quote(self, instrument: Instrument, at: float) -> BidAsk:
        """Return the best bid and offer at `at`; without prices while closed."""
        tape = self.tape_at(instrument, at) if instrument.quoted else None
        if tape is not None:
            i = number_at(tape.quotes.time, at)
            if i >= 0:
                return _quote(instrument, tape.quotes, i)
        return BidAsk(at, None, Decimal(0), None, Decimal(0))

    def last_print(self, instrument: Instrument, at: float) -> Trade | None:
        """Return the latest print up to `at`, of today or of the day before."""
        if not instrument.prints:
            return None
        first = self.first_day(instrument)
        index = min(instrument.calendar.index_at(at), self.last_day(instrument))
        for day in (index, index - 1):
            spans = instrument.calendar.spans(day) if day >= first else ()
            for number in reversed(range(len(spans))):
                if spans[number].start <= at:
                    tape = self.tape(instrument, day, number)
                    i = number_at(tape.prints.time, at)
                    if i >= 0:
                        return _trade(instrument, tape, i)
        return None

    def price(self, instrument: Instrument, at: float) -> float:
        """Return the price that values a position: the last print, or the middle of the quote."""
        last = self.last_print(instrument, at)
        if last is not None:
            return last.price
        quote = self.quote(instrument, at)
        if quote.bid is not None and quote.ask is not None:
            return round((quote.bid + quote.ask) / 2, 8)
        index = min(max(instrument.calendar.index_at(at), self.first_day(instrument)), self.last_day(instrument))
        day = index if instrument.calendar.close_of(index) <= at else max(index - 1, self.first_day(instrument))
        return instrument.price(self.rows(instrument, day)[-1].close)

    def previous_close(self, instrument: Instrument, at: float) -> float:
        """Return the close of the trading day before the latest one that has begun."""
        index = max(instrument.calendar.index_at(at) - 1, self.first_day(instrument))
        return instrument.price(self.liquid_row(instrument, index).close)

    def snapshot(self, instrument: Instrument, at: float) -> Snapshot:
        """Return quote, last trade and day's figures: of liquid hours, but the close is the day before's."""
        index = min(instrument.calendar.index_at(at), self.last_day(instrument))
        last = self.last_print(instrument, at)
        opening, high, low, volume = self._today(instrument, index, at)
        close = None
        if index - 1 >= self.first_day(instrument):
            close = instrument.price(self.liquid_row(instrument, index - 1).close)
        return Snapshot(
            time=at,
            quote=self.quote(instrument, at),
            last=last.price if last else None,
            lastSize=last.size if last else Decimal(0),
            lastTime=last.time if last else None,
            lastExchange=last.exchange if last else "",
            open=opening,
            high=high,
            low=low,
            close=close,
            volume=Decimal(volume),
            halted=0 if self.halted_until(instrument, at) is None else HALTED,
        )

    def _today(
        self, instrument: Instrument, index: int, at: float
    ) -> tuple[float | None, float | None, float | None, int]:
        opening = high = low = None
        volume = 0
        for number, span in enumerate(instrument.calendar.spans(index)):
            tape = self.tape(instrument, index, number)
            i = number_at(tape.prints.time, at)
            if i < 0:
                continue
            volume += int(tape.prints.volume[i])
            if span.liquid:
                opening = instrument.price(tape.row.open)
                high, low = instrument.price(tape.prints.high[i]), instrument.price(tape.prints.low[i])
        return opening, high, low, volume


def _day_at(days: Calendar, at: float) -> int:
    """Return the number of the trading day at that time, or of the next one."""
    index = days.index_at(at)
    return index if days.close_of(index) > at else index + 1


def _overlap(halt: TradingHalt, start: float, end: float) -> bool:
    return halt.start < end and halt.end > start


def venues(instrument: Instrument) -> tuple[str, ...]:
    """Return the exchanges of an instrument's prints and quotes."""
    if instrument.secType == "STK" and instrument.currency == "USD":
        return US_VENUES
    routed = instrument.exchanges[1:] if instrument.exchanges[0] == "SMART" else instrument.exchanges[:1]
    return routed or instrument.exchanges


def _weight(tape: Tape) -> int:
    counted = isinstance(tape, OptionTape | HaltedTape)  # whose row would have to be drawn to know
    return COUNTED_BYTES if counted else tape.row.count * PRINT_BYTES


def _typical_size(instrument: Instrument) -> int:
    """Return the usual size at the best price."""
    if instrument.secType == "CASH":
        return 1_000_000
    if instrument.secType == "STK":
        return int(min(max(instrument.volume / 100_000, 100), 1000))
    return int(min(max(instrument.volume / 30_000, 5), 50))


def _quote(instrument: Instrument, quotes: Quotes, i: int) -> BidAsk:
    names = venues(instrument)
    return BidAsk(
        float(quotes.time[i]),
        instrument.price(quotes.bid[i]),
        Decimal(int(quotes.bid_size[i])),
        instrument.price(quotes.ask[i]),
        Decimal(int(quotes.ask_size[i])),
        names[quotes.bid_venue[i]],
        names[quotes.ask_venue[i]],
    )


def _trade(instrument: Instrument, tape: Tape, i: int) -> Trade:
    prints = tape.prints
    return Trade(
        float(prints.time[i]),
        instrument.price(prints.price[i]),
        Decimal(int(prints.size[i])),
        venues(instrument)[prints.venue[i]],
    )
