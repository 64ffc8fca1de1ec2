"""Bars: intraday bars aggregate ticks; daily bars are the rows that the ticks add up to."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby

import numpy as np

from ibgateway.simulator.model.chunks import Pieces
from ibgateway.simulator.model.errors import Refusal
from ibgateway.simulator.model.market_data import BarData, HistoricalBars
from ibgateway.simulator.world.history.durations import Duration, check_length, parse_bar_size, parse_duration
from ibgateway.simulator.world.instruments.instrument import Instrument
from ibgateway.simulator.world.market.market import Market
from ibgateway.simulator.world.market.option_pricing.volatility import implied_of_day, realised_of_day
from ibgateway.simulator.world.market.tapes.tape import Floats, Ints, Row, Tape

QUOTED = ("MIDPOINT", "BID", "ASK", "BID_ASK")
VOLATILITIES = ("HISTORICAL_VOLATILITY", "OPTION_IMPLIED_VOLATILITY")
SHOWN = ("TRADES", *QUOTED, "ADJUSTED_LAST", *VOLATILITIES, "FEE_RATE", "AGGTRADES", "SCHEDULE")
FEE_RATE = 0.25  # percent a year, for what is easy to borrow


@dataclass(frozen=True)
class BarRequest:
    """One historical request after its checks."""

    instrument: Instrument
    whatToShow: str
    liquid: bool  # liquid hours only
    size: int | str
    end: float


def bars(
    market: Market,
    instrument: Instrument,
    now: float,
    end: float | None,
    duration: str,
    barSize: str,
    whatToShow: str,
    useRTH: bool,
) -> Pieces[HistoricalBars]:
    """Return the bars of the span that ends at `end` (or now, if earlier), oldest first; one piece is a day."""
    size, length = parse_bar_size(barSize), parse_duration(duration)
    _check(instrument, whatToShow, end, duration, barSize)
    check_length(length, size)
    asked = BarRequest(instrument, whatToShow, useRTH, size, min(now if end is None else end, now))
    start, found = yield from _found(market, asked, length)
    if not found:
        raise _no_data(instrument, whatToShow)
    return HistoricalBars(found, start, asked.end)


def _check(instrument: Instrument, whatToShow: str, end: float | None, duration: str, barSize: str) -> None:
    if whatToShow not in SHOWN:
        raise Refusal(321, "Error validating request.-'bU' : cause - Please enter a valid what to show")
    if whatToShow == "ADJUSTED_LAST" and end is not None:
        raise Refusal(321, "Error validating request.-'bU' : cause - End Date not supported with adjusted last")
    impossible = whatToShow in QUOTED if not instrument.quoted else whatToShow not in QUOTED
    if (not instrument.quoted or not instrument.prints) and impossible:
        raise Refusal(
            162,
            f"Historical Market Data Service error message:No data of type EODChart is available for the exchange "
            f"'{instrument.exchanges[0]}' and the security type '{instrument.secType}' and '{duration.lower()}' and "
            f"'{barSize}'",
        )


def _no_data(instrument: Instrument, whatToShow: str) -> Refusal:
    name = {"TRADES": "Trades", "MIDPOINT": "Midpoint", "BID": "Bid", "ASK": "Ask"}.get(whatToShow, whatToShow)
    where = f"{instrument.localSymbol or instrument.symbol}@{instrument.exchanges[0]}"
    return Refusal(162, f"Historical Market Data Service error message:HMDS query returned no data: {where} {name}")


def _found(market: Market, asked: BarRequest, length: Duration) -> Pieces[tuple[float, list[BarData]]]:
    """Return the start of the span, and its bars."""
    calendar = asked.instrument.calendar
    last = _last_day(market, asked)
    if last < 0:
        return asked.end, []
    if length.unit == "S":
        start = _seconds_back(asked, length.count)
        first = max(calendar.index_at(start), market.first_day(asked.instrument))
    else:
        first = max(_first_day(asked, length, last), market.first_day(asked.instrument))
        start = calendar.open_of(first) if first <= last else asked.end
    found: list[BarData] = []
    for index in range(first, last + 1):
        yield
        intraday = isinstance(asked.size, int)
        found += _intraday(market, asked, index, start) if intraday else daily_bar(market, asked, index)
    if isinstance(asked.size, int):
        return start, found
    return calendar.midnight(first), _grouped(found, asked.size)


def _last_day(market: Market, asked: BarRequest) -> int:
    """Return the last trading day with a requested span that has begun."""
    calendar = asked.instrument.calendar
    index = min(calendar.index_at(asked.end), market.last_day(asked.instrument))
    while index >= market.first_day(asked.instrument):
        if any(span.start < asked.end and (span.liquid or not asked.liquid) for span in calendar.spans(index)):
            return index
        index -= 1
    return -1


def _first_day(asked: BarRequest, length: Duration, last: int) -> int:
    if length.unit == "D":
        return max(last - length.count + 1, 0)
    return asked.instrument.calendar.index_of(length.first_day(asked.instrument.calendar.day(last)))


def _seconds_back(asked: BarRequest, seconds: float) -> float:
    """Return the instant a number of trading seconds before the end."""
    calendar = asked.instrument.calendar
    index = calendar.index_at(asked.end)
    while index >= 0:
        for span in reversed(calendar.spans(index)):
            open_for = min(span.end, asked.end) - span.start
            if open_for <= 0 or not (span.liquid or not asked.liquid):
                continue
            if open_for >= seconds:
                return span.start + open_for - seconds
            seconds -= open_for
        index -= 1
    return 0.0


# --- daily -------------------------------------------------------------------------------------------------------


def daily_bar(market: Market, asked: BarRequest, index: int) -> list[BarData]:
    """Return the day's bar, from its rows if the day is over; no bar before its first tick."""
    instrument = asked.instrument
    calendar = instrument.calendar
    time = calendar.midnight(index)
    if asked.whatToShow in VOLATILITIES or asked.whatToShow == "FEE_RATE":
        return [_flat(time, _rate(market, asked, index))]
    spans = calendar.spans(index)
    over = all(span.end <= asked.end for span in spans if span.liquid or not asked.liquid)
    if not over or asked.whatToShow == "BID_ASK" or market.counted(instrument, index):
        return _within(market, asked, index, np.array([calendar.open_of(index), calendar.close_of(index)]), time)
    rows = [
        row for row, span in zip(market.rows(instrument, index), spans, strict=True) if span.liquid or not asked.liquid
    ]
    if asked.whatToShow in QUOTED:
        return [_quoted_row(instrument, rows, asked.whatToShow, time)]
    bar = _traded_row(instrument, rows, time)
    if asked.whatToShow == "ADJUSTED_LAST":
        return [_scaled(bar, market.dividend_factor(instrument, index))]
    return [bar]


