"""The counter takes orders, changes and cancellations, and refuses what TWS would."""

from __future__ import annotations

from decimal import Decimal

import pytest

from ibgateway.simulator.model.orders import OpenOrder, Order, OrderStatus
from ibgateway.simulator.world.world import World
from tests.stacks.ibgateway.world_and_trader import AAPL, Trader, stock

NO_TRADE = 300.0  # far below the market


def test_cancelling_what_is_done_or_unknown_is_an_error(trader: Trader) -> None:
    done = trader.place("BUY", 1, "MKT")
    trader.cancel(done)
    assert trader.errors() == [
        (10148, f"OrderId {done} that needs to be cancelled cannot be cancelled, state: Filled.")
    ]

    trader.cancel(99)
    assert trader.errors() == [(10147, "OrderId 99 that needs to be cancelled is not found.")]


def test_a_rejected_order_is_in_no_state_to_be_cancelled(trader: Trader) -> None:
    orderId = trader.place("BUY", 1_000_000, "MKT")
    trader.cancel(orderId)

    assert [code for code, _ in trader.errors()] == [161]


@pytest.mark.trial("D10")
def test_a_client_cancels_no_order_of_another(world: World) -> None:
    owner, other = Trader(world, 1), Trader(world, 2)
    orderId = owner.place("BUY", 1, "LMT", lmtPrice=NO_TRADE)
    other.cancel(orderId)

    assert other.errors() == [(10147, f"OrderId {orderId} that needs to be cancelled is not found.")]
    assert "Cancelled" not in [each.status for each in owner.of(OrderStatus)]


def test_global_cancel_cancels_everybodys_orders(world: World) -> None:
    for client in (1, 2):
        Trader(world, client).place("BUY", 1, "LMT", lmtPrice=NO_TRADE)

    events = world.global_cancel(1)
    assert [each.clientId for each in events if isinstance(each, OrderStatus)] == [1, 2]
    assert world.open_orders(None) == []


def test_a_modification_keeps_the_order_and_its_permanent_id(trader: Trader) -> None:
    orderId = trader.place("BUY", 10, "LMT", lmtPrice=NO_TRADE)
    permId = trader.of(OpenOrder)[0].permId
    trader.modify(orderId, lmtPrice=301.0, totalQuantity=Decimal(20))

    shown = trader.world.open_orders(1)
    assert [(each.permId, each.order.lmtPrice, each.order.totalQuantity) for each in shown] == [
        (permId, 301.0, Decimal(20))
    ]
    assert set(trader.statuses()) == {"Submitted"}


def test_a_modification_to_a_marketable_price_trades(trader: Trader) -> None:
    orderId = trader.place("BUY", 10, "LMT", lmtPrice=NO_TRADE)
    trader.modify(orderId, lmtPrice=450.0)

    assert trader.statuses()[-1] == "Filled"


def test_what_can_not_be_modified_is_left_as_it_was(trader: Trader) -> None:
    filled = trader.place("BUY", 1, "MKT")
    trader.told = trader.world.place_order(1, filled, AAPL, Order("BUY", Decimal(2), "MKT"))
    assert trader.errors() == [(104, "Cannot modify a filled order.")]

    orderId = trader.place("BUY", 10, "LMT", lmtPrice=NO_TRADE)
    trader.modify(orderId, contract=stock("IBM"))
    assert trader.errors() == [(105, "Order being modified does not match original order.")]
    trader.modify(orderId, lmtPrice=300.001)
    assert trader.errors()[0][0] == 110
    assert trader.world.open_orders(1)[0].order.lmtPrice == NO_TRADE

    trader.cancel(orderId)
    trader.told = trader.world.place_order(1, orderId, AAPL, Order("BUY", Decimal(2), "MKT"))
    assert trader.errors() == [(103, "Duplicate order id")]


def test_an_order_that_is_not_transmitted_is_not_told_of(trader: Trader) -> None:
    orderId = trader.place("BUY", 1, "LMT", lmtPrice=NO_TRADE, transmit=False)
    assert trader.told == []
    assert trader.world.open_orders(None) == []

    order = Order("BUY", Decimal(1), "LMT", NO_TRADE, transmit=True)
    trader.told = trader.world.place_order(1, orderId, AAPL, order)
    assert trader.statuses() == ["PreSubmitted", "Submitted"]
