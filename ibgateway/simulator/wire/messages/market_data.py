"""Messages of live data: ticks, tick by tick, depth, real-time bars, option computations.

A tick is the same for every client but for the request id, which comes first: `head` and `tail` let a feed encode
each tick once for all that watch it.
"""

from __future__ import annotations

from functools import lru_cache

from ibgateway.simulator.model.market_data import BarData, BidAsk, DepthLevel, OptionComputation, Trade
from ibgateway.simulator.model.research import Headline
from ibgateway.simulator.wire.encoding.text import Value, message, minimal, price

TICK_PRICE, TICK_SIZE, TICK_OPTION, TICK_GENERIC, TICK_STRING = 1, 2, 21, 45, 46
TICK_NEWS = 84

# What stands between message id and request id: tickPrice has version 6, tickGeneric 6, tickString 6 …
_VERSIONS = {TICK_PRICE: "6", TICK_SIZE: "6", TICK_GENERIC: "6", TICK_STRING: "6"}

AUTO_EXECUTE, PAST_LIMIT, PRE_OPEN = 1, 2, 4  # bits of tickPrice's attributes


def head(msgId: int, reqId: int) -> bytes:
    version = _VERSIONS.get(msgId)
    return (f"{msgId}\0{version}\0{reqId}\0" if version else f"{msgId}\0{reqId}\0").encode("ascii")


def price_tail(tickType: int, price: float | None, size: str, attributes: int = 0) -> bytes:
    """Return a price's fields; no quote is price -1 with size 0."""
    if price is None:
        return f"{tickType}\x00-1.0\x000\0{attributes}\0".encode("ascii")
    return f"{tickType}\0{_double(price)}\0{size}\0{attributes}\0".encode("ascii")


@lru_cache(maxsize=1 << 14)  # a day's prices come again and again, and to print one costs most of a tick
def _double(x: float) -> str:
    return repr(float(x))


def size_tail(tickType: int, size: str) -> bytes:
    return f"{tickType}\0{size}\0".encode("ascii")


def generic_tail(tickType: int, value: float) -> bytes:
    return f"{tickType}\0{float(value)!r}\0".encode("ascii")


def string_tail(tickType: int, text: str) -> bytes:
    return message(tickType, text)


def option_tail(tickType: int, computation: OptionComputation) -> bytes:
    """Return a computation's fields: -1 for a price or volatility that was not computed, -2 for a greek."""
    c = computation
    return message(
        tickType,
        1,  # price based
        _or(c.impliedVol, -1.0),
        _or(c.delta, -2.0),
        _or(c.optPrice, -1.0),
        _or(c.pvDividend, -1.0),
        _or(c.gamma, -2.0),
        _or(c.vega, -2.0),
        _or(c.theta, -2.0),
        _or(c.undPrice, -1.0),
    )


def _or(x: float | None, missing: float) -> float:
    return missing if x is None else x


def market_data_type(reqId: int, kind: int) -> bytes:
    return message(58, 1, reqId, kind)


def tick_req_params(reqId: int, minTick: float, bboExchange: str, snapshotPermissions: int) -> bytes:
    return message(81, reqId, minimal(minTick), bboExchange, snapshotPermissions)


def tick_snapshot_end(reqId: int) -> bytes:
    return message(57, 1, reqId)


def tick_news(reqId: int, news: Headline) -> bytes:
    return message(
        TICK_NEWS, reqId, round(news.time * 1000), news.providerCode, news.articleId, news.headline, news.extraData
    )


def tick_by_tick_last(reqId: int, tickType: int, trade: Trade, decimals: int) -> bytes:
    """Return one print; `tickType` is 1 for Last, 2 for AllLast."""
    mask = trade.pastLimit * 1 + trade.unreported * 2
    paid = price(trade.price, decimals)
    return message(99, reqId, tickType, int(trade.time), paid, trade.size, mask, trade.exchange, trade.conditions)


def tick_by_tick_bid_ask(reqId: int, quote: BidAsk, decimals: int, mask: int = 0) -> bytes:
    bid, ask = ("-1" if side is None else price(side, decimals) for side in (quote.bid, quote.ask))
    return message(99, reqId, 3, int(quote.time), bid, ask, quote.bidSize, quote.askSize, mask)


def tick_by_tick_midpoint(reqId: int, time: float, midPoint: float, decimals: int) -> bytes:
    return message(99, reqId, 4, int(time), price(midPoint, decimals))


INSERT, UPDATE, DELETE = 0, 1, 2
ASK, BID = 0, 1


def depth(reqId: int, position: int, operation: int, side: int, level: DepthLevel) -> bytes:
    return message(12, 1, reqId, position, operation, side, level.price, level.size)


def depth_l2(reqId: int, position: int, operation: int, side: int, level: DepthLevel, isSmartDepth: bool) -> bytes:
    return message(13, 1, reqId, position, level.marketMaker, operation, side, level.price, level.size, isSmartDepth)


def real_time_bar(reqId: int, bar: BarData, volume: Value, decimals: int) -> bytes:
    prices = [price(x, decimals) for x in (bar.open, bar.high, bar.low, bar.close)]
    wap = "-1" if bar.volume < 0 else price(bar.wap, decimals)
    return message(50, 3, reqId, int(bar.time), *prices, volume, wap, bar.count)