def _traded_row(instrument: Instrument, rows: list[Row], time: float) -> BarData:
    volume, turnover = sum(row.volume for row in rows), sum(row.turnover for row in rows)
    return BarData(
        time,
        instrument.price(rows[0].open),
        instrument.price(max(row.high for row in rows)),
        instrument.price(min(row.low for row in rows)),
        instrument.price(rows[-1].close),
        Decimal(volume),
        _wap(instrument, turnover, volume),
        sum(row.count for row in rows),
    )


def _quoted_row(instrument: Instrument, rows: list[Row], whatToShow: str, time: float) -> BarData:
    opening, closing = rows[0].first_quote, rows[-1].last_quote
    high = max(row.bid_high for row in rows), max(row.high for row in rows)
    low = min(row.bid_low for row in rows), min(row.ask_low for row in rows)
    if whatToShow == "MIDPOINT":
        highest = max(row.bid_high + row.high for row in rows)
        lowest = min(row.bid_low + row.ask_low for row in rows)
        return _quote_bar(instrument, time, sum(opening), highest, lowest, sum(closing), half=True)
    side = 0 if whatToShow == "BID" else 1
    return _quote_bar(instrument, time, opening[side], high[side], low[side], closing[side])


def _quote_bar(
    instrument: Instrument, time: float, opening: float, high: float, low: float, close: float, half: bool = False
) -> BarData:
    scale = instrument.scale * (2 if half else 1)
    prices = [float(ticks) * instrument.step / scale for ticks in (opening, high, low, close)]
    return _unsized(time, prices)


