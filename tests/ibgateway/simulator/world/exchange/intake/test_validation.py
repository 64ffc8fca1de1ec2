"""What TWS refuses before an order becomes one, with its code."""

from __future__ import annotations

from decimal import Decimal

import pytest

from ibgateway.simulator.model.orders import Order
from tests.stacks.ibgateway.world_and_trader import AAPL, Trader


def test_an_unknown_algorithm_is_refused(trader: Trader) -> None:
    trader.place("BUY", 1, "MKT", algoStrategy="Nonsense")

    assert trader.errors() == [(439, "The order processing failed. Algorithm definition not found.")]


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"orderType": "LMT", "lmtPrice": 425.001}, 110),
        ({"orderType": "LMT", "lmtPrice": -1.0}, 110),
        ({"orderType": "LMT"}, 321),
        ({"orderType": "STP"}, 321),
        ({"orderType": "TRAIL"}, 321),
        ({"orderType": "TRAIL", "trailingPercent": 150.0}, 321),
        ({"orderType": "NONSENSE"}, 321),
        ({"orderType": "PEG STK"}, 387),
        ({"orderType": "MKT", "tif": "FOREVER"}, 10052),
        ({"orderType": "MKT", "totalQuantity": Decimal(0)}, 321),
        ({"orderType": "MKT", "totalQuantity": Decimal(-5)}, 321),
        ({"orderType": "MKT", "totalQuantity": Decimal("NaN")}, 321),
        ({"orderType": "MKT", "totalQuantity": Decimal("1E30")}, 201),
        ({"orderType": "MKT", "totalQuantity": Decimal("0.00001")}, 10318),
        ({"orderType": "MKT", "action": "HOLD"}, 321),
        ({"orderType": "MKT", "account": "U999"}, 321),
        ({"orderType": "LMT", "lmtPrice": 425.0, "parentId": 77}, 135),
        ({"orderType": "LMT", "lmtPrice": 425.0, "tif": "GTD", "goodTillDate": "20200101 10:00:00"}, 201),
        ({"orderType": "LMT", "lmtPrice": 425.0, "goodAfterTime": "soon"}, 10314),
    ],
)
def test_a_bad_order_is_refused_and_leaves_nothing_behind(trader: Trader, fields: dict[str, object], code: int) -> None:
    sent = {"action": "BUY", "totalQuantity": Decimal(1), **fields}
    trader.told = trader.world.place_order(1, 1, AAPL, Order(**sent))  # type: ignore[arg-type]

    assert [each[0] for each in trader.errors()] == [code]
    assert len(trader.told) == 1
    assert trader.world.open_orders(None) == []
    assert trader.world.next_order_id(1) == 1
