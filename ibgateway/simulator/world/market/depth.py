"""Market depth: levels behind the best bid and offer, drawn anew whenever the quote changes."""

from __future__ import annotations

from decimal import Decimal

from ibgateway.simulator.model.market_data import DepthLevel
from ibgateway.simulator.world.instruments.instrument import Instrument
from ibgateway.simulator.world.market.market import Market, venues

DEEPEST = 50
GROWTH = 0.25  # each level is larger than the one before, on average


def depth(market: Market, instrument: Instrument, rows: int, at: float) -> tuple[list[DepthLevel], list[DepthLevel]]:
    """Return bids and offers, best first; the first of each is the quote. Empty while closed."""
    quote = market.quote(instrument, at)
    if quote.bid is None or quote.ask is None:
        return [], []
    rows = min(rows, DEEPEST)
    draw = market.stream(instrument.conId, quote.time, "depth")
    names = venues(instrument)
    sides = []
    for best, size, venue, away in (
        (quote.bid, quote.bidSize, quote.bidExchange, -1),
        (quote.ask, quote.askSize, quote.askExchange, 1),
    ):
        # As many draws whatever is asked for, so that every client sees the same book.
        gaps, growth = draw.integers(1, 3, DEEPEST), draw.random(DEEPEST)
        which = draw.integers(0, len(names), DEEPEST)
        ticks, levels = instrument.ticks(best), [DepthLevel(best, size, venue)]
        for n in range(rows - 1):
            ticks += away * int(gaps[n])
            if ticks <= 0:
                break
            lots = 1 + int(float(size) * (0.5 + growth[n]) * (1 + GROWTH * n) / _lot(size))
            levels.append(DepthLevel(instrument.price(ticks), Decimal(lots * _lot(size)), names[which[n]]))
        sides.append(levels)
    return sides[0], sides[1]


def _lot(size: Decimal) -> int:
    return 100 if size >= 100 and size % 100 == 0 else 1