def _unsized(time: float, prices: list[float]) -> BarData:
    """Return a bar of quotes: it has no volume, which TWS shows as -1."""
    opening, high, low, close = prices
    return BarData(time, opening, high, low, close, Decimal(-1), -1.0, -1)


def _wap(instrument: Instrument, turnover: int, volume: int) -> float:
    if not volume:
        return 0.0
    return round(turnover / volume * instrument.step / instrument.scale, 3)


def _scaled(bar: BarData, factor: float) -> BarData:
    opening, high, low, close = (round(price * factor, 2) for price in (bar.open, bar.high, bar.low, bar.close))
    return BarData(bar.time, opening, high, low, close, bar.volume, round(bar.wap * factor, 3), bar.count)


def _flat(time: float, value: float) -> BarData:
    return BarData(time, value, value, value, value, Decimal(0), 0.0, 0)


def _rate(market: Market, asked: BarRequest, index: int) -> float:
    if asked.whatToShow == "FEE_RATE":
        return FEE_RATE
    of_day = realised_of_day if asked.whatToShow == "HISTORICAL_VOLATILITY" else implied_of_day
    return round(of_day(market.series(asked.instrument.series), index), 6)


def _grouped(days: list[BarData], size: str) -> list[BarData]:
    """Return weekly or monthly bars; each has the date of its last trading day."""
    if size == "day":
        return days
    return [_merged(list(group)) for _, group in groupby(days, key=_week if size == "week" else _month)]


