"""Commissions are IBKR's published rates, an order's minimum once."""

from __future__ import annotations

from decimal import Decimal

import pytest

from ibgateway.simulator.model.contracts import Contract
from ibgateway.simulator.model.orders import CommissionReport
from ibgateway.simulator.world.account.commissions import OrderTrades, commission
from ibgateway.simulator.world.instruments.directory import Directory
from tests.stacks.ibgateway.world_and_trader import ES, Trader, option

DIRECTORY = Directory()


@pytest.mark.parametrize(
    ("conId", "quantity", "price", "sold", "expected"),
    [
        (265598, 1, 425.0, False, "1.0000"),  # the minimum
        (265598, 1, 40.0, False, "0.4000"),  # at most 1 % of the value
        (265598, 1000, 425.0, False, "5.0000"),  # half a cent a share
        (265598, 1000, 1.0, False, "5.0000"),
        (265598, 10_000, 0.3, False, "30.0000"),  # 1 % again
        (265598, 1000, 425.0, True, "16.9810"),  # and the fees on sales
        (12087792, 20_000, 1.14, False, "2.0000"),
        (12087792, 1_000_000, 1.14, False, "22.8000"),
    ],
)
def test_commissions_are_as_published(conId: int, quantity: int, price: float, sold: bool, expected: str) -> None:
    instrument = DIRECTORY.get(conId)
    assert instrument is not None
    size = Decimal(quantity)

    assert commission(instrument, OrderTrades(size, size * Decimal(repr(price)), sold)) == Decimal(expected)


@pytest.mark.parametrize(
    ("contract", "quantity", "expected"), [(option(430.0), 1, 1.0), (option(430.0), 10, 6.5), (ES, 2, 4.5)]
)
def test_derivatives_cost_by_the_contract(trader: Trader, contract: Contract, quantity: int, expected: float) -> None:
    trader.place("BUY", quantity, "MKT", contract)

    assert sum(each.commission for each in trader.of(CommissionReport)) == pytest.approx(expected)


def test_the_minimum_is_charged_once_for_an_order(trader: Trader) -> None:
    trader.place("BUY", 1000, "MKT")

    reports = trader.of(CommissionReport)
    assert len(reports) > 1
    assert sum(each.commission for each in reports) == pytest.approx(5.0)
