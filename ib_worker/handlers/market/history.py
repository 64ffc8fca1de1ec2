"""Handlers of a contract's past and its hours: ticks, head timestamp, histogram, trading schedule."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Literal

import ib_async

from bridge.text.contract_name import contract_name
from bridge.text.end_of_history import dated, first_second, last_second
from bridge.text.numbers import shortest
from bridge.tool import ToolError
from bridge.tools.market.history import (
    GetHeadTimestamp,
    GetHistogram,
    GetHistoricalTicks,
    GetTradingSchedule,
    HeadTimestamp,
    Histogram,
    PastOfContract,
    TickTable,
    TradingSchedule,
)
from ib_worker.handlers.dispatch import handles
from ib_worker.history import histogram, requests, schedule
from ib_worker.history.ticks import TickPage, TickPosition, page, table
from ib_worker.market_data.contracts import one_of_symbol, routed
from ib_worker.market_data.history_kinds import require_kind, usual_kind
from ib_worker.session.session import Session
from ib_worker.tws.errors import UnreadableMessage
from ib_worker.tws.values.hours import Day, days
from ib_worker.tws.values.time_zones import zone

TRIES = 3  # requests for one page: a place behind a second's last tick needs a second one


@dataclass(frozen=True)
class _Of:
    """The contract of a call, its kind of series, and its zone."""

    contract: ib_async.Contract
    details: ib_async.ContractDetails
    where: tzinfo | None

    @property
    def name(self) -> str:
        return contract_name(self.contract)

    @property
    def zone(self) -> tzinfo:
        return self.where or UTC  # an instant is right in either


async def _of(request: PastOfContract, session: Session) -> _Of:
    found = await one_of_symbol(session.contracts, request, session.now())
    return _Of(routed(found, request), found, zone(found.timeZoneId))


def _kind(asked: str | None, of: _Of) -> str:
    """Return the series that is wanted. Raises ToolError invalid_arguments for one that the type does not have."""
    whatToShow = asked or usual_kind(of.contract.secType)
    require_kind(whatToShow, of.contract.secType)
    return whatToShow


@handles(GetHistoricalTicks)
async def get_historical_ticks(request: GetHistoricalTicks, session: Session) -> TickTable:
    of = await _of(request, session)
    whatToShow = _kind(request.whatToShow, of)
    read = await _page(request, session, of, whatToShow)
    if not read.ticks and request.cursor is None:
        raise ToolError(
            "no_data",
            f"TWS has no {whatToShow} ticks of {of.name} there. Try another startDateTime or endDateTime, or useRTH "
            "false.",
        )
    same, columns, rows = table(read.ticks, whatToShow, of.zone)
    return TickTable(
        count=len(rows), truncated=read.following is not None, simulated=session.simulated, time=_now(session),
        name=of.name, conId=of.contract.conId, whatToShow=whatToShow, timeZoneId=of.details.timeZoneId or None,
        cursor=read.following and read.following.cursor, same=same, columns=columns, rows=rows,
    )  # fmt: skip


async def _page(request: GetHistoricalTicks, session: Session, of: _Of, whatToShow: str) -> TickPage:
    place: TickPosition | None = _place(request, session, of.zone)
    until = last_second(dated(request.endDateTime, of.zone, session.now()), of.zone) if request.endDateTime else None
    read = TickPage([], place)
    for _ in range(TRIES):
        if place is None or read.ticks:
            break
        found = await requests.ticks(session, of.contract, whatToShow, place.start, place.end, request.useRTH)
        read = page(found, place, request.limit, until)
        place = read.following
    return read


def _place(request: GetHistoricalTicks, session: Session, where: tzinfo) -> TickPosition:
    """Return where the page begins. The second in progress is left out: it may get further ticks."""
    if request.cursor is not None:
        return TickPosition.of(request.cursor)
    if request.startDateTime is not None:
        return TickPosition(True, first_second(dated(request.startDateTime, where, session.now()), where))
    over = int(session.now().timestamp()) - 1
    if request.endDateTime is None:
        return TickPosition(False, over)
    return TickPosition(False, min(last_second(dated(request.endDateTime, where, session.now()), where), over))


@handles(GetHeadTimestamp)
async def get_head_timestamp(request: GetHeadTimestamp, session: Session) -> HeadTimestamp:
    of = await _of(request, session)
    whatToShow = _kind(request.whatToShow, of)
    told = await requests.head_timestamp(session, of.contract, whatToShow, request.useRTH)
    return HeadTimestamp(
        name=of.name, conId=of.contract.conId, whatToShow=whatToShow, useRTH=request.useRTH,
        headTimestamp=_instant(told).astimezone(of.zone), simulated=session.simulated, time=_now(session),
    )  # fmt: skip


def _instant(told: str) -> datetime:
    """Return TWS's epoch seconds, or its UTC form 20040123-14:30:00, as an instant."""
    try:
        if told.isdecimal() and len(told) != len("20040123"):
            return datetime.fromtimestamp(int(told), UTC)
        return datetime.strptime(told, "%Y%m%d-%H:%M:%S").replace(tzinfo=UTC)
    except (ValueError, OverflowError) as unlike:
        raise UnreadableMessage(f"a message of type 88 (headTimestamp) has no time: {told[:32]}") from unlike


