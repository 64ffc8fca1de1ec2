"""Another program at the same gateway, and the groups of orders that it places."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import ib_async

from ibgateway.simulator.model.contracts import Contract
from ibgateway.simulator.model.orders import Order
from ibgateway.simulator.server.server import Simulator
from tests.stacks.worker import Caller
from tests.waiting import until


class Simulated:
    """Another program at the same gateway."""

    def __init__(self, sim: Simulator, clientId: int) -> None:
        self._sim, self._clientId = sim, clientId
        self._ib = ib_async.IB()

    async def __aenter__(self) -> "Simulated":
        await self._ib.connectAsync("127.0.0.1", self._sim.port, self._clientId)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._ib.disconnect()
        await until(lambda: self._clientId not in self._sim.gateway.clients, "the other program is gone")

    async def place(self, orderRef: str = "") -> int:
        contract = (await self._ib.qualifyContractsAsync(ib_async.Stock("IBM", "SMART", "USD")))[0]
        trade = self._ib.placeOrder(contract, ib_async.LimitOrder("BUY", 1, 50.0, orderRef=orderRef))  # type: ignore[arg-type]
        await until(lambda: trade.orderStatus.status == "Submitted", "the other program's order rests")
        return trade.order.orderId

    async def cancel(self, orderId: int) -> None:
        trade = next(each for each in self._ib.trades() if each.order.orderId == orderId)
        self._ib.cancelOrder(trade.order)
        await until(trade.isDone, "the other program's order is cancelled")


NVDA = Contract(symbol="NVDA", secType="STK", exchange="SMART", currency="USD")
AT_HAND = Order("BUY", Decimal(10), "LMT", lmtPrice=60.0, tif="GTC", account="DU1234567")


def place(sim: Simulator, orderId: int, order: Order) -> None:
    sim.world.place_order(1, orderId, NVDA, order)


def sells(orderType: str, quantity: int = 10, **fields: Any) -> Order:
    return replace(
        AT_HAND, action="SELL", orderType=orderType, totalQuantity=Decimal(quantity), lmtPrice=None, **fields
    )


def scaled_out(sim: Simulator, **entry: Any) -> None:
    """An entry with two targets that share it out and a trailing stop."""
    place(sim, 1, replace(AT_HAND, transmit=False, **entry))
    place(sim, 2, replace(sells("LMT", 4, parentId=1, transmit=False), lmtPrice=600.0))
    place(sim, 3, replace(sells("LMT", 6, parentId=1, transmit=False), lmtPrice=620.0))
    place(sim, 4, sells("TRAIL", trailingPercent=5.0, parentId=1, outsideRth=True))


async def change(front: Caller, orderId: int, **changes: Any) -> Any:
    return await front.submit("modify_order", orderId=orderId, **changes)
