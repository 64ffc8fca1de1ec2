"""Takes the messages that ib_async decodes, and hands each to the part of the session that it concerns."""
# The methods have the names that ib_async calls, which are TWS's own:
# ruff: noqa: N802

from collections.abc import Callable
from datetime import UTC
from functools import partial
from types import SimpleNamespace
from typing import Any, NamedTuple, Protocol

import ib_async
import structlog

from bridge.text.contract_name import contract_name
from ib_worker.account.live_portfolio import LivePortfolio
from ib_worker.account.positions import Positions
from ib_worker.account.updates import AccountUpdates
from ib_worker.market_data.depth_book import BookChange
from ib_worker.market_data.live_feeds import LiveFeeds
from ib_worker.market_data.subscriptions import QuoteSubscriptions
from ib_worker.orders.messages import OrderMessageHandler
from ib_worker.orders.tracker import TrackedOrder
from ib_worker.tws.errors import PACING
from ib_worker.tws.requests import (
    COMPLETED_ORDERS,
    CURRENT_TIME,
    NEWS_BULLETINS,
    NEWS_PROVIDERS,
    OPEN_ORDERS,
    POSITIONS,
    SCANNER_PARAMETERS,
    PendingRequests,
)
from ib_worker.tws.unreadable import WITHOUT_REQUEST, refuse_unhandled
from ib_worker.tws.values import unset
from ib_worker.tws.values.codes import UNNAMED
from ib_worker.tws.values.live import live_bar, live_headline, live_middle, live_trade, live_update
from ib_worker.tws.values.news import SentBulletin, SentHeadline
from ib_worker.tws.values.text import message

# Types of messages without which what is known is not whole.
POSITION_MESSAGES = frozenset({"61"})
ORDER_MESSAGES = frozenset({"3", "5", "101"})
EXECUTION_MESSAGES = frozenset({"11", "59"})
SHOW_AN_ORDER = frozenset({"5", "11", "101"})  # and what a look lacks of these it can't call missing

Say = Callable[[int, str], None]

log = structlog.get_logger("ib_worker.session.wrapper")


class ListedExecution(NamedTuple):
    """One fill of an answer to reqExecutions, and its order if that is known."""

    contract: ib_async.Contract
    execution: ib_async.Execution
    entry: TrackedOrder | None


class ExecutionRecorder(Protocol):
    """Takes every execution and commission that TWS tells, of whatever client, and again whenever it is told again."""

    def execution(self, contract: ib_async.Contract, told: ib_async.Execution) -> None: ...

    def commission(self, told: ib_async.CommissionReport) -> None: ...


