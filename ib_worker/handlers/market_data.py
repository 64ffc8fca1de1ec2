"""Handlers about prices."""

import asyncio
from datetime import UTC

import ib_async

from bridge.tool import ToolError
from bridge.tools.market_data import Bar, GetHistoricalData, OpenMarketData, QuoteStreamOpened
from ib_worker.handlers.answer_bounds import EncodedAnswer, bar_seconds, encoded, require_short
from ib_worker.handlers.dispatch import handles
from ib_worker.market_data.contracts import routed
from ib_worker.market_data.history_kinds import require_kind
from ib_worker.pacing.history_pacer import HistoryRequest
from ib_worker.pacing.message_pacer import Priority
from ib_worker.session.session import Session
from ib_worker.tws.errors import UnreadableMessage
from ib_worker.tws.values import convert
from ib_worker.tws.values.time_zones import zone

HISTORY_S = 50.0  # with the look-up of the contract below the tool's own deadline, and that below a host's minute
FIRST_QUOTE_S = 3.0  # TWS sends the first prices within a second, and its refusals as well
PRICES = frozenset({"TRADES", "MIDPOINT", "BID", "ASK", "BID_ASK", "ADJUSTED_LAST"})  # the rest are rates and yields
DATES_AS_EPOCH = 2  # formatDate: instants as epoch seconds, which need no zone name to be understood


@handles(GetHistoricalData)
async def get_historical_data(request: GetHistoricalData, session: Session) -> EncodedAnswer[list[Bar]]:
    found = await session.contracts.one(request)
    assert found.contract is not None  # `one` has looked
    require_kind(request.whatToShow, found.contract.secType)
    require_short(request.durationStr, request.barSizeSetting, request.secType, found.liquidHours)
    contract = routed(found, request)
    period = (request.durationStr, request.barSizeSetting)
    wanted = HistoryRequest(
        (contract.conId, contract.exchange), request.whatToShow, period, bar_seconds(request.barSizeSetting)
    )
    deadline = asyncio.get_running_loop().time() + HISTORY_S
    answer: EncodedAnswer[list[Bar]] | None = await session.history_pacer.answer(
        wanted, deadline, lambda: _answer(session, found, contract, request)
    )
    if answer is None:
        raise ToolError(
            "no_data",
            "TWS has no bars for this contract and period. Try another whatToShow, barSizeSetting or durationStr.",
        )
    return answer


async def _answer(
    session: Session, found: ib_async.ContractDetails, contract: ib_async.Contract, asked: GetHistoricalData
) -> EncodedAnswer[list[Bar]] | None:
    """Return the bars as JSON, which a repeated request gets as they are; None where TWS has none."""
    texts = await _bars(session, contract, asked)
    if not texts:
        return None
    where = zone(found.timeZoneId) or UTC  # an instant of a bar is right in either
    rule = "historicalData.price" if asked.whatToShow in PRICES else "historicalData.rate"

    try:
        bars = await session.long_work.run(
            texts, lambda texts: convert.bars(texts, where, contract.secType, rule), fields=convert.BAR_FIELDS
        )
        return await session.long_work.run(bars, lambda bars: encoded("get_historical_data", bars, len(bars)))
    except ValueError as unlike:
        raise UnreadableMessage(f"a message of type 17 (historicalData) has bars that are none: {unlike}") from unlike


async def _bars(session: Session, contract: ib_async.Contract, asked: GetHistoricalData) -> list[str]:
    """Texts of the bars, as `convert.bars` takes them."""
    async with asyncio.timeout(HISTORY_S):
        texts: list[str] = await session.tws.ask(
            lambda wire, reqId: wire.reqHistoricalData(
                reqId,
                contract,
                "",  # up to now
                asked.durationStr,
                asked.barSizeSetting,
                asked.whatToShow,
                True,  # regular trading hours
                DATES_AS_EPOCH,
                False,
                [],
            ),
            lane=Priority.BULK,
            cancel=lambda wire, reqId: wire.cancelHistoricalData(reqId),
            patience_s=HISTORY_S - 1,
        )
    return texts


@handles(OpenMarketData)
async def open_market_data(request: OpenMarketData, session: Session) -> QuoteStreamOpened:
    contract = await session.contracts.contract(request)
    line = await session.quotes.open(contract)
    if not line.quiet:
        try:
            async with asyncio.timeout(FIRST_QUOTE_S):
                await session.tws.while_connected(line.settled.wait())
        except TimeoutError:  # outside trading hours there may be no price at all
            line.quiet = True
    if line.problem is not None:
        raise line.problem
    cursor = await session.publisher.keep_stream(line.stream) if request.keep else ""
    quote = line.values.known(line.values.heard or session.now()) if line.values.priced else None
    life, seq = session.quotes.position(line)
    return QuoteStreamOpened(
        stream=line.stream, contract=convert.contract(contract), quote=quote, life=life, seq=seq, cursor=cursor
    )
