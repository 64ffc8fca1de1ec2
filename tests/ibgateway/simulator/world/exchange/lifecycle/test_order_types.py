"""Each order type does what its name says, judged by the prints and quotes that a client sees."""

from __future__ import annotations

from decimal import Decimal

import pytest

from ibgateway.simulator.model import values as v
from ibgateway.simulator.world.world import World
from tests.stacks.ibgateway.world_and_trader import AAPL, START, Trader, at, stock

END = at(16)


def prints(world: World, upto: float = END) -> list[v.Trade]:
    return world.trades(world.resolve(AAPL), START, upto)


def quote(world: World, time: float | None = None) -> tuple[float, float]:
    shown = world.snapshot(world.resolve(AAPL), time).quote
    assert shown.bid is not None
    assert shown.ask is not None
    return shown.bid, shown.ask


def level(world: World, share: float) -> float:
    """A price between the lowest (0) and the highest (1) of the rest of the day."""
    seen = [trade.price for trade in prints(world)]
    return round(min(seen) + (max(seen) - min(seen)) * share, 2)


def test_a_sell_stop_triggers_on_the_first_print_at_or_below_it(trader: Trader) -> None:
    stop = round(prints(trader.world)[0].price - 0.5, 2)
    expected = next(trade for trade in prints(trader.world) if trade.price <= stop)
    orderId = trader.place("SELL", 10, "STP", auxPrice=stop)
    assert trader.of(v.OrderStatus)[0].whyHeld == "trigger"

    trader.wait(END)
    fill = trader.fills(orderId)[0]
    assert fill.time == expected.time
    assert fill.price == quote(trader.world, fill.time)[0]


def test_a_buy_stop_limit_becomes_a_limit_order(trader: Trader) -> None:
    stop = level(trader.world, 0.6)
    orderId = trader.place("BUY", 10, "STP LMT", auxPrice=stop, lmtPrice=round(stop - 1, 2))
    triggered = next(trade.time for trade in prints(trader.world) if trade.price >= stop)

    trader.wait(triggered)
    assert trader.statuses(orderId) == ["Submitted"]
    trader.wait(END)
    assert all(fill.price <= stop - 1 + 1e-9 for fill in trader.fills(orderId))


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


def test_a_trailing_stop_shows_where_it_stands(trader: Trader) -> None:
    trader.place("SELL", 10, "TRAIL", auxPrice=50.0)
    (first,) = trader.world.open_orders(1)
    trader.wait(START + 3600)
    (later,) = trader.world.open_orders(1)

    highest = max(trade.price for trade in prints(trader.world, START + 3600))
    assert first.order.trailStopPrice == pytest.approx((trader.world.snapshot(first.contract, START).last or 0) - 50)
    assert later.order.trailStopPrice == pytest.approx(highest - 50)


def test_a_trailing_stop_limit_sets_its_limit_off_the_stop(trader: Trader) -> None:
    orderId = trader.place("SELL", 10, "TRAIL LIMIT", auxPrice=0.5, lmtPriceOffset=0.02)
    trader.wait(END)

    assert trader.statuses(orderId)[-1] == "Filled"


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


def test_an_order_for_the_close_can_come_too_late(trader: Trader) -> None:
    trader.wait(at(15, 55))
    trader.place("BUY", 10, "MOC")

    assert trader.errors()[0][0] == 201


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


def test_a_relative_order_buys_at_the_bid_and_its_offset(trader: Trader) -> None:
    orderId = trader.place("BUY", 10, "REL", auxPrice=0.0, lmtPrice=450.0)
    trader.wait(START + 600)

    fill = trader.fills(orderId)[0]
    assert fill.price == quote(trader.world, fill.time)[0]
    assert fill.lastLiquidity == 1


def test_a_relative_order_stops_at_its_cap(trader: Trader) -> None:
    cap = round(level(trader.world, 0.0) - 1, 2)
    trader.place("BUY", 10, "REL", auxPrice=0.0, lmtPrice=cap)
    trader.wait(END - 1)

    assert trader.fills() == []


