"""The texts of TWS's order messages name the order as TWS does."""

from __future__ import annotations

from decimal import Decimal

from ibgateway.simulator.model.contracts import Contract
from ibgateway.simulator.model.orders import Order
from ibgateway.simulator.world.exchange.intake.error_texts import held_text, margin_text
from ibgateway.simulator.world.exchange.orders.working_order import WorkingOrder


def test_an_order_that_is_held_is_named_by_side_size_and_listing() -> None:
    contract = Contract(symbol="AAPL", exchange="SMART", primaryExchange="NASDAQ", tradingClass="NMS")
    order = WorkingOrder(1, 7, contract, Order("BUY", Decimal(100)), 0.0, quantity=Decimal("100.00"))

    assert held_text(order, "2025-06-12 09:30:00 US/Eastern") == (
        "Order Message:\nBUY 100 AAPL NASDAQ.NMS\n"
        "Warning: Your order will not be placed at the exchange until 2025-06-12 09:30:00 US/Eastern."
    )


def test_without_a_listing_it_is_the_orders_exchange_and_the_symbol() -> None:
    contract = Contract(symbol="EUR", exchange="IDEALPRO")
    order = WorkingOrder(1, 7, contract, Order("SELL", Decimal(1)), 0.0, quantity=Decimal(20_000))

    assert "SELL 20000 EUR IDEALPRO.EUR\n" in held_text(order, "tomorrow")


def test_a_margin_text_has_both_amounts_to_the_cent() -> None:
    text = margin_text(1000.0, 2000.456, "USD")

    assert "EQUITY WITH LOAN VALUE [1000.00 USD] MUST EXCEED THE INITIAL MARGIN [2000.46 USD]" in text
