"""Orders of one client, and the positions that they leave."""

from __future__ import annotations

from decimal import Decimal

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
