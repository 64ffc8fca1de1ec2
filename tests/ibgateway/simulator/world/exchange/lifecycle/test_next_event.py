"""When an order's next event is: a stop's print, a trailing stop's turn, an auction, a slice."""

from __future__ import annotations

import pytest

from ibgateway.simulator.model.orders import OpenOrder, OrderStatus
from tests.stacks.ibgateway.world_and_trader import AAPL, END, Trader, at, level, prints, quote


def test_a_sell_stop_triggers_on_the_first_print_at_or_below_it(trader: Trader) -> None:
    stop = round(prints(trader.world)[0].price - 0.5, 2)
    expected = next(trade for trade in prints(trader.world) if trade.price <= stop)
    orderId = trader.place("SELL", 10, "STP", auxPrice=stop)
    assert trader.of(OrderStatus)[0].whyHeld == "trigger"

    trader.wait(END)
    fill = trader.fills(orderId)[0]
    assert fill.time == expected.time
    assert fill.price == quote(trader.world, fill.time)[0]


@pytest.mark.parametrize(("action", "sign"), [("SELL", 1), ("BUY", -1)])
@pytest.mark.parametrize("field", ["auxPrice", "trailingPercent"])
def test_a_trailing_stop_follows_the_best_price(trader: Trader, action: str, sign: int, field: str) -> None:
    first = trader.world.snapshot(trader.world.resolve(AAPL)).last or 0.0
    distance = 0.2 if field == "trailingPercent" else 0.8
    trader.place(action, 10, "TRAIL", AAPL, **{field: distance})

    def stop_of(best: float) -> float:
        return best - sign * (best * distance / 100 if field == "trailingPercent" else distance)

    best, stop, hit = first, stop_of(first), 0.0
    for trade in prints(trader.world):
        if sign * (trade.price - stop) <= 1e-9:
            hit = trade.time
            break
        best = max(best, trade.price) if sign > 0 else min(best, trade.price)
        stop = max(stop, stop_of(best)) if sign > 0 else min(stop, stop_of(best))
    trader.wait(END)
    assert trader.fills()[0].time == hit


@pytest.mark.parametrize("orderType", ["MIT", "LIT"])
def test_if_touched_orders_wait_for_a_better_price(trader: Trader, orderType: str) -> None:
    touch = round(prints(trader.world)[0].price - 0.5, 2)
    expected = next(trade for trade in prints(trader.world) if trade.price <= touch)
    orderId = trader.place("BUY", 10, orderType, auxPrice=touch, lmtPrice=round(touch + 5, 2))

    trader.wait(END)
    assert trader.fills(orderId)[0].time == expected.time


def test_market_on_close_trades_at_the_closing_print(trader: Trader) -> None:
    moc = trader.place("BUY", 500, "MOC")
    trader.wait(END)

    assert [fill.price for fill in trader.fills(moc)] == [prints(trader.world)[-1].price]
    assert trader.fills(moc)[0].time == prints(trader.world)[-1].time


def test_limit_on_close_trades_at_the_close_or_not_at_all(trader: Trader) -> None:
    close = prints(trader.world)[-1].price
    good = trader.place("BUY", 10, "LOC", lmtPrice=round(close + 1, 2))
    bad = trader.place("BUY", 10, "LOC", lmtPrice=round(close - 1, 2))
    trader.wait(END)

    assert [fill.price for fill in trader.fills(good)] == [close]
    assert trader.statuses(bad) == ["Cancelled"]


@pytest.mark.parametrize(("orderType", "lmtPrice"), [("MKT", None), ("LMT", 600.0)])
def test_orders_for_the_opening_trade_at_the_next_opening_print(
    trader: Trader, orderType: str, lmtPrice: float | None
) -> None:
    trader.place("BUY", 10, orderType, tif="OPG", lmtPrice=lmtPrice)
    trader.wait(END)
    assert trader.fills() == []

    trader.wait(at(9, 31, day=12))
    opening = trader.world.snapshot(trader.world.resolve(AAPL)).open
    assert [fill.price for fill in trader.fills()] == [opening]


def test_an_adjustable_stop_becomes_a_trailing_one(trader: Trader) -> None:
    trigger = level(trader.world, 0.5)
    orderId = trader.place(
        "SELL",
        10,
        "STP",
        auxPrice=round(level(trader.world, 0) - 5, 2),
        triggerPrice=trigger,
        adjustedOrderType="TRAIL",
        adjustedStopPrice=round(trigger - 2, 2),
        adjustedTrailingAmount=2.0,
    )
    when = next(trade.time for trade in prints(trader.world) if trade.price >= trigger)
    trader.wait(when)

    (shown,) = trader.of(OpenOrder, orderId)
    assert (shown.order.orderType, shown.order.auxPrice) == ("TRAIL", 2.0)
    assert shown.order.trailStopPrice == pytest.approx(trigger - 2)


@pytest.mark.parametrize("triggerMethod", [1, 2, 3, 4, 8])
def test_every_trigger_method_triggers(trader: Trader, triggerMethod: int) -> None:
    orderId = trader.place("BUY", 1, "STP", auxPrice=level(trader.world, 0.5), triggerMethod=triggerMethod)
    trader.wait(END)

    assert trader.statuses(orderId)[-1] == "Filled"


@pytest.mark.parametrize("algoStrategy", ["Twap", "Vwap"])
def test_an_algorithm_spreads_an_order_over_its_time(trader: Trader, algoStrategy: str) -> None:
    end = (("endTime", "20250611 11:30:00 US/Eastern"),)
    orderId = trader.place("BUY", 600, "MKT", algoStrategy=algoStrategy, algoParams=end)
    assert trader.statuses(orderId)[:2] == ["PreSubmitted", "Submitted"]
    first = trader.fills(orderId)
    assert sum(fill.shares for fill in first) == 10

    trader.wait(at(11, 31))
    fills = [*first, *trader.fills(orderId)]
    assert sum(fill.shares for fill in fills) == 600
    assert len({int(fill.time // 60) for fill in fills}) == 60
    assert trader.statuses(orderId)[-1] == "Filled"