@handles(GetHistogram)
async def get_histogram(request: GetHistogram, session: Session) -> Histogram:
    of = await _of(request, session)
    if usual_kind(of.contract.secType) != "TRADES":
        raise ToolError(
            "invalid_arguments",
            f"secType: {of.contract.secType} has no trades, so no histogram. Nothing was requested from TWS.",
            fields=["secType"],
        )
    told = await requests.histogram(session, of.contract, request.timePeriod, request.useRTH)
    try:
        found = await session.long_work.run(told, lambda told: histogram.binned(told, request.bins))
    except ValueError as unlike:
        raise UnreadableMessage(f"a message of type 89 (histogramData): {unlike}") from unlike
    if found is None:
        raise ToolError("no_data", f"TWS has no trades of {of.name} in {request.timePeriod}. Try a longer timePeriod.")
    return Histogram(
        count=len(found.bins), truncated=False, simulated=session.simulated, time=_now(session), name=of.name,
        conId=of.contract.conId, timePeriod=request.timePeriod, totalSize=float(found.total),
        averagePrice=float(found.average), mostTradedPrice=float(found.most_traded), prices=found.prices,
        binWidth=float(found.width), columns=["price", "size", "percent"],
        rows=[
            [shortest(float(edge)), shortest(float(size)), round(float(size / found.total * 100), 2)]
            for edge, size in found.bins
        ],
    )  # fmt: skip


@handles(GetTradingSchedule)
async def get_trading_schedule(request: GetTradingSchedule, session: Session) -> TradingSchedule:
    of, now = await _of(request, session), session.now()
    listed = _listed(of)
    past = await _past(request, session, of, listed.regular) if request.pastDays else []
    regular = schedule.next_change(listed.regular, of.where, now)
    every = schedule.next_change(listed.all_hours, of.where, now)
    rows = schedule.rows(listed, past)
    return TradingSchedule(
        count=len(rows), truncated=False, simulated=session.simulated, time=_now(session), name=of.name,
        conId=of.contract.conId, timeZoneId=of.details.timeZoneId or None, state=_state(regular.open, every.open),
        regular=regular, allHours=every if listed.extended else None, columns=list(schedule.COLUMNS), rows=rows,
    )  # fmt: skip


def _listed(of: _Of) -> schedule.Listed:
    """Return the coming days. Raises ToolError no_data where TWS lists none."""
    try:
        every = days(of.details.tradingHours)
        regular = days(of.details.liquidHours) or every
    except ValueError as unlike:
        raise UnreadableMessage(f"the trading hours of contractDetails: {unlike}") from unlike
    if not every:
        raise ToolError("no_data", f"TWS lists no trading hours of {of.name}. It may have expired.")
    return schedule.Listed(regular, every, of.where)


async def _past(request: GetTradingSchedule, session: Session, of: _Of, listed: Sequence[Day]) -> list[Day]:
    today = session.now().astimezone(of.zone).date()
    before = schedule.first_date(listed) or today
    first = today - timedelta(days=request.pastDays)
    sessions = await requests.sessions(session, of.contract, request.pastDays + 1)
    try:
        return schedule.past_days(sessions, first, before)
    except ValueError as unlike:
        raise UnreadableMessage(f"a message of type 106 (historicalSchedule): {unlike}") from unlike


def _state(regular: bool | None, every: bool | None) -> Literal["open", "extended", "closed"] | None:
    if every is None:
        return None
    if not every:
        return "closed"
    return "extended" if regular is False else "open"


def _now(session: Session) -> datetime:
    return session.now().replace(microsecond=0)
