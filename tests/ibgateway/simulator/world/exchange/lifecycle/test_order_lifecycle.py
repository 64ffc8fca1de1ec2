"""An order's life, told in the order in which real gateways tell it."""

from __future__ import annotations

from ibgateway.simulator.model.orders import OpenOrder
from tests.stacks.ibgateway.world_and_trader import AAPL, Trader, at, names, new_world

NO_TRADE = 300.0  # far below the market


def test_a_market_order_fills_at_once_and_tells_it_in_order(trader: Trader) -> None:
    quote = trader.world.snapshot(trader.world.resolve(AAPL)).quote
    trader.place("BUY", 1, "MKT")

    assert names(trader.told) == [
        "OpenOrder",
        "OrderStatus",
        "Execution",
        "OpenOrder",
        "OrderStatus",
        "OpenOrder",
        "OrderStatus",
        "CommissionReport",
    ]
    assert trader.statuses() == ["PreSubmitted", "Filled", "Filled"]
    assert [each.state.commission for each in trader.of(OpenOrder)] == [None, None, 1.0]
    fill = trader.fills()[0]
    assert (float(fill.shares), fill.side, fill.price) == (1.0, "BOT", quote.ask)
    assert fill.contract.exchange == fill.exchange != "SMART"
    assert trader.position("AAPL") == 1


def test_a_limit_order_rests_until_the_market_comes_to_it(trader: Trader) -> None:
    orderId = trader.place("BUY", 10, "LMT", lmtPrice=425.0)
    assert trader.statuses() == ["PreSubmitted", "Submitted"]
    due = trader.world.next_due()
    assert due is not None

    trader.wait(due - 0.001)
    assert not trader.told
    trader.wait(due)
    assert [(fill.price, fill.lastLiquidity) for fill in trader.fills(orderId)] == [(425.0, 1)]


def test_a_cancelled_order_says_so_and_then_202(trader: Trader) -> None:
    orderId = trader.place("BUY", 10, "LMT", lmtPrice=NO_TRADE)
    trader.cancel(orderId)

    assert names(trader.told) == ["OrderStatus", "OrderError"]
    assert trader.statuses() == ["Cancelled"]
    assert trader.errors() == [(202, "Order Canceled - reason:")]
    assert trader.world.open_orders(None) == []


def test_a_day_order_that_starts_tomorrow_ends_tomorrow(trader: Trader) -> None:
    orderId = trader.place("BUY", 1, "LMT", lmtPrice=NO_TRADE, goodAfterTime="20250612 11:00:00 US/Eastern", tif="DAY")
    trader.wait(at(15, day=12))
    assert trader.statuses(orderId) == ["Submitted"]

    trader.wait(at(16, day=12))
    assert trader.statuses(orderId) == ["Cancelled"]


def test_a_day_order_ends_with_the_day_and_a_gtc_order_does_not(trader: Trader) -> None:
    day = trader.place("BUY", 1, "LMT", lmtPrice=NO_TRADE)
    gtc = trader.place("BUY", 1, "LMT", lmtPrice=NO_TRADE, tif="GTC")
    trader.wait(at(15, 59, second=59))
    assert trader.told == []

    trader.wait(at(16))
    assert trader.statuses(day) == ["Cancelled"]
    assert trader.errors() == [(202, "Order Canceled - reason:")]
    trader.wait(at(12, day=13))
    assert [each.orderId for each in trader.world.open_orders(1)] == [gtc]


def test_an_order_outside_hours_is_held_with_399() -> None:
    trader = Trader(new_world(start=at(18)))
    orderId = trader.place("BUY", 1, "MKT")
    assert trader.statuses() == ["PreSubmitted"]
    assert trader.errors() == [
        (
            399,
            "Order Message:\nBUY 1 AAPL NASDAQ.NMS\n"
            "Warning: Your order will not be placed at the exchange until 2025-06-12 09:30:00 US/Eastern.",
        )
    ]

    trader.wait(at(9, 29, day=12))
    assert trader.told == []
    trader.wait(at(9, 31, day=12))
    assert trader.statuses(orderId)[-1] == "Filled"


def test_a_limit_order_trades_outside_hours_only_if_it_may() -> None:
    trader = Trader(new_world(start=at(18)))
    trader.place("BUY", 1, "LMT", lmtPrice=600.0)
    assert trader.fills() == []

    trader.place("BUY", 1, "LMT", lmtPrice=600.0, outsideRth=True)
    assert trader.statuses()[-1] == "Filled"


def test_outside_hours_is_ignored_for_a_market_order_with_a_notice() -> None:
    trader = Trader(new_world(start=at(18)))
    trader.place("BUY", 1, "MKT", outsideRth=True)

    assert [code for code, _ in trader.errors()] == [2109, 399]
