"""What an order waits for before it works: a time, borrowed shares, its parent."""

from __future__ import annotations

from ibgateway.simulator.model.orders import Order, OrderStatus
from ibgateway.simulator.world.exchange.lifecycle.activation import starts, waits_for_executions
from ibgateway.simulator.world.exchange.orders.working_order import CONDITIONS, PARENT, WorkingOrder
from tests.stacks.ibgateway.world_and_trader import START, Trader, at, stock

NO_TRADE = 300.0  # far below the market


def test_a_short_sale_of_what_is_hard_to_borrow_is_held_until_shares_are_located(trader: Trader) -> None:
    range_resources = stock("RRC")
    orderId = trader.place("SELL", 10, "MKT", range_resources)
    assert trader.of(OrderStatus)[-1].whyHeld == "locate"
    assert [code for code, _ in trader.errors()] == [404]

    trader.wait(START + 29)
    assert trader.fills() == []
    trader.wait(START + 30)
    assert trader.statuses(orderId)[-1] == "Filled"
    trader.place("BUY", 10, "MKT", range_resources)
    assert trader.statuses()[-1] == "Filled"


def test_good_till_and_good_after_times_are_kept(trader: Trader) -> None:
    until = trader.place("BUY", 1, "LMT", lmtPrice=NO_TRADE, tif="GTD", goodTillDate="20250611 11:00:00 US/Eastern")
    after = trader.place("BUY", 1, "MKT", goodAfterTime="20250611 11:30:00 US/Eastern")
    assert trader.statuses() == ["PreSubmitted"]

    trader.wait(at(11))
    assert trader.statuses(until) == ["Cancelled"]
    trader.wait(at(11, 30))
    assert trader.statuses(after)[-1] == "Filled"
    assert trader.fills()[0].time == at(11, 30)


def test_shares_that_are_held_need_not_be_located(trader: Trader) -> None:
    trader.place("BUY", 10, "MKT", stock("RRC"))
    trader.place("SELL", 10, "MKT", stock("RRC"))

    assert trader.statuses()[-1] == "Filled"


def test_why_an_order_is_held_is_said_in_tws_words(trader: Trader) -> None:
    parent = trader.place("BUY", 10, "LMT", lmtPrice=NO_TRADE, transmit=False)
    trader.place("SELL", 10, "STP", auxPrice=200.0, parentId=parent)
    held = [each.whyHeld for each in trader.of(OrderStatus)]
    trader.place("BUY", 10, "STP", auxPrice=600.0)

    assert held[-1] == "child,trigger"
    assert trader.of(OrderStatus)[-1].whyHeld == "trigger"


def test_an_order_is_good_from_a_time_that_may_be_none() -> None:
    order = WorkingOrder(1, 7, stock("AAPL"), Order(goodAfterTime="20250611 11:30:00 US/Eastern"), START)

    assert starts(order, START) == at(11, 30)
    order.order = Order()
    assert starts(order, START) == 0.0


def test_a_trade_may_free_an_order_whose_conditions_wait_and_no_other() -> None:
    order = WorkingOrder(1, 7, stock("AAPL"), Order(), START)
    assert not waits_for_executions(order)

    order.waits = {CONDITIONS}
    assert waits_for_executions(order)
    order.waits = {CONDITIONS, PARENT}
    assert not waits_for_executions(order)
