"""The open orders that an order is checked beside."""

import ib_async
import pytest

from bridge.tools.market.contracts import GetContractDetails
from ib_worker.orders.events import Fill
from ib_worker.orders.messages import terms_of
from ib_worker.pre_trade.checks import risk_inputs
from ib_worker.session.session import utcnow
from ibgateway.simulator.server.server import Simulator
from tests.stacks.worker import ready_session


@pytest.mark.trial("B1")
async def test_an_order_is_checked_without_a_look_at_orders_that_have_ended(sim: Simulator) -> None:
    async with ready_session(sim) as stand:
        session, tracker = stand.session, stand.session.orders.tracker
        contract = await session.contracts.contract(GetContractDetails(symbol="MSFT"))
        sell = ib_async.Order(action="SELL", totalQuantity=1, account="DU1234567", orderType="MKT")
        ended = [tracker.add(900 + number, terms_of(contract, sell), f"ended-{number}") for number in range(3)]
        for number, entry in enumerate(ended):
            tracker.take(entry, Fill(utcnow(), f"{number}.01", 1.0, 99.0, 1.0, 99.0, 900 + number, f"ended-{number}"))
            del entry.state
        tracker.add(910, terms_of(contract, sell), "waiting")

        facts = await risk_inputs(session, contract, sell)

    assert facts.open_orders == 1
    assert facts.closing == 4
