"""The lists that a client may ask for: open orders, completed ones and executions of the day."""

from __future__ import annotations

from ibgateway.simulator.model.orders import ExecutionFilter
from tests.stacks.ibgateway.world_and_trader import Trader, at

NO_TRADE = 300.0  # far below the market


def test_completed_orders_and_executions_are_the_days(trader: Trader) -> None:
    trader.place("BUY", 1, "MKT", orderRef="mine")
    trader.cancel(trader.place("BUY", 1, "LMT", lmtPrice=NO_TRADE))

    done = trader.world.completed_orders(True)
    assert {each.state.completedStatus for each in done} == {"Filled Size: 1", "Cancelled by Trader"}
    assert {each.orderId for each in done} == {0}
    ((execution, commission),) = trader.world.executions(ExecutionFilter())
    assert execution.orderRef == "mine"
    assert commission is not None
    assert commission.execId == execution.execId
    assert not trader.world.executions(ExecutionFilter(symbol="IBM"))
    assert trader.world.executions(ExecutionFilter(clientId=1, side="BUY", secType="STK", symbol="AAPL"))

    trader.wait(at(10, day=12))
    assert trader.world.executions(ExecutionFilter()) == []
    assert trader.world.completed_orders(True) == []
    assert len(trader.world.executions(ExecutionFilter(lastNDays=2))) == 1
    assert len(trader.world.executions(ExecutionFilter(specificDates=("20250611",)))) == 1
