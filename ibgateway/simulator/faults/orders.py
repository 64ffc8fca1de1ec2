"""Faults of orders: fills that come late or by hand, corrections, liquidations, statuses that say otherwise."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal, InvalidOperation

from ibgateway.simulator.faults.engine import FaultContext, FaultEngine, verb
from ibgateway.simulator.faults.script import Argument, ScriptError, number, one_of, word
from ibgateway.simulator.gateway.gateway import is_of_order
from ibgateway.simulator.model.contracts import Contract
from ibgateway.simulator.model.errors import Refusal
from ibgateway.simulator.model.events import Event
from ibgateway.simulator.model.orders import Execution, ExecutionFilter, OpenOrder, Order
from ibgateway.simulator.wire import requests
from ibgateway.simulator.wire.messages import orders as messages

SIDE = Argument(one_of("BUY", "SELL"))
BY_HAND = 0  # orders entered by hand belong to client 0, under negative ids


def size(text: str) -> Decimal | None:
    """Read a quantity, or `all`."""
    try:
        return None if text == "all" else Decimal(text)
    except InvalidOperation as error:
        raise ValueError(f"{text!r} is neither a quantity nor all") from error


def _order(faults: FaultEngine, context: FaultContext, which: str) -> OpenOrder:
    """Find an order: `this` is the one of the client's frame, `last` the latest open one; else an order id."""
    found = faults.gateway.world.open_orders(context.step.client)
    if which == "this":
        connection, payload = context.frame()
        request = requests.decode(payload, connection.version)
        found = [one for one in found if (one.clientId, one.orderId) == (connection.clientId, request.orderId)]
    elif which != "last":
        found = [one for one in found if one.orderId == int(which)]
    if not found:
        raise ScriptError(f"{context.step.line!r}: the order is not open")
    return found[-1]


@verb("status", Argument(word), Argument(word))
def status(faults: FaultEngine, context: FaultContext, which: str, said: str) -> None:
    """Report an open order in another state than its own, by openOrder and orderStatus."""
    shown = _order(faults, context, which)
    told: list[Event] = [
        replace(shown, state=replace(shown.state, status=said)),
        replace(faults.gateway.world.order_status_of(shown), status=said),
    ]
    faults.gateway.route(told)


@verb("fill", Argument(word), Argument(size, None), Argument(number, None))
def fill(faults: FaultEngine, context: FaultContext, which: str, quantity: Decimal | None, price: float | None) -> None:
    """Fill an open order whatever the market does: all of it, or a quantity, at a price."""
    shown = _order(faults, context, which)
    faults.gateway.route(faults.gateway.world.fill(shown.clientId, shown.orderId, quantity, price))


@verb("correct", Argument(number))
def correct(faults: FaultEngine, context: FaultContext, price: float) -> None:
    """Correct the latest execution: the same id but for its last part, another price."""
    executed = faults.gateway.world.executions(ExecutionFilter())
    if not executed:
        raise ScriptError(f"{context.step.line!r}: no execution to correct today")
    execution = faults.gateway.corrected(executed[-1][0])
    head, _, part = execution.execId.rpartition(".")
    correction = replace(execution, execId=f"{head}.{int(part) + 1:02d}", price=price, avgPrice=price)
    faults.gateway.corrections[executed[-1][0].execId] = correction
    faults.gateway.route([correction])


@verb("manual", SIDE, Argument(Decimal), Argument(word), Argument(number, None))
def manual(
    faults: FaultEngine, context: FaultContext, action: str, quantity: Decimal, symbol: str, price: float | None
) -> None:
    """Place an order as if entered in TWS itself: at the market, or with a limit."""
    events = _by_hand(faults, action, quantity, symbol, price)
    gateway = faults.gateway
    gateway.route(events)
    if gateway.identity.bindManualOrders and BY_HAND in gateway.clients:
        shown = next(one for one in events if isinstance(one, OpenOrder))
        gateway.clients[BY_HAND].send(messages.order_bound(shown.permId, BY_HAND, shown.orderId))


@verb("liquidate", SIDE, Argument(Decimal), Argument(word))
def liquidate(faults: FaultEngine, context: FaultContext, action: str, quantity: Decimal, symbol: str) -> None:
    """Close a position as the broker: every client receives an execution without an order of its own."""
    events = _by_hand(faults, action, quantity, symbol, None)
    for event in events:
        if isinstance(event, Execution):
            shown = replace(event, orderId=-1, liquidation=1)
            for connection in faults.gateway.connections:
                connection.send(faults.gateway.encode(connection, shown))
    faults.gateway.route([one for one in events if not is_of_order(one)])


def _by_hand(faults: FaultEngine, action: str, quantity: Decimal, symbol: str, price: float | None) -> list[Event]:
    world = faults.gateway.world
    try:
        contract = world.resolve(Contract(symbol=symbol, secType="STK", exchange="SMART", currency="USD"))
    except Refusal as refusal:
        raise ScriptError(f"{symbol}: {refusal.text}") from refusal
    faults.entered_by_hand += 1
    orderId = -faults.entered_by_hand
    order = Order(
        action=action,
        totalQuantity=quantity,
        orderType="MKT" if price is None else "LMT",
        lmtPrice=price,
        tif="DAY",
        account=world.accounts[0],
    )
    return world.place_order(BY_HAND, orderId, contract, order)
