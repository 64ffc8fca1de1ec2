"""What an order takes from the book, at which prices and in which sizes."""

from __future__ import annotations

from decimal import Decimal

import pytest

from ibgateway.simulator.model.orders import OrderStatus
from ibgateway.simulator.world.world import World
from tests.stacks.ibgateway.world_and_trader import AAPL, Trader, stock


def test_a_marketable_limit_order_pays_the_offer_and_not_its_limit(trader: Trader) -> None:
    quote = trader.world.snapshot(trader.world.resolve(AAPL)).quote
    trader.place("BUY", 1, "LMT", lmtPrice=450.0)

    assert trader.fills()[0].price == quote.ask


def test_a_large_order_takes_what_is_displayed_level_by_level(trader: Trader) -> None:
    _, asks = trader.world.depth(trader.world.resolve(AAPL), 10)
    trader.place("BUY", 1000, "MKT")

    fills = trader.fills()
    assert sum(fill.shares for fill in fills) == 1000
    assert [fill.price for fill in fills] == [level.price for level in asks[: len(fills)]]
    assert [fill.shares for fill in fills[:-1]] == [level.size for level in asks[: len(fills) - 1]]
    assert [fill.cumQty for fill in fills] == [sum(f.shares for f in fills[: n + 1]) for n in range(len(fills))]
    last = trader.of(OrderStatus)[-1]
    assert last.avgFillPrice == pytest.approx(float(sum(f.shares * Decimal(repr(f.price)) for f in fills) / 1000))


def test_what_one_order_takes_is_not_there_for_the_next(trader: Trader) -> None:
    _, asks = trader.world.depth(trader.world.resolve(AAPL), 3)
    trader.place("BUY", asks[0].size, "MKT")
    trader.place("BUY", 1, "MKT")

    assert trader.fills()[0].price == asks[1].price


def test_the_clients_orders_trade_with_each_other_inside_the_spread(world: World) -> None:
    google = stock("GOOG")
    quote = world.snapshot(world.resolve(google)).quote
    assert quote.bid is not None
    seller, buyer = Trader(world, 1), Trader(world, 2)
    inside = round(quote.bid + 0.01, 2)
    resting = seller.place("SELL", 5, "LMT", google, lmtPrice=inside)
    buyer.place("BUY", 5, "LMT", google, lmtPrice=inside)

    assert [(fill.clientId, fill.price, fill.side) for fill in buyer.fills()] == [
        (2, inside, "BOT"),
        (1, inside, "SLD"),
    ]
    assert all(each.orderId != resting for each in world.open_orders(1))


def test_immediate_or_cancel_takes_what_is_there(trader: Trader) -> None:
    _, asks = trader.world.depth(trader.world.resolve(AAPL), 1)
    trader.place("BUY", asks[0].size + 50, "LMT", lmtPrice=asks[0].price, tif="IOC")

    assert sum(fill.shares for fill in trader.fills()) == asks[0].size
    assert trader.statuses()[-1] == "Cancelled"


def test_fill_or_kill_takes_all_or_nothing(trader: Trader) -> None:
    _, asks = trader.world.depth(trader.world.resolve(AAPL), 1)
    trader.place("BUY", asks[0].size + 50, "LMT", lmtPrice=asks[0].price, tif="FOK")
    assert trader.fills() == []
    assert trader.statuses()[-1] == "Cancelled"

    trader.place("BUY", asks[0].size, "LMT", lmtPrice=asks[0].price, tif="FOK")
    assert trader.statuses()[-1] == "Filled"
