"""An order that a session sends without a bus."""

from dataclasses import dataclass
from typing import cast

import ib_async

from bridge.bus.server.request import RequestContext
from ib_worker.order_entry.send import outgoing_order, send_orders
from ib_worker.orders.tracker import TrackedOrder
from ibgateway.simulator.server.server import Simulator
from tests.stacks.worker import Stand

AAPL = ib_async.Contract(conId=265598, symbol="AAPL", secType="STK", exchange="SMART", currency="USD")


@dataclass
class Leader:
    """The one thing that is asked of the bus between accept() and the frame."""

    leads: bool = True
    key: str = "a-key-of-the-caller"
    taken_back: bool = False

    def still_leader(self) -> bool:
        return self.leads

    def mark_not_sent(self) -> None:
        self.taken_back = True


def asked(leads: bool = True) -> RequestContext:
    return cast(RequestContext, Leader(leads))


def resting() -> ib_async.Order:
    return ib_async.Order(
        action="BUY", totalQuantity=1, orderType="LMT", lmtPrice=50, orderRef="ref", account="DU1234567"
    )


def place(stand: Stand, leads: bool = True) -> TrackedOrder:
    return send_orders(stand.session, asked(leads), AAPL, [outgoing_order(50, AAPL, resting())])[0]


async def lost(sim: Simulator, stand: Stand) -> TrackedOrder:
    """An order that the gateway never took."""
    sim.fault("on order ignore")
    return place(stand)
