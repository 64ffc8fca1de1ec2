"""Options: their quotes, prints and greeks follow from the underlying's prices through the model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

import numpy as np
from numpy.random import Generator

from ibgateway.simulator.model.market_data import OptionComputation
from ibgateway.simulator.world.instruments.instrument import Instrument
from ibgateway.simulator.world.market.option_pricing.black_scholes import (
    YEAR_S,
    PricingTerms,
    greeks,
    implied_volatility,
    price_line,
)
from ibgateway.simulator.world.market.tapes.halts import counted_row
from ibgateway.simulator.world.market.tapes.tape import CLOSING_S, OPENING_S, Floats, Prints, Quotes, Row, Tape

EVERY_S = 2.0  # a quote, about
TRADED = 0.02  # of the quotes come with a print
SPREAD_SHARE = 0.015  # of the price
SMILE = 0.25  # how much volatility rises away from the money
FOUR_PM = timedelta(hours=16)
DERIVED = ("OPT", "FOP")


@dataclass(frozen=True)
class OptionModel:
    """The inputs of an option's tape for one span."""

    option: Instrument
    under: Tape
    volatility: float  # at the money
    under_unit: float  # price of one tick of the underlying
    under_quoted: bool


class OptionTape(Tape):
    """A tape whose quotes come first: prints are at them, and its row is counted from its prints."""

    def __init__(
        self, start: float, end: float, draw: Callable[[str], Generator], model: OptionModel, venues: int
    ) -> None:
        self.start = start
        self.end = end
        self._draw = draw
        self._model = model
        self._venues = venues

    @cached_property
    def quotes(self) -> Quotes:
        draw, option = self._draw("quotes"), self._model.option
        time = _times(self.start, self.end, draw)
        under = _under_line(self._model, time)
        terms = terms_of(option, float(time[0]))
        years = np.maximum(terms.years - (time - time[0]) / YEAR_S, 0)
        volatility = smile(self._model.volatility, float(under[0]), terms.strike)
        ticks = price_line(under, terms, years, volatility) * option.scale / option.step
        half = np.maximum(0.5, np.rint(ticks * SPREAD_SHARE))
        bid = np.maximum(np.floor(ticks - half), 1).astype(np.int32)
        ask = np.maximum(np.ceil(ticks + half), bid + 1).astype(np.int32)
        n = len(time)
        sizes = (1 + np.floor(draw.standard_exponential((2, n)) * 25)).astype(np.int32)
        venue = draw.integers(0, self._venues, (2, n), dtype=np.uint8)
        return Quotes(time, bid, ask, sizes[0], sizes[1], venue[0], venue[1])

    @cached_property
    def prints(self) -> Prints:
        quotes, draw = self.quotes, self._draw("prints")
        n = len(quotes.time)
        chosen = draw.random(n) < TRADED
        chosen[0] = chosen[-1] = True
        at = np.flatnonzero(chosen)
        price = np.where(draw.random(len(at)) < 0.5, quotes.bid[at], quotes.ask[at]).astype(np.int32)
        size = (1 + np.floor(draw.standard_exponential(len(at)) * 4)).astype(np.int32)
        venue = draw.integers(0, self._venues, len(at), dtype=np.uint8)
        return Prints(quotes.time[at], price, size, venue)

    @cached_property
    def row(self) -> Row:  # type: ignore[override]
        return counted_row(self)


def _times(start: float, end: float, draw: Generator) -> Floats:
    count = int((end - start) / EVERY_S)
    even = np.linspace(start + OPENING_S, end - CLOSING_S, count)
    even[1:-1] += (draw.random(count - 2) - 0.5) * EVERY_S * 0.8
    times: Floats = np.rint(even * 1000) / 1000
    return times


def _under_line(model: OptionModel, time: Floats) -> Floats:
    """Return the underlying's price at each time: the middle of its quote, or an index's last print."""
    if model.under_quoted:
        quotes = model.under.quotes
        at = np.maximum(np.searchsorted(quotes.time, time, side="right") - 1, 0)
        line: Floats = (quotes.bid[at].astype(np.float64) + quotes.ask[at]) / 2 * model.under_unit
        return line
    prints = model.under.prints
    at = np.maximum(np.searchsorted(prints.time, time, side="right") - 1, 0)
    return prints.price[at].astype(np.float64) * model.under_unit


def terms_of(option: Instrument, at: float) -> PricingTerms:
    """Return the option's inputs to the model, with the time left at `at`."""
    assert option.expiry is not None
    assert option.strike is not None
    left = expiry_instant(option) - at
    return PricingTerms(option.strike, option.right == "C", max(left, 0.0) / YEAR_S, option.secType == "FOP")


def expiry_instant(option: Instrument) -> float:
    """Return the end of the expiry day's liquid hours."""
    assert option.expiry is not None
    calendar = option.calendar
    index = calendar.index_of(option.expiry)
    if calendar.day(index) == option.expiry:
        return next(span.end for span in calendar.spans(index) if span.liquid)
    midnight = datetime(option.expiry.year, option.expiry.month, option.expiry.day, tzinfo=calendar.zone)
    return (midnight + FOUR_PM).timestamp()


def smile(at_the_money: float, under: float, strike: float) -> float:
    return at_the_money * (1 + SMILE * abs(float(np.log(strike / under))))


def computation(option: Instrument, at: float, under: float, volatility: float) -> OptionComputation:
    """Return the values of tickOptionComputation (21)."""
    found = greeks(under, terms_of(option, at), volatility)
    return OptionComputation(
        impliedVol=volatility,
        delta=found.delta,
        optPrice=found.price,
        pvDividend=0.0,
        gamma=found.gamma,
        vega=found.vega,
        theta=found.theta,
        undPrice=under,
    )


def implied(option: Instrument, at: float, price: float, under: float) -> OptionComputation:
    """Return the computation at the volatility that gives the price; only the price if there is none."""
    volatility = implied_volatility(under, terms_of(option, at), price)
    if volatility is None:
        return OptionComputation(None, None, price, None, None, None, None, under)
    return computation(option, at, under, volatility)
