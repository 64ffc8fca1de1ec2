"""Handlers about prices."""

import asyncio
from contextlib import suppress
from datetime import UTC

from bridge.bus.server.request import RequestContext
from bridge.text import spellings as forms
from bridge.text.end_of_history import TODAY, before, dated, since, tws_end, year_start
from bridge.tool import ToolError
from bridge.tools.market.market_data import (
    Bar,
    GetHistoricalData,
    LiveFeedOpened,
    OpenLiveFeed,
    OpenMarketData,
    QuoteStreamOpened,
)
from ib_worker.answers.bounds import BOUNDS, DAILY_ROWS, DAY_S, bar_seconds, require_short
from ib_worker.answers.shapes import EncodedAnswer, shape_of, shaped
from ib_worker.client_rights.streams import contract_grant
from ib_worker.handlers.dispatch import handles
from ib_worker.history import requests
from ib_worker.market_data.contracts import contract_of_symbol, one_of_symbol, routed
from ib_worker.market_data.history_kinds import require_kind, usual_kind
from ib_worker.session.session import Session
from ib_worker.tws.values import convert
from ib_worker.tws.values.time_zones import zone

FIRST_OF_FEED_S = 2.0  # a refusal comes within a second; the first bar within five, so it is not waited for
FIRST_QUOTE_S = 3.0  # TWS sends the first prices within a second, and its refusals as well


@handles(GetHistoricalData)
async def get_historical_data(
    request: GetHistoricalData, session: Session, context: RequestContext
) -> EncodedAnswer[list[Bar]]:
    found = await one_of_symbol(session.contracts, request, session.now())
    assert found.contract is not None  # `one` has looked
    given = "whatToShow" in request.model_fields_set
    whatToShow = request.whatToShow if given else usual_kind(found.contract.secType)
    require_kind(whatToShow, found.contract.secType)
    hours = found.liquidHours if request.useRTH else found.tradingHours
    where = zone(found.timeZoneId) or UTC  # an instant of a bar is right in either
    last = dated(request.endDateTime or TODAY, where, session.now())
    first = year_start(last, where) if request.durationStr == forms.YEAR_TO_DATE else None
    durationStr = since(first, last, where) if first is not None else request.durationStr
    require_short(durationStr, request.barSizeSetting, found.contract.secType, hours)
    contract = routed(found, request)
    end = tws_end(last, where) if request.endDateTime else requests.UP_TO_NOW
    series = requests.BarSeries(durationStr, request.barSizeSetting, whatToShow, end, request.useRTH)
    bars = await requests.bars(session, contract, series, where, requests.deadline())
    bars = bars if first is None else [each for each in bars if each.date >= first.isoformat()]
    if not bars:
        raise ToolError(
            "no_data",
            "TWS has no bars for this contract and period. Try another whatToShow, barSizeSetting or durationStr.",
        )
    question = (context.operation, context.arguments)
    kept = session.caches.answers.find(question, bars, len(bars))
    if kept is None:
        kept = await _shaped(session, request, bars)
        session.caches.answers.keep(question, bars, len(bars), kept)
    return kept


async def _shaped(session: Session, request: GetHistoricalData, bars: list[Bar]) -> EncodedAnswer[list[Bar]]:
    """Return the bars in the form that is wanted: by default the newest that a model reads whole."""
    shape = shape_of(request, list[Bar])
    least = DAILY_ROWS if bar_seconds(request.barSizeSetting) >= DAY_S else 0
    endless = request.whatToShow == "ADJUSTED_LAST" or request.secType == "CONTFUT"

    def earlier(first: Bar) -> str:
        narrow = BOUNDS["get_historical_data"].narrow
        return narrow if endless else f"Earlier bars: endDateTime {before(first.date)}. {narrow}"

    return await session.long_work.run(
        bars, lambda bars: shaped("get_historical_data", bars, len(bars), shape, narrow=earlier, least=least)
    )


@handles(OpenMarketData)
async def open_market_data(request: OpenMarketData, session: Session) -> QuoteStreamOpened:
    contract = await contract_of_symbol(session.contracts, request, session.now())
    line = await session.quotes.open(contract)
    if not line.quiet:
        try:
            async with asyncio.timeout(FIRST_QUOTE_S):
                await session.tws.while_connected(line.settled.wait())
        except TimeoutError:  # outside trading hours there may be no price at all
            line.quiet = True
    if line.problem is not None:
        raise line.problem
    grant = contract_grant(line.stream, "quotes", request, contract.conId)
    cursor = await session.publisher.keep_stream(line.stream, grant) if request.keep else ""
    quote = line.values.known(line.values.heard or session.now()) if line.values.priced else None
    life, seq = session.quotes.position(line)
    return QuoteStreamOpened(
        stream=line.stream, contract=convert.contract(contract), quote=quote, life=life, seq=seq, cursor=cursor
    )


@handles(OpenLiveFeed)
async def open_live_feed(request: OpenLiveFeed, session: Session) -> LiveFeedOpened:
    contract = await contract_of_symbol(session.contracts, request, session.now())
    feed = session.feeds.open(request.feed, contract, request.barSizeSetting)
    grant = contract_grant(feed.stream, request.feed, request, contract.conId)
    cursor = await session.publisher.keep_stream(feed.stream, grant)
    with suppress(TimeoutError):  # quiet so far
        async with asyncio.timeout(FIRST_OF_FEED_S):
            await session.tws.while_connected(feed.settled.wait())
    if feed.problem is not None:
        raise feed.problem
    return LiveFeedOpened(stream=feed.stream, contract=convert.contract(contract), cursor=cursor)
