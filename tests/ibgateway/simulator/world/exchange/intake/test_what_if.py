"""What an order would do to the account, and what the broker refuses for it."""

from __future__ import annotations

import pytest

from ibgateway.simulator.model.orders import OpenOrder
from tests.stacks.ibgateway.world_and_trader import AAPL, Trader, at, names

NO_TRADE = 300.0  # far below the market


def test_an_order_for_the_close_can_come_too_late(trader: Trader) -> None:
    trader.wait(at(15, 55))
    trader.place("BUY", 10, "MOC")

    assert trader.errors()[0][0] == 201


def test_an_order_beyond_the_accounts_means_is_rejected_as_inactive(trader: Trader) -> None:
    trader.place("BUY", 1_000_000, "MKT")

    assert names(trader.told) == ["OpenOrder", "OrderStatus", "OrderError", "OrderStatus"]
    assert trader.statuses() == ["Inactive", "Inactive"]
    assert trader.errors()[0][0] == 201
    assert "MUST EXCEED THE INITIAL MARGIN" in trader.errors()[0][1]
    assert trader.position("AAPL") == 0


def test_a_what_if_shows_margin_and_cost_and_places_nothing(trader: Trader) -> None:
    trader.place("BUY", 100, "MKT", whatIf=True)

    (shown,) = trader.told
    assert isinstance(shown, OpenOrder)
    price = trader.world.snapshot(trader.world.resolve(AAPL)).last
    assert price is not None
    assert shown.state.initMarginChange == pytest.approx(price * 50, abs=1)
    assert shown.state.commission == 1.0
    assert trader.world.open_orders(None) == []
    assert trader.world.next_order_id(1) == 1


def test_a_limit_away_from_the_market_counts_as_no_profit(trader: Trader) -> None:
    trader.place("BUY", 100, "LMT", lmtPrice=NO_TRADE, whatIf=True)

    (shown,) = trader.told
    assert isinstance(shown, OpenOrder)
    assert shown.state.equityWithLoanChange == pytest.approx(-1.0, abs=0.01)  # the commission


def test_twenty_orders_of_one_side_are_the_most(trader: Trader) -> None:
    for _ in range(20):
        trader.place("BUY", 1, "LMT", lmtPrice=NO_TRADE)
    trader.place("BUY", 1, "LMT", lmtPrice=NO_TRADE)

    assert trader.errors()[0][0] == 201
    assert len(trader.world.open_orders(1)) == 20
