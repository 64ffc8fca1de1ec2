"""Takes the messages that ib_async decodes, and hands each to the part of the session that it concerns."""
# The methods have the names that ib_async calls, which are TWS's own:
# ruff: noqa: N802

from collections.abc import Callable
from datetime import UTC
from functools import partial
from types import SimpleNamespace
from typing import NamedTuple, Protocol

import ib_async
import structlog

from bridge.text.contract_name import contract_name
from ib_worker.account.live_portfolio import LivePortfolio
from ib_worker.account.positions import Positions
from ib_worker.account.updates import AccountUpdates
from ib_worker.candles.live_candles import LiveCandles
from ib_worker.market_data.depth_book import BookChange
from ib_worker.market_data.live_feeds import LiveFeeds
from ib_worker.market_data.subscriptions import QuoteSubscriptions
from ib_worker.orders.messages import OrderMessageHandler
from ib_worker.orders.tracker import TrackedOrder
from ib_worker.tws.errors import PACING
from ib_worker.tws.replies import RequestReplies
from ib_worker.tws.requests import (
    COMPLETED_ORDERS,
    NEWS_BULLETINS,
    OPEN_ORDERS,
    POSITIONS,
    PendingRequests,
)
from ib_worker.tws.unreadable import WITHOUT_REQUEST, refuse_unhandled
from ib_worker.tws.values.codes import UNNAMED
from ib_worker.tws.values.live import live_bar, live_headline, live_middle, live_trade, live_update
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


class Wrapper(RequestReplies):
    """The receiver that ib_async's decoder calls: one method a message, each quick, since a slow one delays all.
    The messages that only answer a request have their methods in `RequestReplies`."""

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
        candles: LiveCandles,
    ) -> None:
        super().__init__(requests)
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
        self._candles = candles
        self.orderStatus = orders.orderStatus  # straight to its place, as the ticks
        self.priceSizeTick, self.tickSize = lines.price, lines.size

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
            or self._candles.refused(reqId, errorCode, text)
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

    # answers to requests, where another part may have asked

    def historicalBars(self, reqId: int, texts: list[str]) -> None:
        """historicalData, all of it in one message."""
        if not self._feeds.begun(reqId) and not self._candles.begun(reqId, texts):
            self._requests.answer(reqId, texts)

    def historicalDataUpdate(self, reqId: int, bar: ib_async.BarData) -> None:
        values = live_update(bar)
        if not self._candles.changed(reqId, values):
            self._feeds.bar_changed(reqId, values)

    def pnlSingle(
        self, reqId: int, pos: float, dailyPnL: float, unrealizedPnL: float, realizedPnL: float, value: float
    ) -> None:
        figures = (pos, dailyPnL, unrealizedPnL, realizedPnL, value)
        if not self._live.told(reqId, figures):
            self._figures(reqId, figures, dailyPnL)

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

    # the order book

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

    def deltaNeutralValidation(self, reqId: int, *contract: object) -> None:
        """Comes unasked with a delta-neutral order."""
