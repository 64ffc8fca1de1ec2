"""Handlers of streams of every print: tick by tick, real-time bars."""

from __future__ import annotations

from ibgateway.simulator.gateway.connection import ClientSubscription, Connection, handles
from ibgateway.simulator.handlers.market_data import lot_of, no_such
from ibgateway.simulator.model.contracts import Contract
from ibgateway.simulator.model.errors import Refusal
from ibgateway.simulator.model.market_data import BidAsk
from ibgateway.simulator.wire.encoding.text import minimal
from ibgateway.simulator.wire.messages import history as messages_of_past
from ibgateway.simulator.wire.messages import market_data as messages
from ibgateway.simulator.wire.requests import market_data as requests

KINDS = {"Last": 1, "AllLast": 2, "BidAsk": 3, "MidPoint": 4}
BAR_S = 5
BARS_SHOW = ("TRADES", "MIDPOINT", "BID", "ASK")


class TickByTickSubscription(ClientSubscription):
    """Every print or every quote of one contract."""

    due = 0.0  # whenever time moves

    def __init__(self, connection: Connection, request: requests.ReqTickByTickData, contract: Contract) -> None:
        self.connection = connection
        self.reqId = request.reqId
        self.kind = KINDS[request.tickType]
        self.ignoreSize = request.ignoreSize
        self.contract = contract
        self.decimals = connection.gateway.decimals(contract)
        self.upto = connection.world.now
        self._quote: BidAsk | None = None

    def advance(self, now: float) -> None:
        if self.connection.gateway.feeds.paused:
            return
        world, send = self.connection.world, self.connection.send
        if self.kind in {1, 2}:
            for trade in world.trades(self.contract, self.upto, now):
                send(messages.tick_by_tick_last(self.reqId, self.kind, trade, self.decimals))
        else:
            for quote in world.quotes(self.contract, self.upto, now):
                self._send_quote(quote)
        self.upto = now

    def _send_quote(self, quote: BidAsk) -> None:
        before, self._quote = self._quote, quote
        same_prices = before is not None and (before.bid, before.ask) == (quote.bid, quote.ask)
        if self.kind == 3 and not (self.ignoreSize and same_prices):
            self.connection.send(messages.tick_by_tick_bid_ask(self.reqId, quote, self.decimals))
        if self.kind == 4 and not same_prices and quote.bid is not None and quote.ask is not None:
            midPoint = (quote.bid + quote.ask) / 2
            self.connection.send(messages.tick_by_tick_midpoint(self.reqId, quote.time, midPoint, self.decimals))


@handles(requests.ReqTickByTickData)
def tick_by_tick(connection: Connection, request: requests.ReqTickByTickData) -> None:
    """Subscribe to every tick; with `numberOfTicks`, that many past ticks are sent first."""
    if request.tickType not in KINDS:
        raise Refusal(321, "Error validating request.-'bW' : cause - Invalid tick-by-tick type")
    connection.require_free("tick by tick", request.reqId)
    contract = connection.world.resolve(request.contract)
    connection.gateway.require_tick_by_tick(connection)
    if request.numberOfTicks > 0:
        connection.send(_past(connection, request, contract))
    connection.subscribe("tick by tick", request.reqId, TickByTickSubscription(connection, request, contract))


def _past(connection: Connection, request: requests.ReqTickByTickData, contract: Contract) -> bytes:
    world = connection.world
    span = (contract, None, world.now, min(request.numberOfTicks, 1000), False)
    decimals = connection.gateway.decimals(contract)
    if KINDS[request.tickType] in {1, 2}:
        return messages_of_past.historical_ticks_last(request.reqId, world.historical_trades(*span), decimals, True)
    if request.tickType == "BidAsk":
        return messages_of_past.historical_ticks_bid_ask(request.reqId, world.historical_quotes(*span), decimals, True)
    return messages_of_past.historical_ticks(request.reqId, world.historical_midpoints(*span), decimals, True)


@handles(requests.CancelTickByTickData)
def cancel_tick_by_tick(connection: Connection, request: requests.CancelTickByTickData) -> None:
    if not connection.unsubscribe("tick by tick", request.reqId):
        raise no_such(request.reqId)


class RealTimeBarsSubscription(ClientSubscription):
    """Five-second bars, each sent when it is complete."""

    def __init__(self, connection: Connection, request: requests.ReqRealTimeBars, contract: Contract) -> None:
        self.connection = connection
        self.request = request
        self.contract = contract
        self.decimals = connection.gateway.decimals(contract)
        self.lot = lot_of(contract, connection.version, 159)
        self.due = (connection.world.now // BAR_S + 1) * BAR_S

    def advance(self, now: float) -> None:
        if self.connection.gateway.feeds.paused:
            return
        request, world = self.request, self.connection.world
        ends = now // BAR_S * BAR_S
        seconds = int(ends - self.due) + BAR_S
        found = world.bars(self.contract, ends, f"{seconds} S", "5 secs", request.whatToShow, request.useRTH)
        for bar in found.bars:
            if self.due - BAR_S <= bar.time < ends:
                volume = minimal(bar.volume if self.lot == 1 or bar.volume < 0 else bar.volume // self.lot)
                self.connection.send(messages.real_time_bar(request.reqId, bar, volume, self.decimals))
        self.due = ends + BAR_S


@handles(requests.ReqRealTimeBars)
def real_time_bars(connection: Connection, request: requests.ReqRealTimeBars) -> None:
    if request.whatToShow not in BARS_SHOW:
        raise Refusal(321, "Error validating request.-'bW' : cause - Invalid whatToShow of real time bars")
    contract = connection.world.resolve(request.contract)
    connection.subscribe("real time bars", request.reqId, RealTimeBarsSubscription(connection, request, contract))


@handles(requests.CancelRealTimeBars)
def cancel_real_time_bars(connection: Connection, request: requests.CancelRealTimeBars) -> None:
    if not connection.unsubscribe("real time bars", request.reqId):
        raise no_such(request.reqId)
