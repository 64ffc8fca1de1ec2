"""Converts five-second bars, headlines and tick-by-tick data into the values that a stream of them has. Pure."""

from datetime import UTC, datetime
from typing import Any

import ib_async

from ib_worker.tws.values import unset
from ib_worker.tws.values.news import ID_CHARS, headline_text
from ib_worker.tws.values.text import untrusted

Values = dict[str, Any]
DAY_CHARS = 8  # of 20250611


def live_bar(time: int, figures: tuple[float, float, float, float, float, float, int]) -> Values:
    """The values of a realtimeBar (50). `time` is the bar's start; volume and average are None without trades."""
    opened, high, low, close, volume, average, barCount = figures
    traded = unset.is_something(volume)
    prices = {"open": opened, "high": high, "low": low, "close": close}
    return {
        "time": _instant(time),
        **{name: unset.value("historicalData.price", told, backed=traded) for name, told in prices.items()},
        "volume": unset.value("historicalData.volume", volume, backed=traded),
        "average": unset.value("historicalData.average", average, backed=traded),
        "barCount": unset.count(barCount),
    }


def live_update(bar: ib_async.BarData) -> Values:
    """The values of a historicalDataUpdate (90); the time of a daily bar is its day."""
    written = str(bar.date)
    figures = (bar.open, bar.high, bar.low, bar.close, bar.volume, bar.average, bar.barCount)
    values = live_bar(0, figures)
    day = f"{written[:4]}-{written[4:6]}-{written[6:]}"
    return values | {"time": day if len(written) == DAY_CHARS else _instant(int(written))}


def live_trade(
    time: int, price: float, size: float, attributes: ib_async.TickAttribLast, where: tuple[str, str]
) -> Values:
    """The values of a trade (tickByTick, 99). `where`: its exchange and its special conditions."""
    exchange, conditions = where
    return {
        "time": _instant(time),
        "price": unset.value("tickPrice.last", price, backed=unset.is_something(size)),
        "size": unset.value("tickSize.size", size),
        "exchange": unset.text(exchange),
        "specialConditions": unset.text(conditions),
        "pastLimit": attributes.pastLimit,
        "unreported": attributes.unreported,
    }


def live_middle(time: int, midPoint: float) -> Values:
    """The values of a middle price (tickByTick, 99), of a contract that is quoted and does not trade."""
    return {"time": _instant(time), "price": unset.number(midPoint)}


def live_headline(milliseconds: int, providerCode: str, articleId: str, headline: str) -> Values:
    """The values of a headline (tickNews, 84); the text comes from outside."""
    return {
        "time": _instant(milliseconds // 1000),
        "providerCode": untrusted(providerCode, ID_CHARS),
        "articleId": untrusted(articleId, ID_CHARS),
        "untrusted_headline": headline_text(headline),
    }


def _instant(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()
