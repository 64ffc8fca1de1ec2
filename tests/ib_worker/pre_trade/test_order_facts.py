"""What is known of the account and the market when an order is checked."""

from functools import partial

import pytest

from ib_worker.pre_trade.checks import look_at
from ib_worker.pre_trade.order_facts import rates_for
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
