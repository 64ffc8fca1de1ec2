"""Handlers of market depth: the book's rows, and every change of one."""

from __future__ import annotations

from ibgateway.simulator.gateway.connection import ClientSubscription, Connection, handles
from ibgateway.simulator.model.contracts import Contract
from ibgateway.simulator.model.errors import Refusal
from ibgateway.simulator.model.market_data import DepthLevel
from ibgateway.simulator.wire.messages import market_data as messages
from ibgateway.simulator.wire.requests import market_data as requests

PERIOD_S = 0.25
MAX_ROWS = 60  # more is asked for by mistake
Rows = list[DepthLevel]


def row_changes(before: Rows, after: Rows) -> list[tuple[int, int, DepthLevel]]:
    """(position, operation, level) from one side's rows to its next: changed rows, then those that came or went."""
    changed = [
        (position, messages.UPDATE, new)
        for position, (old, new) in enumerate(zip(before, after, strict=False))
        if old != new
    ]
    added = [(position, messages.INSERT, after[position]) for position in range(len(before), len(after))]
    gone = [(position, messages.DELETE, before[position]) for position in range(len(before) - 1, len(after) - 1, -1)]
    return changed + added + gone


class DepthSubscription(ClientSubscription):
    """One client's book."""

    def __init__(self, connection: Connection, request: requests.ReqMktDepth, contract: Contract) -> None:
        self.connection = connection
        self.reqId = request.reqId
        self.rows = request.numRows
        self.smart = request.isSmartDepth
        self.contract = contract
        self._shown: dict[int, Rows] = {messages.BID: [], messages.ASK: []}
        self.advance(connection.world.now)

    def advance(self, now: float) -> None:
        self.due = now + PERIOD_S
        if self.connection.gateway.feeds.paused:
            return
        bids, asks = self.connection.world.depth(self.contract, self.rows)
        for side, rows in ((messages.BID, bids), (messages.ASK, asks)):
            for position, operation, level in row_changes(self._shown[side], rows):
                self._send(position, operation, side, level)
            self._shown[side] = rows

    def _send(self, position: int, operation: int, side: int, level: DepthLevel) -> None:
        """Books that name market makers or other venues come as message 13, an exchange's own book as 12."""
        if self.smart or level.marketMaker not in {"", self.contract.exchange}:
            payload = messages.depth_l2(self.reqId, position, operation, side, level, self.smart)
        else:
            payload = messages.depth(self.reqId, position, operation, side, level)
        self.connection.send(payload)


@handles(requests.ReqMktDepth)
def mkt_depth(connection: Connection, request: requests.ReqMktDepth) -> None:
    if not 0 < request.numRows <= MAX_ROWS:
        raise Refusal(321, "Error validating request.-'bW' : cause - Invalid number of rows of market depth")
    connection.require_free("depth", request.reqId)
    contract = connection.world.resolve(request.contract)
    connection.gateway.require_depth(connection)
    connection.subscribe("depth", request.reqId, DepthSubscription(connection, request, contract))


@handles(requests.CancelMktDepth)
def cancel_mkt_depth(connection: Connection, request: requests.CancelMktDepth) -> None:
    if not connection.unsubscribe("depth", request.reqId):
        raise Refusal(310, f"Can't find the subscribed market depth with tickerId:{request.reqId}")
