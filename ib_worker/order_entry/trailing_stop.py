"""Changes an order that trails without taking back what its stop has gained.

TWS does not tell each move of a stop, and takes the one that comes with a change: one of some time ago would be farther
away than where the stop is. So it is asked right before.
"""

from dataclasses import replace

import ib_async

from bridge.tool import ToolError
from bridge.tools.orders import ModifyOrder
from bridge.tools.types import ContractArguments
from ib_worker.orders.held import stop_price
from ib_worker.orders.tracker import KeptStop, TrackedOrder
from ib_worker.pacing.message_pacer import Priority
from ib_worker.session.session import Session
from ib_worker.session.sync import all_open_orders
from ib_worker.tws.errors import ConnectionLost, TwsError
from ib_worker.tws.values import unset


async def keep_stop_price(
    session: Session, entry: TrackedOrder, order: ib_async.Order, request: ModifyOrder
) -> ib_async.Order:
    """The changed order with its stop where it is now, as much farther or nearer as its amount is to be larger or
    smaller. Raises ToolError not_ready."""
    if order.orderType not in unset.TRAILING:
        return order
    assert entry.sent is not None  # an order that is changed has been told
    tick = await _tick(session, entry.sent[0])  # before the stop is asked for, which may move meanwhile
    try:
        await all_open_orders(session, session.order_timing.stop_price_wait_s)
    except (ConnectionLost, TwsError, TimeoutError) as silence:
        raise ToolError(
            "not_ready", "orderId: TWS has not reported this order's current stop price. Nothing was sent. Retry."
        ) from silence
    told = entry.sent[1]
    stop = unset.order_price("trailStopPrice", told)
    if stop is None:
        return order
    if request.auxPrice is not None:
        wider = request.auxPrice - (unset.order_price("auxPrice", told) or 0.0)
        stop += -wider if order.action == "SELL" else wider
    stop = round(round(stop / tick) * tick, 10)
    entry.kept_stop = _kept(entry, order, stop)
    return replace(order, trailStopPrice=stop)


def _kept(entry: TrackedOrder, order: ib_async.Order, stop: float) -> KeptStop:
    """Return the stop that goes along with a change. One of another percentage is where it was before."""
    assert entry.sent is not None
    before = unset.order_price("trailingPercent", entry.sent[1])
    percent = unset.order_price("trailingPercent", order)
    if percent is None or before is None:
        return KeptStop(unset.order_price("auxPrice", order), stop)
    known = percent >= before and stop_price(entry) is not None
    return KeptStop(percent, stop, known, wider=percent > before)


async def _tick(session: Session, contract: ib_async.Contract) -> float:
    """Return the increment of prices from clients: a stop that trails by percent is between two increments."""
    asked = ContractArguments(symbol=contract.symbol, conId=contract.conId)
    return (await session.contracts.one(asked, Priority.ORDERS)).minTick
