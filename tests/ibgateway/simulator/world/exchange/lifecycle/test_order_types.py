"""Each order type does what its name says, judged by the prints and quotes that a client sees."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.stacks.ibgateway.world_and_trader import AAPL, END, START, Trader, level, prints, quote


def test_a_buy_stop_limit_becomes_a_limit_order(trader: Trader) -> None:
    stop = level(trader.world, 0.6)
    orderId = trader.place("BUY", 10, "STP LMT", auxPrice=stop, lmtPrice=round(stop - 1, 2))
    triggered = next(trade.time for trade in prints(trader.world) if trade.price >= stop)

    trader.wait(triggered)
    assert trader.statuses(orderId) == ["Submitted"]
    trader.wait(END)
    assert all(fill.price <= stop - 1 + 1e-9 for fill in trader.fills(orderId))


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


def test_an_adaptive_order_is_its_own_type(trader: Trader) -> None:
    trader.place("BUY", 1, "MKT", algoStrategy="Adaptive", algoParams=(("adaptivePriority", "Normal"),))

    assert trader.statuses()[-1] == "Filled"
