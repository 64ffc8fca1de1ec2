"""What an account is worth and the margin that it needs, from what is held."""

from __future__ import annotations

import pytest

from ibgateway.simulator.world.world import World
from tests.stacks.ibgateway.world_and_trader import AAPL, Trader


def value(world: World, tag: str) -> float:
    return float(next(each.value for each in world.account_summary("All", tag) if each.tag == tag))


def test_margin_follows_from_what_is_held(trader: Trader) -> None:
    world = trader.world
    before = value(world, "InitMarginReq"), value(world, "MaintMarginReq")
    trader.place("BUY", 100, "MKT")
    price = world.snapshot(world.resolve(AAPL)).last or 0.0

    assert value(world, "InitMarginReq") - before[0] == pytest.approx(50 * price, abs=1)
    assert value(world, "MaintMarginReq") - before[1] == pytest.approx(25 * price, abs=1)
    available = value(world, "EquityWithLoanValue") - value(world, "InitMarginReq")
    assert value(world, "AvailableFunds") == pytest.approx(available, abs=0.02)
    assert value(world, "BuyingPower") == pytest.approx(4 * available, abs=0.1)
