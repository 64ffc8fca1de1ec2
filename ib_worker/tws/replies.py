"""The messages of TWS that answer a request and concern nothing else: each is a part of the answer, all or its end."""
# The methods have the names that ib_async calls, which are TWS's own:
# ruff: noqa: N802

from typing import Any

import ib_async

from ib_worker.tws.requests import CURRENT_TIME, NEWS_BULLETINS, NEWS_PROVIDERS, SCANNER_PARAMETERS, PendingRequests
from ib_worker.tws.values import unset
from ib_worker.tws.values.news import SentBulletin, SentHeadline


class RequestReplies:
    """Hands each such message to the request that waits for it, by its id or its kind. The receiver of all messages
    (`ib_worker/session/wrapper.py`) adds the methods of the others."""

    def __init__(self, requests: PendingRequests) -> None:
        self._requests = requests

    def contractDetails(self, reqId: int, details: ib_async.ContractDetails) -> None:
        self._requests.add(reqId, details)

    bondContractDetails = contractDetails

    def contractDetailsEnd(self, reqId: int) -> None:
        self._requests.finish(reqId)

    def securityDefinitionOptionParameter(
        self, reqId: int, exchange: str, underlyingConId: str, tradingClass: str, multiplier: str,
        expirations: list[str], strikes: list[float],
    ) -> None:  # fmt: skip
        self._requests.add(reqId, (exchange, tradingClass, multiplier, expirations, strikes))

    def securityDefinitionOptionParameterEnd(self, reqId: int) -> None:
        self._requests.finish(reqId)

    def symbolSamples(self, reqId: int, contractDescriptions: list[ib_async.ContractDescription]) -> None:
        self._requests.answer(reqId, contractDescriptions)

    def marketRule(self, marketRuleId: int, priceIncrements: list[ib_async.PriceIncrement]) -> None:
        self._requests.answer(("market rule", marketRuleId), priceIncrements)

    def historicalSchedule(
        self, reqId: int, start: str, end: str, timeZone: str, sessions: list[ib_async.HistoricalSession]
    ) -> None:
        self._requests.answer(reqId, sessions)

    def headTimestamp(self, reqId: int, headTimestamp: str) -> None:
        self._requests.answer(reqId, headTimestamp)

    def histogram(self, reqId: int, rows: list[tuple[str, str]]) -> None:
        """histogramData: prices and sizes, as texts."""
        self._requests.answer(reqId, rows)

    def historicalTicks(self, reqId: int, ticks: list[Any], done: bool) -> None:
        """Midpoints, trades, or bids and asks, maybe in several messages."""
        self._requests.add(reqId, ticks)
        if done:
            self._requests.finish(reqId)

    historicalTicksBidAsk = historicalTicks
    historicalTicksLast = historicalTicks

    def accountSummary(self, reqId: int, account: str, tag: str, value: str, currency: str) -> None:
        self._requests.add(reqId, (account, tag, value, currency))

    def accountSummaryEnd(self, reqId: int) -> None:
        self._requests.finish(reqId)

    def accountUpdateMulti(self, reqId: int, account: str, modelCode: str, tag: str, value: str, currency: str) -> None:
        self._requests.add(reqId, (account, tag, value, currency))

    def accountUpdateMultiEnd(self, reqId: int) -> None:
        self._requests.finish(reqId)

    def positionMulti(
        self, reqId: int, account: str, modelCode: str, contract: ib_async.Contract, pos: float, avgCost: float
    ) -> None:
        self._requests.add(reqId, (account, contract, pos, avgCost))

    def positionMultiEnd(self, reqId: int) -> None:
        self._requests.finish(reqId)

    def pnl(self, reqId: int, dailyPnL: float, unrealizedPnL: float, realizedPnL: float) -> None:
        self._figures(reqId, (dailyPnL, unrealizedPnL, realizedPnL), dailyPnL)

    def _figures(self, reqId: int, figures: tuple[float, ...], daily: float) -> None:
        """Take profits. The first message may come before TWS has computed anything: it is an answer only if no other
        comes."""
        if unset.number(daily) is None:
            self._requests.add(reqId, figures)
        else:
            self._requests.answer(reqId, figures)

    # scanners and news

    def scannerParameters(self, xml: str) -> None:
        self._requests.answer(SCANNER_PARAMETERS, [xml])

    def scannerData(self, reqId: int, rank: int, details: ib_async.ContractDetails, *texts: str) -> None:
        self._requests.add(reqId, (rank, details.contract))

    def scannerDataEnd(self, reqId: int) -> None:
        self._requests.finish(reqId)

    def newsProviders(self, providers: list[ib_async.NewsProvider]) -> None:
        self._requests.answer(NEWS_PROVIDERS, [providers])

    def historicalNews(self, reqId: int, time: str, providerCode: str, articleId: str, headline: str) -> None:
        self._requests.add(reqId, SentHeadline(time, providerCode, articleId, headline))

    def historicalNewsEnd(self, reqId: int, hasMore: bool) -> None:
        self._requests.add(reqId, hasMore)
        self._requests.finish(reqId)

    def newsArticle(self, reqId: int, articleType: int, articleText: str) -> None:
        self._requests.answer(reqId, (articleType, articleText))

    def updateNewsBulletin(self, msgId: int, msgType: int, newsMessage: str, originExch: str) -> None:
        self._requests.add(NEWS_BULLETINS, SentBulletin(msgId, msgType, newsMessage, originExch))

    # the clock

    def currentTime(self, time: int) -> None:
        """By the gateway's clock, in seconds; also a sign of life, for which the wire has taken it already."""
        self._requests.add(CURRENT_TIME, time)
        self._requests.finish(CURRENT_TIME)
