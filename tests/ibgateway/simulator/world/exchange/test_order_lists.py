"""The lists that a client may ask for: open orders, completed ones and executions of the day."""

from __future__ import annotations

from ibgateway.simulator.model.orders import ExecutionFilter
from tests.stacks.ibgateway.world_and_trader import ACCOUNT, START, Trader, at, stock

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


def ids(trader: Trader, **asked: object) -> list[int]:
    return [fill.orderId for fill, _ in trader.world.executions(ExecutionFilter(**asked))]  # type: ignore[arg-type]


def test_executions_are_chosen_by_side_symbol_client_and_time(trader: Trader) -> None:
    bought = trader.place("BUY", 1, "MKT")
    trader.wait(START + 60)
    sold = trader.place("SELL", 1, "MKT", stock("IBM"))

    assert ids(trader) == [bought, sold]
    assert ids(trader, side="BUY") == ids(trader, symbol="aapl") == [bought]
    assert ids(trader, side="SLD") == ids(trader, time="20250611 10:30:30 US/Eastern") == [sold]
    assert ids(trader, clientId=2) == ids(trader, acctCode="DU0") == ids(trader, secType="OPT") == []
    assert ids(trader, clientId=1, acctCode=ACCOUNT, secType="STK", exchange="SMART") == [bought, sold]


def test_executions_of_former_days_are_told_where_they_are_asked_for(trader: Trader) -> None:
    orderId = trader.place("BUY", 1, "MKT")
    trader.wait(at(10, day=12))

    assert ids(trader) == []
    assert ids(trader, lastNDays=1) == ids(trader, specificDates=("20250611",)) == [orderId]
    assert ids(trader, specificDates=("20250612",)) == []


def test_an_order_that_is_not_transmitted_is_on_no_list(trader: Trader) -> None:
    trader.place("BUY", 1, "LMT", lmtPrice=300.0, transmit=False)

    assert trader.world.open_orders(None) == []


def test_a_completed_order_has_no_order_id_and_says_how_it_ended(trader: Trader) -> None:
    trader.place("BUY", 1, "MKT")
    trader.wait(START + 60)
    trader.cancel(trader.place("BUY", 2, "LMT", lmtPrice=300.0, tif="GTC"))

    cancelled, filled = trader.world.completed_orders(False)

    assert (cancelled.orderId, filled.orderId) == (0, 0)
    assert (cancelled.state.completedStatus, filled.state.completedStatus) == ("Cancelled by Trader", "Filled Size: 1")
    assert filled.state.completedTime == "20250611 10:30:00 US/Eastern"
    assert cancelled.order.autoCancelDate == "20250930 16:00:00 US/Eastern"  # the end of the next quarter