def test_a_midprice_order_trades_in_the_middle(trader: Trader) -> None:
    orderId = trader.place("BUY", 10, "MIDPRICE")
    trader.wait(START + 600)

    fill = trader.fills(orderId)[0]
    assert fill.price == pytest.approx(sum(quote(trader.world, fill.time)) / 2)


def test_market_to_limit_rests_where_it_first_traded(trader: Trader) -> None:
    everything = sum((each.size for each in trader.world.depth(trader.world.resolve(AAPL), 20)[1]), Decimal(0))
    trader.world._broker.ledgers["DU1234567"].deposit("USD", Decimal(10**9))
    orderId = trader.place("BUY", everything + 1000, "MTL")

    assert trader.statuses(orderId)[-1] == "Submitted"
    last = trader.fills(orderId)[-1].price
    trader.wait(START + 5)
    assert all(fill.price <= last for fill in trader.fills(orderId))


@pytest.mark.parametrize("orderType", ["SNAP MKT", "SNAP PRIM", "SNAP MID"])
def test_snap_orders_take_their_limit_from_the_quote(trader: Trader, orderType: str) -> None:
    bid, ask = quote(trader.world)
    orderId = trader.place("BUY", 1, orderType)
    trader.wait(END)

    seen = {"SNAP MKT": ask, "SNAP PRIM": bid, "SNAP MID": (bid + ask) / 2}[orderType]
    for fill in trader.fills(orderId):
        assert fill.price <= seen + 1e-9


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

    (shown,) = trader.of(v.OpenOrder, orderId)
    assert (shown.order.orderType, shown.order.auxPrice) == ("TRAIL", 2.0)
    assert shown.order.trailStopPrice == pytest.approx(trigger - 2)


@pytest.mark.parametrize("triggerMethod", [1, 2, 3, 4, 8])
def test_every_trigger_method_triggers(trader: Trader, triggerMethod: int) -> None:
    orderId = trader.place("BUY", 1, "STP", auxPrice=level(trader.world, 0.5), triggerMethod=triggerMethod)
    trader.wait(END)

    assert trader.statuses(orderId)[-1] == "Filled"


def test_a_queue_at_the_same_price_is_served_first(trader: Trader) -> None:
    bid, _ = quote(trader.world)
    contract = trader.world.resolve(AAPL)
    ahead = trader.world.snapshot(contract).quote.bidSize
    orderId = trader.place("BUY", 1, "LMT", lmtPrice=bid)
    trader.wait(START + 1200)

    fill = trader.fills(orderId)[0]
    before = trader.world.trades(contract, START, fill.time)
    reached = any(trade.price < bid for trade in before)
    asked = any((each.ask or bid + 1) <= bid for each in trader.world.quotes(contract, START, fill.time))
    served = sum((trade.size for trade in before if trade.price == bid), Decimal(0))
    assert reached or asked or served > ahead


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


def test_an_adaptive_order_is_its_own_type(trader: Trader) -> None:
    trader.place("BUY", 1, "MKT", algoStrategy="Adaptive", algoParams=(("adaptivePriority", "Normal"),))

    assert trader.statuses()[-1] == "Filled"


def test_an_unknown_algorithm_is_refused(trader: Trader) -> None:
    trader.place("BUY", 1, "MKT", algoStrategy="Nonsense")

    assert trader.errors() == [(439, "The order processing failed. Algorithm definition not found.")]


def test_a_short_sale_of_what_is_hard_to_borrow_is_held_until_shares_are_located(trader: Trader) -> None:
    range_resources = stock("RRC")
    orderId = trader.place("SELL", 10, "MKT", range_resources)
    assert trader.of(v.OrderStatus)[-1].whyHeld == "locate"
    assert [code for code, _ in trader.errors()] == [404]

    trader.wait(START + 29)
    assert trader.fills() == []
    trader.wait(START + 30)
    assert trader.statuses(orderId)[-1] == "Filled"
    trader.place("BUY", 10, "MKT", range_resources)
    assert trader.statuses()[-1] == "Filled"
