"""Changes that TWS refuses: an openOrder that is sent back as it came."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from ibgateway.simulator.model.orders import OpenOrder, Order
from tests.stacks.ibgateway.world_and_trader import AAPL, Trader

pytestmark = pytest.mark.trial("F16")


def bracket(trader: Trader, limit: float) -> tuple[int, int, int]:
    parent = trader.place("BUY", 10, "LMT", lmtPrice=limit, transmit=False)
    target = trader.place("SELL", 10, "LMT", lmtPrice=500.0, parentId=parent, transmit=False)
    return parent, target, trader.place("SELL", 10, "STP", auxPrice=200.0, parentId=parent)


def asks(trader: Trader, orderId: int, **fields: Any) -> list[tuple[int, str]]:
    """The errors that a change of the stop gets, which names all that the client wants of it."""
    order = Order(action="SELL", totalQuantity=Decimal(10), orderType="STP", auxPrice=210.0)
    trader.told = trader.world.place_order(1, orderId, AAPL, replace(order, **fields))
    return trader.errors()


def test_a_change_that_names_a_filled_parent_is_refused_and_one_without_it_is_taken(trader: Trader) -> None:
    parent, _, stop = bracket(trader, 450.0)

    assert asks(trader, stop, parentId=parent) == [(135, f"Can't find order with ID ={parent}")]
    assert asks(trader, stop) == []
    assert trader.of(OpenOrder, stop)[-1].order.auxPrice == 210.0


def test_a_change_may_name_the_parent_that_still_holds_it(trader: Trader) -> None:
    parent, _, stop = bracket(trader, 300.0)

    assert asks(trader, stop, parentId=parent) == []
    assert asks(trader, stop, parentId=parent + 99) == [(135, f"Can't find order with ID ={parent + 99}")]


def test_the_group_that_tws_made_of_the_exits_can_not_be_named_in_a_change(trader: Trader) -> None:
    _, _, stop = bracket(trader, 450.0)
    shown = next(each for each in trader.world.open_orders(1) if each.orderId == stop).order

    assert asks(trader, stop, ocaGroup=shown.ocaGroup, ocaType=3)[0][0] == 10326
    assert asks(trader, stop, ocaType=3)[0][0] == 10327
    assert [each.order.ocaGroup for each in trader.world.open_orders(1)] == [shown.ocaGroup] * 2


def test_a_group_that_the_client_asked_for_may_be_named_again_and_no_other(trader: Trader) -> None:
    stop = trader.place("SELL", 10, "STP", auxPrice=200.0, ocaGroup="mine", ocaType=1)

    assert asks(trader, stop, ocaGroup="mine", ocaType=1) == []
    assert asks(trader, stop, ocaGroup="other", ocaType=1)[0][0] == 10326


@pytest.mark.parametrize(
    "filled_in",
    [
        {"deltaNeutralOrderType": "None"},
        {"adjustedOrderType": "None"},
        {"clearingIntent": "IB"},
        {"openClose": "?"},
        {"rule80A": "0"},
        {"volatility": 0.25},
        {"trailStopPrice": 209.0},
    ],
    ids=lambda each: next(iter(each)),
)
def test_a_field_that_tws_filled_in_is_refused(trader: Trader, filled_in: dict[str, Any]) -> None:
    stop = trader.place("SELL", 10, "STP", auxPrice=200.0)

    assert [code for code, _ in asks(trader, stop, **filled_in)] == [321]
    assert trader.world.open_orders(1)[0].order.auxPrice == 200.0
    assert asks(trader, stop) == []
