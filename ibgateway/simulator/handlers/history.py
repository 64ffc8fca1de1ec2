"""Handlers of historical requests: bars and their updates, schedules, ticks, histograms."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ibgateway.simulator.gateway import combo_quotes as combos
from ibgateway.simulator.gateway.connection import ClientSubscription, Connection, handles
from ibgateway.simulator.handlers.market_data import lot_of
from ibgateway.simulator.model.chunks import Pieces, at_once
from ibgateway.simulator.model.contracts import Contract
from ibgateway.simulator.model.errors import Refusal
from ibgateway.simulator.model.market_data import BarData, HistoricalBars
from ibgateway.simulator.wire.messages import history as messages
from ibgateway.simulator.wire.requests import history as requests
from ibgateway.simulator.world.time.instants import instant

UPDATE_S = 5.0  # a bar that is kept up to date is sent again every five seconds
DAYS = {"S": 0, "D": 1, "W": 7, "M": 31, "Y": 366}
DURATION = re.compile(r"(\d{1,5}) ([SDWMY])")
MAX_TICKS = 1000
RECENT = "2 D"  # holds a growing bar and the one before it, however long a time was asked for
GROUPED = {"1 week", "1W", "1 month", "1M"}  # bars that two days do not hold


def invalid(cause: str) -> Refusal:
    return Refusal(321, f"Error validating request.-'bW' : cause - {cause}")


def _style(connection: Connection, contract: Contract, asked: requests.BarsAsked) -> messages.BarStyle:
    return messages.BarStyle(
        zone=connection.world.time_zone(combos.first(connection.world, contract)),
        decimals=connection.gateway.decimals(contract),
        formatDate=asked.formatDate,
        daily=asked.barSizeSetting in messages.DAILY,
        lot=lot_of(contract, connection.version, 175),
    )


@handles(requests.ReqHistoricalData)
def historical_data(connection: Connection, request: requests.ReqHistoricalData) -> None:
    asked, world = request.asked, connection.world
    connection.require_free("bars", request.reqId)
    contract = combos.resolve(world, asked.contract)
    end = instant(asked.endDateTime, connection.gateway.identity.zone, world.now)
    weight = 2 if asked.whatToShow == "BID_ASK" else 1
    connection.pacing.history(world.now, asked, (contract, asked.whatToShow), weight)
    if asked.whatToShow == "SCHEDULE":
        _schedule(connection, request, contract, end)
        return
    if request.keepUpToDate and end is not None:
        raise invalid("End Date/Time must be empty for a request that keeps up to date")
    connection.later(request.reqId, _bars(connection, request, contract, end))


def _bars(
    connection: Connection, request: requests.ReqHistoricalData, contract: Contract, end: float | None
) -> Iterator[None]:
    found = yield from _found(connection, request.asked, contract, end, request.asked.durationStr)
    style = _style(connection, contract, request.asked)
    for payload in messages.historical_data(connection.version, request.reqId, found, style):
        connection.send(payload)
    if request.keepUpToDate:
        last = found.bars[-1] if found.bars else None
        connection.subscribe(
            "bars", request.reqId, KeepUpToDateSubscription(connection, request, contract, style, last)
        )


def _found(
    connection: Connection, asked: requests.BarsAsked, contract: Contract, end: float | None, duration: str
) -> Pieces[HistoricalBars]:
    return combos.bars(connection.world, contract, end, duration, asked.barSizeSetting, asked.whatToShow, asked.useRTH)


def _schedule(
    connection: Connection, request: requests.ReqHistoricalData, contract: Contract, end: float | None
) -> None:
    match = DURATION.fullmatch(request.asked.durationStr)
    if match is None or request.asked.barSizeSetting != "1 day":
        raise invalid("A schedule takes a duration such as 1 M and bars of 1 day")
    days = max(1, int(match[1]) * DAYS[match[2]])
    contract = combos.first(connection.world, contract)
    sessions = connection.world.schedule(contract, end, days, request.asked.useRTH)
    zone = connection.world.time_zone(contract)
    connection.send(messages.historical_schedule(request.reqId, sessions, zone))


def _recent(asked: requests.BarsAsked) -> str:
    short = asked.durationStr.upper() == "1 D" or asked.durationStr.upper().endswith("S")
    return asked.durationStr if short or asked.barSizeSetting in GROUPED else RECENT


class KeepUpToDateSubscription(ClientSubscription):
    """The last bar of a historical request, sent again while it grows."""

    def __init__(
        self,
        connection: Connection,
        request: requests.ReqHistoricalData,
        contract: Contract,
        style: messages.BarStyle,
        last: BarData | None,
    ) -> None:
        self.connection = connection
        self.request = request
        self.contract = contract
        self.style = style
        self.last = last
        self.due = connection.world.now + UPDATE_S

    def advance(self, now: float) -> None:
        """Send the bars that are new or have changed: the end of the old one, then the new one."""
        asked, self.due = self.request.asked, now + UPDATE_S
        found = at_once(_found(self.connection, asked, self.contract, None, _recent(asked)))
        since = self.last.time if self.last else 0.0
        for bar in found.bars:
            if bar.time >= since and bar != self.last:
                self.connection.send(messages.historical_data_update(self.request.reqId, bar, self.style))
        if found.bars:
            self.last = found.bars[-1]


@handles(requests.CancelHistoricalData)
def cancel_historical_data(connection: Connection, request: requests.CancelHistoricalData) -> None:
    if not connection.unsubscribe("bars", request.reqId):
        raise Refusal(366, f"No historical data query found for ticker id:{request.reqId}")


@handles(requests.ReqHeadTimeStamp)
def head_timestamp(connection: Connection, request: requests.ReqHeadTimeStamp) -> None:
    contract = connection.world.resolve(request.contract)
    at = connection.world.head_timestamp(contract, request.whatToShow, request.useRTH)
    connection.send(messages.head_timestamp(request.reqId, at, request.formatDate))


@handles(requests.ReqHistogramData)
def histogram(connection: Connection, request: requests.ReqHistogramData) -> None:
    contract = connection.world.resolve(request.contract)
    connection.later(request.reqId, _histogram(connection, request, contract))


def _histogram(connection: Connection, request: requests.ReqHistogramData, contract: Contract) -> Iterator[None]:
    rows = yield from connection.world.histogram_in_pieces(contract, request.useRTH, request.timePeriod)
    connection.send(messages.histogram(request.reqId, rows))


@handles(requests.CancelHeadTimeStamp)
@handles(requests.CancelHistogramData)
def cancel_answered(_: Connection, __: object) -> None:
    """Do nothing: the request was answered at once. ib_async cancels every head timestamp after its answer."""


@handles(requests.ReqHistoricalTicks)
def historical_ticks(connection: Connection, request: requests.ReqHistoricalTicks) -> None:
    """Send historical ticks from the start, or up to the end: at most 1000, and the last second in full."""
    world, zone = connection.world, connection.gateway.identity.zone
    contract = world.resolve(request.contract)
    start = instant(request.startDateTime, zone, world.now)
    end = instant(request.endDateTime, zone, world.now)
    if (start is None) == (end is None):
        raise invalid("Please specify either start or end time, not both")
    if not 0 < request.numberOfTicks <= MAX_TICKS:
        raise invalid("Number of ticks should be between 1 and 1000")
    span = (contract, start, end, request.numberOfTicks, request.useRth)
    decimals = connection.gateway.decimals(contract)
    match request.whatToShow:
        case "TRADES":
            payload = messages.historical_ticks_last(request.reqId, world.historical_trades(*span), decimals, True)
        case "BID_ASK":
            payload = messages.historical_ticks_bid_ask(request.reqId, world.historical_quotes(*span), decimals, True)
        case "MIDPOINT":
            payload = messages.historical_ticks(request.reqId, world.historical_midpoints(*span), decimals, True)
        case _:
            raise invalid("whatToShow must be TRADES, BID_ASK or MIDPOINT")
    connection.send(payload)