def _week(bar: BarData) -> object:
    return int(bar.time // 86_400 + 3) // 7


def _month(bar: BarData) -> object:
    return np.datetime64(int(bar.time), "s").astype("datetime64[M]")


def _merged(days: list[BarData]) -> BarData:
    volume = sum((bar.volume for bar in days), Decimal(0))
    quoted = days[0].count == -1
    turnover = sum(bar.wap * float(bar.volume) for bar in days)
    return BarData(
        days[-1].time,
        days[0].open,
        max(bar.high for bar in days),
        min(bar.low for bar in days),
        days[-1].close,
        Decimal(-1) if quoted else volume,
        -1.0 if quoted else round(turnover / float(volume), 3) if volume else 0.0,
        -1 if quoted else sum(bar.count for bar in days),
    )


# --- intraday ----------------------------------------------------------------------------------------------------


def _intraday(market: Market, asked: BarRequest, index: int, start: float) -> list[BarData]:
    assert isinstance(asked.size, int)
    edges = _edges(asked, index, asked.size)
    if asked.whatToShow in VOLATILITIES or asked.whatToShow == "FEE_RATE":
        rate = _rate(market, asked, index)
        return [_flat(float(edge), rate) for edge in edges[:-1] if start <= edge < asked.end]
    kept = edges[np.searchsorted(edges, start, side="right") - 1 :] if start > edges[0] else edges
    return _within(market, asked, index, kept, None)


def _edges(asked: BarRequest, index: int, size: int) -> Floats:
    """Return the edges of bars: multiples of their size from local midnight, and the start of the day."""
    calendar = asked.instrument.calendar
    spans = [span for span in calendar.spans(index) if span.liquid or not asked.liquid]
    first, last = spans[0].start, spans[-1].end
    midnight = calendar.local(first).replace(hour=0, minute=0, second=0, microsecond=0)
    base = midnight.timestamp()
    inner = base + size * np.arange(int((first - base) // size) + 1, int(np.ceil((last - base) / size)))
    return np.concatenate([[first], inner, [last]])


def _within(market: Market, asked: BarRequest, index: int, edges: Floats, time: float | None) -> list[BarData]:
    """Aggregate the day's ticks between the edges, up to the end; `time` stamps the one bar if given."""
    spans = asked.instrument.calendar.spans(index)
    tapes = [
        market.tape(asked.instrument, index, number)
        for number, span in enumerate(spans)
        if (span.liquid or not asked.liquid) and span.start <= asked.end and span.end > edges[0]
    ]
    if not tapes:
        return []
    if asked.whatToShow in QUOTED:
        return _quoted(asked, tapes, edges, time)
    found = _traded(asked, tapes, edges, time)
    if asked.whatToShow == "ADJUSTED_LAST":
        factor = market.dividend_factor(asked.instrument, index)
        return [_scaled(bar, factor) for bar in found]
    return found


def _traded(asked: BarRequest, tapes: list[Tape], edges: Floats, time: float | None) -> list[BarData]:
    """Return bars of prints; bars without a print are left out."""
    at = np.concatenate([tape.prints.time for tape in tapes])
    upto = int(np.searchsorted(at, asked.end, side="right"))
    price = np.concatenate([tape.prints.price for tape in tapes])[:upto].astype(np.int64)
    size = np.concatenate([tape.prints.size for tape in tapes])[:upto].astype(np.int64)
    bounds = np.searchsorted(at[:upto], edges)
    full = np.flatnonzero(bounds[1:] > bounds[:-1])
    if not len(full):
        return []
    first, after = bounds[:-1][full], bounds[1:][full]
    price, size = price[: after[-1]], size[: after[-1]]
    high, low = np.maximum.reduceat(price, first), np.minimum.reduceat(price, first)
    volume, turnover = np.add.reduceat(size, first), np.add.reduceat(size * price, first)
    instrument = asked.instrument
    return [
        BarData(
            float(edges[full[i]]) if time is None else time,
            instrument.price(price[first[i]]),
            instrument.price(high[i]),
            instrument.price(low[i]),
            instrument.price(price[after[i] - 1]),
            Decimal(int(volume[i])),
            _wap(instrument, int(turnover[i]), int(volume[i])),
            int(after[i] - first[i]),
        )
        for i in range(len(full))
    ]


def _quoted(asked: BarRequest, tapes: list[Tape], edges: Floats, time: float | None) -> list[BarData]:
    """Return bars of quotes; a bar without a change repeats the present quote."""
    at = np.concatenate([tape.quotes.time for tape in tapes])
    upto = int(np.searchsorted(at, asked.end, side="right"))
    bid = np.concatenate([tape.quotes.bid for tape in tapes])[:upto].astype(np.int64)
    ask = np.concatenate([tape.quotes.ask for tape in tapes])[:upto].astype(np.int64)
    if not upto:
        return []
    bounds = np.minimum(np.searchsorted(at[:upto], edges), upto)
    found = []
    for i in range(len(edges) - 1):
        if edges[i] >= asked.end:
            break
        first, after = int(bounds[i]), int(bounds[i + 1])
        if first == after:  # what stood before, if anything
            first = max(first - 1, 0)
            after = first + 1
        stamp = float(edges[i]) if time is None else time
        found.append(_quote_span(asked, bid[first:after], ask[first:after], at[first:after], stamp))
    return found


def _quote_span(asked: BarRequest, bid: Ints, ask: Ints, at: Floats, stamp: float) -> BarData:
    instrument = asked.instrument
    if asked.whatToShow == "BID_ASK":  # open and close are time averages, as TWS defines them
        weight = np.append(np.diff(at), 0) if len(at) > 1 and at[-1] > at[0] else np.ones(len(at))
        mean_bid, mean_ask = float(np.average(bid, weights=weight)), float(np.average(ask, weights=weight))
        prices = [mean_bid, float(ask.max()), float(bid.min()), mean_ask]
        rounded = [round(ticks * instrument.step / instrument.scale, 5) for ticks in prices]
        return _unsized(stamp, rounded)
    half = asked.whatToShow == "MIDPOINT"
    side = bid + ask if half else bid if asked.whatToShow == "BID" else ask
    return _quote_bar(instrument, stamp, int(side[0]), int(side.max()), int(side.min()), int(side[-1]), half)
