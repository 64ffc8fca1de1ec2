"""A condition holds an order until the market, the clock or the account is as it says."""

from __future__ import annotations

from ibgateway.simulator.model.orders import OrderCondition
from tests.stacks.ibgateway.world_and_trader import AAPL, END, START, Trader, at, last_status, stock

FAR = 300.0


def condition(condType: int, **fields: object) -> OrderCondition:
    return OrderCondition(condType, **fields)  # type: ignore[arg-type]


def test_a_price_condition_holds_an_order_until_the_print(trader: Trader) -> None:
    ibm = trader.world.resolve(stock("IBM"))
    seen = trader.world.trades(ibm, START, END)
    wanted = max(trade.price for trade in seen)
    price = condition(1, isMore=True, value=str(wanted), conId=ibm.conId, exch="SMART")
    orderId = trader.place("BUY", 1, "MKT", conditions=(price,))
    assert trader.statuses() == ["PreSubmitted"]

    trader.wait(END)
    assert trader.fills(orderId)[0].time == next(trade.time for trade in seen if trade.price >= wanted)


def test_a_time_condition_holds_an_order_until_the_time(trader: Trader) -> None:
    orderId = trader.place("BUY", 1, "MKT", conditions=(condition(3, value="20250611 11:00:00 US/Eastern"),))
    trader.wait(END)

    assert trader.fills(orderId)[0].time == at(11)


def test_a_volume_condition_holds_an_order_until_the_volume(trader: Trader) -> None:
    known = trader.world.resolve(AAPL)
    wanted = int(trader.world.snapshot(known).volume) + 100_000
    orderId = trader.place("BUY", 1, "MKT", conditions=(condition(6, value=str(wanted), conId=known.conId),))
    trader.wait(END)

    time = trader.fills(orderId)[0].time
    assert trader.world.snapshot(known, time).volume >= wanted
    assert trader.world.snapshot(known, time - 0.001).volume < wanted


def test_a_percent_change_condition_is_against_the_last_close(trader: Trader) -> None:
    known = trader.world.resolve(AAPL)
    close = trader.world.snapshot(known).close or 0.0
    seen = trader.world.trades(known, START, END)
    change = (max(trade.price for trade in seen) / close - 1) * 100 - 0.1
    orderId = trader.place("BUY", 1, "MKT", conditions=(condition(7, value=f"{change}", conId=known.conId),))
    trader.wait(END)

    expected = next(trade.time for trade in seen if (trade.price / close - 1) * 100 >= change - 1e-6)
    assert trader.fills(orderId)[0].time == expected


def test_an_execution_condition_waits_for_a_trade_in_a_symbol(trader: Trader) -> None:
    held = trader.place("BUY", 1, "MKT", conditions=(condition(5, symbol="IBM", secType="STK", exch="SMART"),))
    trader.wait(START + 60)
    assert trader.fills() == []

    trader.place("BUY", 1, "MKT", stock("IBM"))
    assert last_status(trader, held).status == "Filled"


def test_a_margin_condition_looks_at_the_cushion(trader: Trader) -> None:
    trader.place("BUY", 1, "MKT", conditions=(condition(4, isMore=True, value="10"),))

    assert trader.statuses()[-1] == "Filled"


def test_conditions_joined_by_or_need_only_one(trader: Trader) -> None:
    never = condition(3, conjunction="o", value="20251231 11:00:00 US/Eastern")
    soon = condition(3, value="20250611 10:45:00 US/Eastern")
    orderId = trader.place("BUY", 1, "MKT", conditions=(never, soon))
    both = trader.place("BUY", 1, "MKT", conditions=(condition(3, value=never.value), soon), tif="GTC")
    trader.wait(END)

    assert trader.fills(orderId)[0].time == at(10, 45)
    assert trader.fills(both) == []


def test_a_condition_can_cancel_an_order(trader: Trader) -> None:
    soon = condition(3, value="20250611 10:45:00 US/Eastern")
    orderId = trader.place("BUY", 1, "LMT", lmtPrice=FAR, conditions=(soon,), conditionsCancelOrder=True)
    assert last_status(trader, orderId).status == "Submitted"

    trader.wait(at(10, 45))
    assert last_status(trader, orderId).status == "Cancelled"


def test_a_condition_that_can_not_be_read_is_refused(trader: Trader) -> None:
    trader.place("BUY", 1, "MKT", conditions=(condition(1, value="cheap", conId=265598),))

    assert trader.errors()[0][0] == 321
