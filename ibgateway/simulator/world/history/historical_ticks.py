"""Historical ticks, histograms and the earliest data."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import TypeVar

import numpy as np

from ibgateway.simulator.model.chunks import Pieces
from ibgateway.simulator.model.errors import Refusal
from ibgateway.simulator.model.market_data import BidAsk, Trade
from ibgateway.simulator.world.history.bars import QUOTED, bars
from ibgateway.simulator.world.instruments.instrument import Instrument
from ibgateway.simulator.world.market.market import Market
from ibgateway.simulator.world.market.tapes.tape import Tape

MOST_TICKS = 1000
LOOK_BACK_DAYS = 30  # trading days that are searched for ticks
HISTOGRAM_UNITS = {"second": "S", "day": "D", "week": "W", "month": "M", "year": "Y"}

Tick = TypeVar("Tick", Trade, BidAsk)
Reader = Callable[[float, float], list[Tick]]


def historical(
    market: Market,
    instrument: Instrument,
    read: Reader[Tick],
    start: float | None,
    end: float | None,
    number: int,
    liquid: bool,
) -> list[Tick]:
    """Return at most `number` ticks from `start` on, or the last before `end`; the last second is complete."""
    wanted = min(max(number, 1), MOST_TICKS)
    if start is not None:
        return _forward(market, instrument, read, start, end, wanted, liquid)
    assert end is not None
    return _backward(market, instrument, read, end, wanted, liquid)


def _forward(
    market: Market,
    instrument: Instrument,
    read: Reader[Tick],
    start: float,
    end: float | None,
    wanted: int,
    liquid: bool,
) -> list[Tick]:
    found: list[Tick] = []
    until = np.inf if end is None else end
    for first, last in _spans(market, instrument, start, min(until, start + LOOK_BACK_DAYS * 86_400), liquid):
        found += read(np.nextafter(max(first, start), 0), min(last, until))
        if len(found) >= wanted:
            return _whole(found, wanted)
    return found


def _backward(
    market: Market, instrument: Instrument, read: Reader[Tick], end: float, wanted: int, liquid: bool
) -> list[Tick]:
    found: list[Tick] = []
    spans = [*_spans(market, instrument, end - LOOK_BACK_DAYS * 86_400, end, liquid)]
    for first, last in reversed(spans):
        found = read(np.nextafter(first, 0), min(last, end)) + found
        if len(found) >= wanted:
            return _whole(found[::-1], wanted)[::-1]
    return found


def _whole(found: list[Tick], wanted: int) -> list[Tick]:
    """Return the first `wanted` ticks, and the others of the last one's second."""
    second = int(found[wanted - 1].time)
    last = wanted
    while last < len(found) and int(found[last].time) == second:
        last += 1
    return found[:last]


def _spans(
    market: Market, instrument: Instrument, start: float, end: float, liquid: bool
) -> Iterator[tuple[float, float]]:
    calendar = instrument.calendar
    index = max(calendar.index_at(start), market.first_day(instrument))
    while index <= market.last_day(instrument) and calendar.open_of(index) <= end:
        for span in calendar.spans(index):
            if span.end > start and span.start <= end and (span.liquid or not liquid):
                yield span.start, span.end
        index += 1


def midpoints(quotes: list[BidAsk]) -> list[tuple[float, float]]:
    """Return times and middles of quotes with both sides."""
    return [
        (quote.time, round((quote.bid + quote.ask) / 2, 8))
        for quote in quotes
        if quote.bid is not None and quote.ask is not None
    ]


def head_timestamp(market: Market, instrument: Instrument, whatToShow: str, liquid: bool) -> float:
    """Return the start of the first day."""
    impossible = not instrument.prints if whatToShow == "TRADES" else not instrument.quoted and whatToShow in QUOTED
    if impossible:
        raise Refusal(162, "Historical Market Data Service error message:No head time stamp")
    spans = instrument.calendar.spans(market.first_day(instrument))
    return next(span.start for span in spans if span.liquid or not liquid)


def histogram(
    market: Market, instrument: Instrument, liquid: bool, period: str, now: float
) -> Pieces[list[tuple[float, Decimal]]]:
    """Return traded size by price, over a period such as "3 days" that ends now; one piece is a session."""
    count, _, unit = period.strip().partition(" ")
    letter = HISTOGRAM_UNITS.get(unit.rstrip("s"))
    if letter is None or not count.isdigit():
        raise Refusal(321, f"Error validating request.-'cB' : cause - Invalid time period {period[:40]}")
    span = yield from bars(market, instrument, now, None, f"{count} {letter}", "1 day", "TRADES", liquid)
    sizes: dict[int, int] = {}
    for first, last in _spans(market, instrument, span.start, now, liquid):
        yield
        for tape in market.tapes(instrument, first, min(last, now)):
            if first <= tape.start < last:
                _count(tape, now, sizes)
    return [(instrument.price(ticks), Decimal(size)) for ticks, size in sorted(sizes.items())]


def _count(tape: Tape, now: float, sizes: dict[int, int]) -> None:
    upto = int(np.searchsorted(tape.prints.time, now, side="right"))
    price, size = tape.prints.price[:upto], tape.prints.size[:upto]
    if upto:
        low = int(price.min())
        for offset, total in enumerate(np.bincount(price - low, weights=size)):
            if total:
                sizes[low + offset] = sizes.get(low + offset, 0) + int(total)
