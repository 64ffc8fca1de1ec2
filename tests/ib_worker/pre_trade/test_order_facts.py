"""What is known of the account and the market when an order is checked."""

from functools import partial

import ib_async
import pytest

from bridge.tools.market.contracts import GetContractDetails
from ib_worker.orders.events import Fill
from ib_worker.orders.messages import terms_of
from ib_worker.pre_trade.checks import look_at, risk_inputs
from ib_worker.pre_trade.order_facts import rates_for
from ib_worker.session.session import utcnow
from ibgateway.simulator.server.server import Simulator
from tests.stacks.worker import order, ready_session, trading


@pytest.mark.trial("A5")
@pytest.mark.parametrize("entitlement", ["live", "delayed"])
async def test_a_rate_that_the_account_does_not_tell_is_that_of_a_pair_or_its_inverse(
    sim: Simulator, entitlement: str
) -> None:
    """By hand: EUR.USD 1.14 and USD.JPY 144.9, and 2 % on top."""
    sim.fault(f"entitlement {entitlement}")
    async with ready_session(sim) as stand:
        session = stand.session
        look = partial(look_at, session, True)
        found = await rates_for(session, "DU1234567", ("USD", "EUR", "JPY", "XYZ"), look)
        sim.fault("entitlement none")
        without = await rates_for(session, "DU1234567", ("GBP",), look)

    assert found.base == "USD"
    assert found.rates["EUR"] == pytest.approx(1.14 * 1.02, rel=0.005)
    assert found.rates["JPY"] == pytest.approx(1.02 / 144.9, rel=0.005)
    assert "XYZ" not in found.rates
    assert "GBP" not in without.rates


@pytest.mark.trial("A5")
async def test_without_account_values_what_opens_is_refused_and_what_closes_passes(
    redis_url: str, session: str, sim: Simulator
) -> None:
    for message in ("accountSummary", "accountSummaryEnd", "currentTime"):
        sim.fault(f"swallow {message}")
    async with trading(redis_url, session, sim) as front:
        held = {each["contract"]["symbol"]: each["position"] for each in await front.ask("get_positions")}
        refused = await front.refused_order(**order(symbol="AAPL"))
        closed = await front.submit("place_order", **order(symbol="MSFT", action="SELL", totalQuantity=1))

    assert held["MSFT"] > 0
    assert (refused.code, "base currency" in refused.message) == ("no_exchange_rate", True)
    assert closed["status"] == "Filled"


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
