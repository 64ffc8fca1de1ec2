"""Handlers of research requests: scanners, news, fundamentals, Wall Street Horizon."""

from __future__ import annotations

from collections.abc import Iterator

from ibgateway.simulator.gateway.connection import ClientSubscription, Connection, handles
from ibgateway.simulator.model.chunks import Pieces
from ibgateway.simulator.model.contracts import Contract
from ibgateway.simulator.model.errors import Refusal
from ibgateway.simulator.model.research import ScannerRow
from ibgateway.simulator.wire.messages import research as messages
from ibgateway.simulator.wire.requests import research as requests
from ibgateway.simulator.world.time.instants import instant

SCAN_S = 30.0
BULLETIN_S = 1.0
DAY_S = 86_400.0
MAX_HEADLINES = 300
MAX_SCANNERS = 10
NO_ITEMS = (165, "Historical Market Data Service query message:no items retrieved")
SCAN_CANCELLED = "Historical Market Data Service error message:API scanner subscription cancelled: {}"


class ScannerSubscription(ClientSubscription):
    """A ranking, sent again every 30 seconds if it has changed."""

    def __init__(self, connection: Connection, request: requests.ReqScannerSubscription) -> None:
        self.connection = connection
        self.request = request
        self._sent: list[ScannerRow] | None = None
        self.advance(connection.world.now)

    def advance(self, now: float) -> None:
        self.due = now + SCAN_S
        self.connection.later(self.request.reqId, self._rank(self.connection.world.scan_in_pieces(self.request.query)))

    def _rank(self, scan: Pieces[list[ScannerRow]]) -> Iterator[None]:
        rows = yield from scan
        if rows == self._sent:
            return
        first, self._sent = self._sent is None, rows
        if first and not rows:
            self.connection.error(self.request.reqId, *NO_ITEMS)
        else:
            self.connection.send(messages.scanner_data(self.request.reqId, rows))


@handles(requests.ReqScannerParameters)
def scanner_parameters(connection: Connection, _: requests.ReqScannerParameters) -> None:
    connection.send(messages.scanner_parameters(connection.world.scanner_parameters()))


@handles(requests.ReqScannerSubscription)
def scanner_subscription(connection: Connection, request: requests.ReqScannerSubscription) -> None:
    connection.require_free("scanner", request.reqId)
    if len(list(connection.subscribed("scanner"))) >= MAX_SCANNERS:
        raise Refusal(
            165,
            f"Historical Market Data Service query message:Only {MAX_SCANNERS} simultaneous API scanner "
            "subscriptions are allowed",
        )
    connection.subscribe("scanner", request.reqId, ScannerSubscription(connection, request))


@handles(requests.CancelScannerSubscription)
def cancel_scanner_subscription(connection: Connection, request: requests.CancelScannerSubscription) -> None:
    if not connection.unsubscribe("scanner", request.reqId):
        raise Refusal(365, f"No scanner subscription found for ticker id:{request.reqId}")
    connection.error(request.reqId, 162, SCAN_CANCELLED.format(request.reqId))


class BulletinSubscription(ClientSubscription):
    """News bulletins, with those of the last day if the client asks for them."""

    def __init__(self, connection: Connection, allMsgs: bool) -> None:
        self.connection = connection
        self._upto = connection.world.now - (DAY_S if allMsgs else 0)
        self.advance(connection.world.now)

    def advance(self, now: float) -> None:
        self.due = now + BULLETIN_S
        for msgId, kind, text, exchange in self.connection.world.bulletins(self._upto, now):
            self.connection.send(messages.news_bulletin(msgId, kind, text, exchange))
        self._upto = now


@handles(requests.ReqNewsBulletins)
def news_bulletins(connection: Connection, request: requests.ReqNewsBulletins) -> None:
    connection.unsubscribe("bulletins", 0)
    connection.subscribe("bulletins", 0, BulletinSubscription(connection, request.allMsgs))


@handles(requests.CancelNewsBulletins)
def cancel_news_bulletins(connection: Connection, _: requests.CancelNewsBulletins) -> None:
    connection.unsubscribe("bulletins", 0)


@handles(requests.ReqNewsProviders)
def news_providers(connection: Connection, _: requests.ReqNewsProviders) -> None:
    connection.send(messages.news_providers(connection.world.news_providers()))


@handles(requests.ReqNewsArticle)
def news_article(connection: Connection, request: requests.ReqNewsArticle) -> None:
    article = connection.world.article(request.providerCode, request.articleId)
    connection.send(messages.news_article(request.reqId, article))


@handles(requests.ReqHistoricalNews)
def historical_news(connection: Connection, request: requests.ReqHistoricalNews) -> None:
    """Send headlines; one more than requested is read to know if there are more."""
    world, total = connection.world, max(1, min(request.totalResults, MAX_HEADLINES))
    start = instant(request.startDateTime, "UTC", world.now)
    end = instant(request.endDateTime, "UTC", world.now)
    found = world.historical_news(request.conId, request.providerCodes, start, end, total + 1)
    for headline in found[:total]:
        connection.send(messages.historical_news(request.reqId, headline))
    connection.send(messages.historical_news_end(request.reqId, len(found) > total))


@handles(requests.ReqFundamentalData)
def fundamental_data(connection: Connection, request: requests.ReqFundamentalData) -> None:
    contract: Contract = connection.world.resolve(request.contract)
    xml = connection.world.fundamental_data(contract, request.reportType)
    connection.send(messages.fundamental_data(request.reqId, xml))


@handles(requests.ReqWshMetaData)
def wsh_meta_data(connection: Connection, request: requests.ReqWshMetaData) -> None:
    connection.send(messages.wsh_meta_data(request.reqId, connection.world.wsh_meta()))


@handles(requests.ReqWshEventData)
def wsh_event_data(connection: Connection, request: requests.ReqWshEventData) -> None:
    json = connection.world.wsh_events(
        conId=request.conId or 0,
        filter=request.filter,
        start=request.startDate,
        end=request.endDate,
        total=100 if request.totalLimit is None else request.totalLimit,
    )
    connection.send(messages.wsh_event_data(request.reqId, json))


@handles(requests.CancelFundamentalData)
@handles(requests.CancelWshMetaData)
@handles(requests.CancelWshEventData)
def cancel_answered(_: Connection, __: object) -> None:
    """Do nothing: these requests are answered at once, so there is none to cancel."""
