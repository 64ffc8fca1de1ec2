"""Handlers of order requests: place, cancel, exercise, and the lists of open and completed orders and executions."""

from __future__ import annotations

from ibgateway.simulator.gateway.connection import Connection, handles
from ibgateway.simulator.gateway.gateway import is_of_order
from ibgateway.simulator.model.errors import Refusal
from ibgateway.simulator.model.events import Event
from ibgateway.simulator.model.orders import Exercise
from ibgateway.simulator.wire.messages import order_state
from ibgateway.simulator.wire.messages import orders as messages
from ibgateway.simulator.wire.requests import orders as requests
from ibgateway.simulator.wire.requests.place_order import PlaceOrder

ALL_SEEING = 0  # the client id that TWS shows every order to
READ_ONLY = "Error validating request.-'bW' : cause - The API interface is currently in Read-Only mode."


def _own_id(connection: Connection) -> int:
    assert connection.clientId is not None
    return connection.clientId


def _require_writable(connection: Connection) -> None:
    if connection.gateway.identity.readOnly:
        raise Refusal(321, READ_ONLY)


@handles(PlaceOrder)
def place_order(connection: Connection, request: PlaceOrder) -> None:
    _require_writable(connection)
    contract, order = request.placed
    events = connection.world.place_order(_own_id(connection), request.orderId, contract, order)
    connection.gateway.route(events)


@handles(requests.CancelOrder)
def cancel_order(connection: Connection, request: requests.CancelOrder) -> None:
    """A client cancels its own orders; client 0 also those of others that a list has shown it. Another client's number
    is 10147 (TWS API, "Cancelling an Order": only the client that placed an order can cancel it)."""
    _require_writable(connection)
    own = _own_id(connection)
    owner = connection.foreign_orders.get(request.orderId, own) if own == ALL_SEEING else own
    if any(one.orderId == request.orderId for one in connection.world.open_orders(own)):
        owner = own
    events = connection.world.cancel_order(owner, request.orderId, request.manualCancelOrderTime)
    connection.gateway.route(events)
    if owner != own:
        _copy(connection, events, owner)


def _copy(connection: Connection, events: list[Event], owner: int) -> None:
    """Send client 0 the events of its cancel of another client's order."""
    for event in events:
        if is_of_order(event) and event.clientId == owner:
            connection.send(connection.gateway.encode(connection, event))


@handles(requests.ReqGlobalCancel)
def global_cancel(connection: Connection, _: requests.ReqGlobalCancel) -> None:
    _require_writable(connection)
    connection.gateway.route(connection.world.global_cancel(_own_id(connection)))


@handles(requests.ReqOpenOrders)
def open_orders(connection: Connection, _: requests.ReqOpenOrders) -> None:
    _list_open(connection, _own_id(connection))


@handles(requests.ReqAllOpenOrders)
def all_open_orders(connection: Connection, _: requests.ReqAllOpenOrders) -> None:
    _list_open(connection, None)


def _list_open(connection: Connection, clientId: int | None) -> None:
    for one in connection.world.open_orders(clientId):
        connection.send(order_state.open_order(connection.version, one))
        connection.send(messages.order_status(connection.world.order_status_of(one)))
        if one.clientId != connection.clientId:
            connection.foreign_orders[one.orderId] = one.clientId
    connection.send(messages.open_order_end())


@handles(requests.ReqAutoOpenOrders)
def auto_open_orders(connection: Connection, request: requests.ReqAutoOpenOrders) -> None:
    """Bind orders entered by hand to client 0; orderBound reports each."""
    if connection.clientId != 0:
        raise Refusal(321, "Error validating request.-'bW' : cause - Only the client with id 0 can bind orders")
    connection.gateway.identity.bindManualOrders = request.autoBind


@handles(requests.ReqCompletedOrders)
def completed_orders(connection: Connection, request: requests.ReqCompletedOrders) -> None:
    for one in connection.world.completed_orders(request.apiOnly):
        connection.send(order_state.completed_order(connection.version, one))
    connection.send(messages.completed_orders_end())


@handles(requests.ReqExecutions)
def executions(connection: Connection, request: requests.ReqExecutions) -> None:
    """Send each execution, then its commission if it is known."""
    gateway = connection.gateway
    for execution, commission in connection.world.executions(request.filter):
        connection.send(gateway.encode(connection, gateway.corrected(execution), request.reqId))
        if commission is not None:
            connection.send(gateway.encode(connection, commission))
    connection.send(messages.exec_details_end(request.reqId))


@handles(requests.ExerciseOptions)
def exercise_options(connection: Connection, request: requests.ExerciseOptions) -> None:
    _require_writable(connection)
    exercise = Exercise(
        _own_id(connection),
        request.reqId,
        request.exerciseAction,
        request.exerciseQuantity,
        request.account,
        request.override,
    )
    connection.gateway.route(connection.world.exercise_option(request.contract, exercise))
