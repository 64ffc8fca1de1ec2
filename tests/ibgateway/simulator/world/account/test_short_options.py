"""What covers a short option counts against its margin."""

from __future__ import annotations

import pytest

from ibgateway.simulator.world.world import World
from tests.stacks.ibgateway.world_and_trader import Trader, option


def value(world: World, tag: str) -> float:
    return float(next(each.value for each in world.account_summary("All", tag) if each.tag == tag))


def test_a_spread_needs_no_more_than_it_can_lose(trader: Trader) -> None:
    world = trader.world
    low, high = world.resolve(option(420.0)), world.resolve(option(430.0))
    before = value(world, "InitMarginReq")
    trader.place("BUY", 2, "MKT", high)
    trader.place("SELL", 2, "MKT", low)
    assert value(world, "InitMarginReq") - before == pytest.approx(2 * 1000, abs=0.02)

    trader.place("SELL", 2, "MKT", high)
    naked = value(world, "InitMarginReq") - before
    assert naked > 2 * 0.2 * 42_000
    trader.place("BUY", 2, "MKT", low)
    assert value(world, "InitMarginReq") == pytest.approx(before, abs=0.02)


def test_shares_cover_a_short_call(trader: Trader) -> None:
    world = trader.world
    trader.place("BUY", 100, "MKT")
    before = value(world, "InitMarginReq")
    trader.place("SELL", 1, "MKT", option(430.0))
    assert value(world, "InitMarginReq") == pytest.approx(before, abs=0.02)

    trader.place("SELL", 1, "MKT", option(400.0, "P"))
    assert value(world, "InitMarginReq") > before + 4_000
