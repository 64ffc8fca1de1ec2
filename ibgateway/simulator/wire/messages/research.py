"""Messages of research: scanners, news, fundamentals, Wall Street Horizon."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from ibgateway.simulator.model.research import Article, Headline, ScannerRow
from ibgateway.simulator.wire.encoding.text import Value, message, minimal


def scanner_parameters(xml: str) -> bytes:
    return message(19, 1, xml)


def scanner_data(reqId: int, rows: Sequence[ScannerRow]) -> bytes:
    fields: list[Value] = [3, reqId, len(rows)]
    for row in rows:
        contract = row.details.contract
        fields += [row.rank, contract.conId, contract.symbol, contract.secType]
        fields += [contract.lastTradeDateOrContractMonth, minimal(contract.strike or 0), contract.right]
        fields += [contract.exchange, contract.currency, contract.localSymbol]
        fields += [row.details.marketName, contract.tradingClass]
        fields += [row.distance, row.benchmark, row.projection, row.legsStr]
    return message(20, *fields)


def news_bulletin(msgId: int, kind: int, text: str, exchange: str) -> bytes:
    return message(14, 1, msgId, kind, text, exchange)


def news_providers(providers: Sequence[tuple[str, str]]) -> bytes:
    return message(85, len(providers), *[text for provider in providers for text in provider])


def news_article(reqId: int, article: Article) -> bytes:
    return message(83, reqId, article.articleType, article.text)


def historical_news(reqId: int, news: Headline) -> bytes:
    time = f"{datetime.fromtimestamp(news.time, UTC):%Y-%m-%d %H:%M:%S}.0"
    return message(86, reqId, time, news.providerCode, news.articleId, news.headline)


def historical_news_end(reqId: int, hasMore: bool) -> bytes:
    return message(87, reqId, hasMore)


def fundamental_data(reqId: int, xml: str) -> bytes:
    return message(51, 1, reqId, xml)


def wsh_meta_data(reqId: int, json: str) -> bytes:
    return message(104, reqId, json)


def wsh_event_data(reqId: int, json: str) -> bytes:
    return message(105, reqId, json)