class Wrapper:
    """The receiver that ib_async's decoder calls: one method a message, each quick, since a slow one delays all."""

    defaultTimezone = UTC  # the decoder turns times to it
    ib = SimpleNamespace(TimezoneTWS="UTC")  # and takes a time without a zone for one of this

    def __init__(
        self,
        requests: PendingRequests,
        orders: OrderMessageHandler,
        positions: Positions,
        lines: QuoteSubscriptions,
        account_updates: AccountUpdates,
        feeds: LiveFeeds,
        say: Say,
        report_undecoded: Callable[[list[str]], None],
        executed: Callable[[ListedExecution], None],
        recorder: ExecutionRecorder,
        live: LivePortfolio,
    ) -> None:
        self._requests = requests
        self._orders = orders
        self._positions = positions
        self._lines = lines
        self._account = account_updates
        self._feeds = feeds
        self._say = say
        self.undecoded = report_undecoded
        self._executed = executed  # a fill that came unasked
        self._recorder = recorder
        self._live = live
        self.orderStatus = orders.orderStatus  # straight to its place

    def connectAck(self) -> None:
        """The wire tells by itself when it stands and when it is lost."""

    def setEventsDone(self) -> None: ...

    def connectionClosed(self) -> None: ...

    def tcpDataArrived(self) -> None: ...

    def tcpDataProcessed(self) -> None:
        """A packet's messages are all taken: publish what they changed, together."""
        self._lines.flush()
        self._feeds.flush()
        self._account.flush()

    def error(self, reqId: int, errorCode: int, errorString: str, advanced: str) -> None:
        text = message(errorString)
        if reqId in self._requests:
            self._requests.error(reqId, errorCode, text)
        elif not self._about_a_subscription(reqId, errorCode, text) and not self._orders.error(reqId, errorCode, text):
            if errorCode in UNNAMED:
                self._requests.refuse_unnamed(errorCode, text)
                self._account.refused(errorCode, text)
                self._orders.unnamed_error(errorCode, text)
            elif errorCode in PACING:  # it may be about the bulletins, whose silence would pass for none
                self._requests.error(NEWS_BULLETINS, errorCode, text)
            self._say(errorCode, text)

    def _about_a_subscription(self, reqId: int, errorCode: int, text: str) -> bool:
        return (
            self._lines.refused(reqId, errorCode, text)
            or self._feeds.refused(reqId, errorCode, text)
            or self._live.refused(reqId)
        )

    def __getattr__(self, name: str) -> Callable[..., None]:
        """Return a method for a message that has none here: the decoder would drop the message."""
        if name.startswith("_") or name in WITHOUT_REQUEST:
            raise AttributeError(name)
        return partial(self._unhandled, name)

    def _unhandled(self, name: str, *fields: object) -> None:
        """Fail the request that waits for the message, by the message's name: without it the request would time out.

        A message that nobody waits for, such as a further tick, is dropped.
        """
        if refuse_unhandled(self._requests, self._account.fail, name, fields):
            log.error("message_without_method", message=name)

    # answers with a request id

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

    def historicalBars(self, reqId: int, texts: list[str]) -> None:
        """historicalData, all of it in one message."""
        if not self._feeds.begun(reqId):
            self._requests.answer(reqId, texts)

    def historicalDataUpdate(self, reqId: int, bar: ib_async.BarData) -> None:
        self._feeds.bar_changed(reqId, live_update(bar))

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

    def pnlSingle(
        self, reqId: int, pos: float, dailyPnL: float, unrealizedPnL: float, realizedPnL: float, value: float
    ) -> None:
        figures = (pos, dailyPnL, unrealizedPnL, realizedPnL, value)
        if not self._live.told(reqId, figures):
            self._figures(reqId, figures, dailyPnL)

    def _figures(self, reqId: int, figures: tuple[float, ...], daily: float) -> None:
        """The first message may come before TWS has computed anything: it is an answer only if no other comes."""
        if unset.number(daily) is None:
            self._requests.add(reqId, figures)
        else:
            self._requests.answer(reqId, figures)

    def commissionReport(self, report: ib_async.CommissionReport) -> None:
        self._orders.commissionReport(report)
        self._recorder.commission(report)

    def execDetails(self, reqId: int, contract: ib_async.Contract, execution: ib_async.Execution) -> None:
        self._recorder.execution(contract, execution)
        entry = self._orders.execDetails(execution, contract.secType)
        if entry is None and reqId not in self._requests:  # told unasked: the broker liquidates, say
            name = contract_name(contract)
            log.warning("execution_of_no_order", side=execution.side, shares=execution.shares, contract=name)
        listed = ListedExecution(contract, execution, entry)
        if reqId in self._requests:
            self._requests.add(reqId, listed)
        else:
            self._executed(listed)

    def execDetailsEnd(self, reqId: int) -> None:
        self._requests.finish(reqId)

    # the order book, scanners and news

    def updateMktDepth(self, reqId: int, position: int, operation: int, side: int, price: float, size: float) -> None:
        self._book_changed(reqId, BookChange(position, operation, side, price, size))

    def updateMktDepthL2(
        self, reqId: int, position: int, marketMaker: str, operation: int, side: int, price: float, size: float,
        isSmartDepth: bool,
    ) -> None:  # fmt: skip
        self._book_changed(reqId, BookChange(position, operation, side, price, size, marketMaker))

    def _book_changed(self, reqId: int, change: BookChange) -> None:
        if not self._feeds.change(reqId, change):
            self._requests.add(reqId, change)

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

    # answers of a kind

    def position(self, account: str, contract: ib_async.Contract, posSize: float, avgCost: float) -> None:
        self._positions.take(account, contract, posSize, avgCost)

    def positionEnd(self) -> None:
        self._positions.ended()
        self._requests.finish(POSITIONS)

    def openOrder(
        self, orderId: int, contract: ib_async.Contract, order: ib_async.Order, orderState: ib_async.OrderState
    ) -> None:
        if order.whatIf:  # the answer to a preview: there is no such order
            self._requests.answer(orderId, orderState)
        else:
            self._requests.add(OPEN_ORDERS, self._orders.openOrder(orderId, contract, order, orderState))

    def openOrderEnd(self) -> None:
        self._orders.openOrderEnd()
        self._requests.finish(OPEN_ORDERS)

    def completedOrder(
        self, contract: ib_async.Contract, order: ib_async.Order, orderState: ib_async.OrderState
    ) -> None:
        self._requests.add(COMPLETED_ORDERS, self._orders.completedOrder(contract, order, orderState))

    def forgottenOrder(self, permId: str) -> bool:
        """completedOrder, of one that has ended long ago and is not kept."""
        forgotten = permId.isdecimal() and self._orders.is_past(int(permId))
        if forgotten:
            self._requests.add(COMPLETED_ORDERS, None)
        return forgotten

    def completedOrdersEnd(self) -> None:
        self._requests.finish(COMPLETED_ORDERS)

    # the account's updates

    def updateAccountValue(self, tag: str, value: str, currency: str, account: str) -> None:
        self._account.value(tag, value, currency, account)

    def updatePortfolio(
        self,
        contract: ib_async.Contract,
        posSize: float,
        marketPrice: float,
        marketValue: float,
        averageCost: float,
        unrealizedPNL: float,
        realizedPNL: float,
        account: str,
    ) -> None:
        self._account.portfolio(
            ib_async.PortfolioItem(
                contract, posSize, marketPrice, marketValue, averageCost, unrealizedPNL, realizedPNL, account
            )
        )

    def accountDownloadEnd(self, account: str) -> None:
        self._account.ended(account)

    # ticks

    def priceSizeTick(self, reqId: int, tickType: int, price: float, size: float) -> None:
        self._lines.price(reqId, tickType, price, size)

    def tickSize(self, reqId: int, tickType: int, size: float) -> None:
        self._lines.size(reqId, tickType, size)

    def tickGeneric(self, reqId: int, tickType: int, value: float) -> None:
        self._lines.generic(reqId, tickType, value)

    def marketDataType(self, reqId: int, marketDataId: int) -> None:
        self._lines.market_data_type(reqId, marketDataId)

    def tickOptionComputation(self, reqId: int, tickType: int, tickAttrib: int, *values: float) -> None:
        """Comes unasked with an option's quotes, and as the answer to a calculation."""
        if reqId in self._requests:
            self._requests.answer(reqId, values)
        else:
            self._lines.computation(reqId, tickType, values)

    # live feeds

    def realtimeBar(
        self, reqId: int, time: int, open_: float, high: float, low: float, close: float, volume: float, wap: float,
        count: int,
    ) -> None:  # fmt: skip
        self._feeds.take(reqId, "bar", live_bar(time, (open_, high, low, close, volume, wap, count)))

    def tickByTickAllLast(
        self, reqId: int, tickType: int, time: int, price: float, size: float, attributes: ib_async.TickAttribLast,
        exchange: str, specialConditions: str,
    ) -> None:  # fmt: skip
        self._feeds.take(reqId, "tick", live_trade(time, price, size, attributes, (exchange, specialConditions)))

    def tickByTickMidPoint(self, reqId: int, time: int, midPoint: float) -> None:
        self._feeds.take(reqId, "tick", live_middle(time, midPoint))

    def tickNews(
        self, reqId: int, timeStamp: int, providerCode: str, articleId: str, headline: str, extraData: str
    ) -> None:
        self._feeds.take(reqId, "headline", live_headline(timeStamp, providerCode, articleId, headline))

    def currentTime(self, time: int) -> None:
        """By the gateway's clock, in seconds; also a sign of life, for which the wire has taken it already."""
        self._requests.add(CURRENT_TIME, time)
        self._requests.finish(CURRENT_TIME)

    def deltaNeutralValidation(self, reqId: int, *contract: object) -> None:
        """Comes unasked with a delta-neutral order."""
