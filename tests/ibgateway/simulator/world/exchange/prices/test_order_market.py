"""The market as an order sees it: levels to take, a queue before it, a peg to follow."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise

import numpy as np
import pytest

from ibgateway.simulator.model.market_data import BidAsk
from ibgateway.simulator.world.exchange.prices.order_market import OrderMarket
from ibgateway.simulator.world.instruments.directory import Directory
from ibgateway.simulator.world.market.market import Market
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


@pytest.fixture
def aapl() -> OrderMarket:
    """Apple's market, with no orders in it."""
    directory = Directory()
    found = directory.get(265598)
    assert found is not None
    return OrderMarket(Market(1, START, directory), found)


def quotes_of(feed: OrderMarket) -> list[BidAsk]:
    return feed.market.quotes(feed.instrument, START, END)


@pytest.mark.parametrize("buy", [True, False])
def test_an_order_at_the_other_side_is_touched_by_the_first_quote_or_print_there(aapl: OrderMarket, buy: bool) -> None:
    limit = round(aapl.price(START) + (-0.5 if buy else 0.5), 2)
    touch, _ = aapl.touch(buy, limit, aapl.window(START, outside=False), Decimal(0))

    assert touch is not None
    quoted = next(
        each.time for each in quotes_of(aapl) if ((each.ask or END) <= limit if buy else (each.bid or 0) >= limit)
    )
    traded = next(
        each.time
        for each in aapl.market.trades(aapl.instrument, START, END)
        if (each.price <= limit if buy else each.price >= limit)
    )
    assert touch.time == min(quoted, traded)
    assert touch.price <= limit if buy else touch.price >= limit


@pytest.mark.parametrize(("what", "side"), [("bid", "bid"), ("ask", "ask")])
def test_a_side_of_the_quote_crosses_a_level_when_a_quote_is_beyond_it(aapl: OrderMarket, what: str, side: str) -> None:
    level_above = round(getattr(aapl.quote(START), side) + 0.3, 2)

    crossed = aapl.crosses(what, True, level_above, aapl.window(START, outside=False))

    assert crossed == next(each.time for each in quotes_of(aapl) if getattr(each, side) >= level_above)


def test_two_prints_in_a_row_cross_later_than_one(aapl: OrderMarket) -> None:
    window = aapl.window(START, outside=False)
    prints = aapl.market.trades(aapl.instrument, START, END)
    beyond = round(prints[0].price + 0.3, 2)

    two = next(later.time for first, later in pairwise(prints) if first.price >= beyond and later.price >= beyond)
    assert aapl.crosses("last", True, beyond, window) == next(each.time for each in prints if each.price >= beyond)
    assert aapl.crosses("last", True, beyond, window, twice=True) == two


def test_a_trailing_stop_that_is_not_hit_follows_the_best_price(aapl: OrderMarket) -> None:
    window, upto = aapl.window(START, outside=False), START + 600
    prints = [each.price for each in aapl.market.trades(aapl.instrument, START, upto)]

    hit, stop = aapl.trails("last", True, 1.0, 50.0, False, window, upto)

    assert hit is None
    assert stop == pytest.approx(max(prints) - 50)


def test_sampled_quotes_are_those_in_force_at_their_times(aapl: OrderMarket) -> None:
    times = np.array([START, START + 60, START + 3600])

    bids, asks = aapl.sampled(times)

    told = [aapl.quote(float(each)) for each in times]
    assert list(bids) == pytest.approx([each.bid for each in told])
    assert list(asks) == pytest.approx([each.ask for each in told])
