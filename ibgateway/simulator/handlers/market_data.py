"""Handlers of quote subscriptions."""

from __future__ import annotations

from ibgateway.simulator.gateway import combo_quotes as combos
from ibgateway.simulator.gateway import ticks
from ibgateway.simulator.gateway.connection import ClientSubscription, Connection, handles
from ibgateway.simulator.gateway.gateway import DELAYED, DELAYED_FROZEN, FROZEN, LIVE
from ibgateway.simulator.gateway.quote_feeds import QuoteFeed, QuoteWatcher
from ibgateway.simulator.model.contracts import Contract
from ibgateway.simulator.model.errors import Refusal
from ibgateway.simulator.wire.messages import contracts as contract_messages
from ibgateway.simulator.wire.messages import market_data as messages
from ibgateway.simulator.wire.requests import market_data as requests

SMART_SNAPSHOTS = 3  # snapshotPermissions of tickReqParams: both kinds of snapshot are allowed
NO_SUCH_LINE = 300


def no_such(reqId: int) -> Refusal:
    return Refusal(NO_SUCH_LINE, f"Can't find EId with tickerId:{reqId}")


class MarketDataSubscription(ClientSubscription):
    """One client's quote line."""

    def __init__(self, connection: Connection, feed: QuoteFeed, watcher: QuoteWatcher) -> None:
        self.connection = connection
        self.feed = feed
        self.watcher = watcher

    def cancel(self) -> None:
        self.connection.gateway.feeds.leave(self.feed, self.watcher)


@handles(requests.ReqMarketDataType)
def market_data_type(connection: Connection, request: requests.ReqMarketDataType) -> None:
    """Set the market data type of later requests; there is no reply."""
    if request.marketDataType not in {LIVE, FROZEN, DELAYED, DELAYED_FROZEN}:
        raise Refusal(321, "Error validating request.-'bW' : cause - Invalid market data type")
    connection.marketDataType = request.marketDataType


@handles(requests.ReqMktData)
def mkt_data(connection: Connection, request: requests.ReqMktData) -> None:
    connection.require_free("line", request.reqId)
    codes = _codes(request)
    contract = combos.resolve(connection.world, request.contract)
    kind = connection.gateway.data_kind(connection, request.reqId, contract)
    style = ticks.Style(delayed=kind >= DELAYED, lot=lot_of(contract, connection.version, 159))
    connection.gateway.require_line(contract, style.delayed)
    if request.contract.deltaNeutralContract:
        neutral = request.contract.deltaNeutralContract
        connection.send(contract_messages.delta_neutral_validation(request.reqId, neutral))
    _introduce(connection, request.reqId, contract, kind)
    frozen_at = connection.gateway.last_open(contract) if kind in {FROZEN, DELAYED_FROZEN} else None
    watcher = QuoteWatcher(connection, request.reqId, style, codes, frozen_at)
    feed = connection.gateway.feeds.join(contract, watcher)
    if request.snapshot or request.regulatorySnapshot:
        connection.gateway.feeds.leave(feed, watcher)
        connection.send(messages.tick_snapshot_end(request.reqId))
    else:
        connection.subscribe("line", request.reqId, MarketDataSubscription(connection, feed, watcher))


def _introduce(connection: Connection, reqId: int, contract: Contract, kind: int) -> None:
    minTick = connection.gateway.minTick(contract)
    bboExchange = "" if contract.secType == combos.COMBO else connection.world.bbo_exchange(contract)
    connection.send(messages.tick_req_params(reqId, minTick, bboExchange, SMART_SNAPSHOTS))
    connection.send(messages.market_data_type(reqId, kind))


def lot_of(contract: Contract, version: int, shares_since: int) -> int:
    """Return the round lot in which an older version counts sizes of US stocks; 1 otherwise."""
    return 100 if version < shares_since and contract.secType == "STK" and contract.currency == "USD" else 1


def _codes(request: requests.ReqMktData) -> frozenset[int]:
    """Read the generic tick codes of a list such as `100,233,292:BRFG` or `mdoff,292`."""
    parts = [part.split(":")[0].strip() for part in request.genericTickList.split(",")]
    wanted = [part for part in parts if part and part != "mdoff"]
    if wanted and (request.snapshot or request.regulatorySnapshot):
        raise Refusal(
            321,
            "Error validating request.-'bW' : cause - Snapshot market data subscription is not applicable to "
            "generic ticks",
        )
    unknown = [part for part in wanted if not part.isdecimal() or int(part) not in ticks.GENERIC_TICKS]
    if unknown:
        legal = ",".join(f"{code}({name})" for code, (name, _) in ticks.GENERIC_TICKS.items())
        raise Refusal(
            321,
            f"Error validating request.-'bW' : cause - Incorrect generic tick list of {','.join(unknown)[:100]}.  "
            f"Legal ones for ({request.contract.secType}) are: {legal}",
        )
    return frozenset(int(part) for part in wanted)


@handles(requests.CancelMktData)
def cancel_mkt_data(connection: Connection, request: requests.CancelMktData) -> None:
    if not connection.unsubscribe("line", request.reqId):
        raise no_such(request.reqId)
