"""The market as an order sees it: levels to take, a queue before it, a peg to follow."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.stacks.ibgateway.world_and_trader import AAPL, END, START, Trader, level, quote


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
