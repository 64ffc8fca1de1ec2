"""Requests for the past, each in its turn of the history pacer: bars, ticks, sessions, head timestamps, histograms."""

import asyncio
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any, TypeVar

import ib_async

from bridge.tools.market.market_data import Bar
from ib_worker.answers.bounds import DAY_S, bar_seconds
from ib_worker.pacing.history_pacer import HistoryRequest
from ib_worker.pacing.message_pacer import Priority
from ib_worker.session.session import Session
from ib_worker.tws.client import Send
from ib_worker.tws.errors import UnreadableMessage
from ib_worker.tws.values import convert

HISTORY_S = 50.0  # with the look-up of the contract below a tool's own deadline, and that below a host's minute
PRICES = frozenset({"TRADES", "MIDPOINT", "BID", "ASK", "BID_ASK", "ADJUSTED_LAST"})  # the rest are rates and yields
UP_TO_NOW = ""  # endDateTime
DATES_AS_EPOCH = 2  # formatDate: instants as epoch seconds, which need no zone name to be understood
MOST_TICKS = 1_000  # of one request. Source: IBKR's page on historical ticks

T = TypeVar("T")


@dataclass(frozen=True)
class BarSeries:
    """The bars of one request: TWS's arguments beside the contract."""

    durationStr: str
    barSizeSetting: str
    whatToShow: str
    end: str = UP_TO_NOW
    useRTH: bool = True

    def request(self, contract: ib_async.Contract) -> HistoryRequest:
        period = (self.durationStr, self.barSizeSetting, self.end, self.useRTH)
        return HistoryRequest(_listed(contract), self.whatToShow, period, bar_seconds(self.barSizeSetting))


def deadline() -> float:
    """Return the time, by the loop's clock, until which requests that begin now may wait for their turn."""
    return asyncio.get_running_loop().time() + HISTORY_S


async def bars(
    session: Session, contract: ib_async.Contract, series: BarSeries, where: tzinfo, until: float
) -> list[Bar]:
    """Return the bars, which a repeated request gets as they are; none where TWS has none."""
    answer: list[Bar] = await session.history_pacer.answer(
        series.request(contract), until, lambda: _bars(session, contract, series, where)
    )
    return answer


async def _bars(session: Session, contract: ib_async.Contract, series: BarSeries, where: tzinfo) -> list[Bar]:
    texts: list[str] = await _ask(session, _bars_frame(contract, series), _cancel_bars)
    rule = "historicalData.price" if series.whatToShow in PRICES else "historicalData.rate"
    try:
        return await session.long_work.run(
            texts, lambda texts: convert.bars(texts, where, contract.secType, rule), fields=convert.BAR_FIELDS
        )
    except ValueError as unlike:
        raise UnreadableMessage(f"a message of type 17 (historicalData) has bars that are none: {unlike}") from unlike


def _bars_frame(contract: ib_async.Contract, series: BarSeries) -> Send:
    period = (series.end, series.durationStr, series.barSizeSetting, series.whatToShow, series.useRTH)
    return lambda wire, reqId: wire.reqHistoricalData(reqId, contract, *period, DATES_AS_EPOCH, False, [])


def _cancel_bars(wire: Any, reqId: int) -> None:
    wire.cancelHistoricalData(reqId)


async def sessions(session: Session, contract: ib_async.Contract, days: int) -> list[ib_async.HistoricalSession]:
    """Return the regular sessions of the last days, oldest first."""
    series = BarSeries(f"{days} D", "1 day", "SCHEDULE")
    found: list[ib_async.HistoricalSession] = await session.history_pacer.answer(
        series.request(contract), deadline(), lambda: _ask(session, _bars_frame(contract, series), _cancel_bars)
    )
    return found


async def ticks(
    session: Session, contract: ib_async.Contract, whatToShow: str, start: str, end: str, useRTH: bool
) -> list[Any]:
    """Return up to 1,000 ticks from `start` on, or the last up to `end`, and all of the second where they are cut."""

    def send(wire: Any, reqId: int) -> None:
        wire.reqHistoricalTicks(reqId, contract, start, end, MOST_TICKS, whatToShow, useRTH, False, [])

    request = HistoryRequest(_listed(contract), whatToShow, ("ticks", start, end, useRTH), DAY_S)
    parts: list[list[Any]] = await session.history_pacer.answer(request, deadline(), lambda: _ask(session, send))
    return [tick for part in parts for tick in part]


async def head_timestamp(session: Session, contract: ib_async.Contract, whatToShow: str, useRTH: bool) -> str:
    """Return when the series begins, as TWS writes it."""

    def send(wire: Any, reqId: int) -> None:
        wire.reqHeadTimeStamp(reqId, contract, whatToShow, useRTH, DATES_AS_EPOCH)

    async def ask() -> str:
        # It counts as open until it is cancelled, and after fifty TWS answers no more (ib_async's issue 149).
        told: str = await _ask(session, send, lambda wire, reqId: wire.cancelHeadTimeStamp(reqId), always=True)
        return told

    request = HistoryRequest(_listed(contract), whatToShow, ("head timestamp", useRTH), DAY_S)
    answer: str = await session.history_pacer.answer(request, deadline(), ask)
    return answer


async def histogram(
    session: Session, contract: ib_async.Contract, timePeriod: str, useRTH: bool
) -> list[tuple[str, str]]:
    """Return prices and the sizes traded at them, as TWS writes them."""

    def send(wire: Any, reqId: int) -> None:
        wire.reqHistogramData(reqId, contract, useRTH, timePeriod)

    request = HistoryRequest(_listed(contract), "TRADES", ("histogram", timePeriod, useRTH), DAY_S)
    answer: list[tuple[str, str]] = await session.history_pacer.answer(
        request, deadline(), lambda: _ask(session, send, lambda wire, reqId: wire.cancelHistogramData(reqId))
    )
    return answer


async def _ask(session: Session, send: Send, cancel: Send | None = None, *, always: bool = False) -> Any:
    """Send a request of the past behind all others, and await its answer. `always`: cancel it after its answer, too."""
    async with asyncio.timeout(HISTORY_S):
        return await session.tws.ask(
            send, lane=Priority.BULK, cancel=cancel, subscription=always, patience_s=HISTORY_S - 1
        )


def _listed(contract: ib_async.Contract) -> tuple[int, str]:
    """Return what TWS counts requests by: five of one contract and exchange in two seconds."""
    return contract.conId, contract.exchange
