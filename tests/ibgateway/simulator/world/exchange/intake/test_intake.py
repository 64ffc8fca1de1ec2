"""An order is read: what it is on, for how much and until when."""

from __future__ import annotations

import pytest

from ibgateway.simulator.model.contracts import Contract
from tests.stacks.ibgateway.world_and_trader import Trader, stock


@pytest.mark.parametrize(
    ("contract", "code"),
    [
        (stock("NOSUCH"), 200),
        (Contract(symbol="SAP", secType="STK", exchange="SMART"), 200),
        (Contract(symbol="AAPL", secType="STK", currency="USD"), 321),
        (Contract(symbol="SPX", secType="IND", exchange="CBOE", currency="USD"), 201),
    ],
)
def test_an_order_on_a_bad_contract_is_refused(trader: Trader, contract: Contract, code: int) -> None:
    trader.place("BUY", 1, "MKT", contract)

    assert [each[0] for each in trader.errors()] == [code]


def test_cash_quantity_buys_a_fraction(trader: Trader) -> None:
    trader.place("BUY", 0, "MKT", cashQty=1000.0)

    fill = trader.fills()[0]
    assert 2 < fill.shares < 3
    assert float(fill.shares) * fill.price == pytest.approx(1000, abs=0.5)
    assert trader.statuses()[-1] == "Filled"
