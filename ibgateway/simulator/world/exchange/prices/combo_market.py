"""The market of a combination: the sum of its legs, sampled once a second."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from ibgateway.simulator.model.market_data import BidAsk, Trade
from ibgateway.simulator.world.exchange.prices.order_market import (
    BID,
    LAST,
    OrderMarket,
    PriceLevel,
    Touch,
    TradingWindow,
)
from ibgateway.simulator.world.instruments.instrument import Instrument

SECOND = 1.0
LONGEST = 8 * 3600  # looked ahead at once


class ComboMarket:
    """The legs of a combination with signed ratios: buying it buys the positive legs and sells the negative ones."""

    def __init__(self, legs: list[tuple[OrderMarket, int]], exchange: str) -> None:
        self.legs = legs
        self._venue = exchange

    def quote(self, at: float) -> BidAsk:
        """Return the prices at which all legs are sold and bought at once; no price while a leg has none."""
        quotes = [(feed.quote(at), ratio) for feed, ratio in self.legs]
        time = max(quote.time for quote, _ in quotes)
        if any(quote.bid is None or quote.ask is None for quote, _ in quotes):
            return BidAsk(time, None, Decimal(0), None, Decimal(0))
        bid = sum(((q.bid if ratio > 0 else q.ask) or 0.0) * ratio for q, ratio in quotes)
        ask = sum(((q.ask if ratio > 0 else q.bid) or 0.0) * ratio for q, ratio in quotes)
        bid_size = min((q.bidSize if ratio > 0 else q.askSize) // abs(ratio) for q, ratio in quotes)
        ask_size = min((q.askSize if ratio > 0 else q.bidSize) // abs(ratio) for q, ratio in quotes)
        return BidAsk(
            time, round(bid, 4), max(bid_size, Decimal(1)), round(ask, 4), max(ask_size, Decimal(1)),
            self._venue, self._venue,
        )  # fmt: skip

    def price(self, at: float) -> float:
        return round(sum(feed.price(at) * ratio for feed, ratio in self.legs), 4)

    def levels(self, buy: bool, at: float) -> list[PriceLevel]:
        quote = self.quote(at)
        price, size = (quote.ask, quote.askSize) if buy else (quote.bid, quote.bidSize)
        return [PriceLevel(price, size, self._venue)] if price is not None else []

    def leg_prices(self, buy: bool, price: float, at: float) -> Iterator[tuple[Instrument, int, float]]:
        """Return each leg, its ratio, and a price; the legs add up to the combination's price."""
        prices = []
        for feed, ratio in self.legs:
            quote = feed.quote(at)
            side = quote.ask if (ratio > 0) == buy else quote.bid
            prices.append(side if side is not None else feed.price(at))
        difference = price - sum(each * ratio for each, (_, ratio) in zip(prices, self.legs, strict=True))
        for number, (feed, ratio) in enumerate(self.legs):
            moved = difference / ratio if number == 0 else 0.0
            yield feed.instrument, ratio, round(prices[number] + moved, 6)

    # --- when ----------------------------------------------------------------------------------------------------

    def window(self, time: float, outside: bool) -> TradingWindow:
        """Return the next span in which all legs are open."""
        windows = [feed.window(time, outside) for feed, _ in self.legs]
        start, end = max(each.start for each in windows), min(each.end for each in windows)
        return (
            TradingWindow(windows[0].index, windows[0].number, start, end) if start < end else self.window(end, outside)
        )

    def trading_day_end(self, time: float, outside: bool) -> float:
        return min(feed.trading_day_end(time, outside) for feed, _ in self.legs)

    def next_quote(self, window: TradingWindow, after: float) -> float | None:
        following = np.floor(after) + SECOND
        return float(following) if following < window.end else None

    def touch(self, buy: bool, limit: float, window: TradingWindow, queue: Decimal) -> tuple[Touch | None, Decimal]:
        """Return the moment at which the other side reaches the limit."""
        time, bid, ask = self._lines(window)
        there = ask <= limit + 1e-9 if buy else bid >= limit - 1e-9
        if not there.any():
            return None, queue
        first = int(there.argmax())
        at, quote = float(time[first]), self.quote(float(time[first]))
        price = float(ask[first] if buy else bid[first])  # at the limit or better
        return Touch(at, quote.askSize if buy else quote.bidSize, self._venue, price), Decimal(0)

    def cross(self, window: TradingWindow, at: float) -> Trade | None:
        """Return None: combinations have no auctions."""
        return None

    def crosses(self, what: str, above: bool, level: float, window: TradingWindow, twice: bool = False) -> float | None:
        time, price = self._line(what, window)
        there = price >= level - 1e-9 if above else price <= level + 1e-9
        return float(time[int(there.argmax())]) if there.any() else None

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
        """Return the same as `OrderMarket.trails`."""
        time, price = self._line(what, window)
        for at, each in zip(time, price, strict=True):
            if upto is not None and at > upto:
                break
            if each <= stop if sell else each >= stop:
                return float(at), stop
            away = abs(each) * distance / 100 if percent else distance
            stop = max(stop, float(each) - away) if sell else min(stop, float(each) + away)
        return None, stop

    def _line(self, what: str, window: TradingWindow) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        time, bid, ask = self._lines(window)
        return time, (bid + ask) / 2 if what == LAST else bid if what == BID else ask

    def _lines(self, window: TradingWindow) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Return bids and offers at each whole second after the window's start."""
        time = np.arange(np.floor(window.start) + SECOND, min(window.end, window.start + LONGEST), SECOND)
        bid, ask = np.zeros(len(time)), np.zeros(len(time))
        for feed, ratio in self.legs:
            leg_bid, leg_ask = feed.sampled(time)
            bid += (leg_bid if ratio > 0 else leg_ask) * ratio
            ask += (leg_ask if ratio > 0 else leg_bid) * ratio
        return time, bid.round(4), ask.round(4)
