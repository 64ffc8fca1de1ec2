"""Orders of one client, and the positions that they leave."""

from __future__ import annotations

from decimal import Decimal

import pytest

from ibgateway.simulator.model.errors import Refusal
from ibgateway.simulator.model.orders import ExecutionFilter
from tests.stacks.ibgateway.world_and_trader import ACCOUNT, Trader


def test_an_order_is_listed_until_it_is_filled_and_leaves_its_position(trader: Trader) -> None:
    before = {held.contract.symbol: held.position for held in trader.world.positions(ACCOUNT)}
    trader.place("BUY", 10, "LMT", lmtPrice=1.0)

    assert [each.order.lmtPrice for each in trader.world.open_orders(None)] == [1.0]
    trader.world.global_cancel(0)
    assert trader.world.open_orders(None) == []

    trader.place("BUY", 10, "MKT")
    filled = trader.world.executions(ExecutionFilter())
    after = {held.contract.symbol: held.position for held in trader.world.positions(ACCOUNT)}
    [(execution, _)] = filled
    assert execution.shares == 10
    assert after[execution.contract.symbol] - before.get(execution.contract.symbol, Decimal(0)) == 10


def test_a_fill_that_the_market_did_not_ask_for_is_at_the_price_that_is_said(trader: Trader) -> None:
    orderId = trader.place("BUY", 10, "LMT", lmtPrice=1.0)

    trader.told = trader.world.fill(1, orderId, Decimal(4), 2.5)
    assert [(fill.shares, fill.price) for fill in trader.fills()] == [(Decimal(4), 2.5)]

    trader.told = trader.world.fill(1, orderId, None, None)  # all that is left, at the market's price
    assert trader.fills()[0].shares == 6
    assert trader.fills()[0].price > 100
    assert trader.world.fill(1, orderId, None, None) == []


def test_a_listed_orders_status_can_be_asked_for(trader: Trader) -> None:
    orderId = trader.place("BUY", 10, "LMT", lmtPrice=1.0)
    (listed,) = trader.world.open_orders(1)

    assert trader.world.order_status_of(listed).status == "Submitted"
    assert trader.world.open_orders(2) == []
    assert trader.world.next_order_id(1) == orderId + 1


def test_an_unknown_account_has_no_profit(trader: Trader) -> None:
    with pytest.raises(Refusal) as refused:
        trader.world.pnl("DU0", "")

    assert refused.value.code == 321
