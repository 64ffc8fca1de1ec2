"""What an order waits for before it works: a time, borrowed shares, its parent."""

from __future__ import annotations

from ibgateway.simulator.model.orders import OrderStatus
from tests.stacks.ibgateway.world_and_trader import START, Trader, at, stock


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


NO_TRADE = 300.0  # far below the market


def test_good_till_and_good_after_times_are_kept(trader: Trader) -> None:
    until = trader.place("BUY", 1, "LMT", lmtPrice=NO_TRADE, tif="GTD", goodTillDate="20250611 11:00:00 US/Eastern")
    after = trader.place("BUY", 1, "MKT", goodAfterTime="20250611 11:30:00 US/Eastern")
    assert trader.statuses() == ["PreSubmitted"]

    trader.wait(at(11))
    assert trader.statuses(until) == ["Cancelled"]
    trader.wait(at(11, 30))
    assert trader.statuses(after)[-1] == "Filled"
    assert trader.fills()[0].time == at(11, 30)
