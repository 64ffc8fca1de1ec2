"""The layouts of whole orders fit every kind of order, on its way there and back."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from ib_async import Contract, Order

from ibgateway.recorder.layouts.replies import REPLIES
from ibgateway.recorder.layouts.requests import REQUESTS
from ibgateway.simulator.model.orders import OpenOrder, OrderState
from ibgateway.simulator.wire.messages import order_state
from tests.ibgateway.simulator.wire.requests import (
    test_place_order,
)
from tests.stacks.ibgateway.ib_async_codec import sent_by_ib_async
from tests.stacks.ibgateway.recorded_lines import named

VERSIONS = range(157, 201)
IB_ASYNC_VERSIONS = range(157, 179)


@pytest.mark.parametrize("version", IB_ASYNC_VERSIONS)
@pytest.mark.parametrize("kind", test_place_order.ORDERS)
def test_the_layout_fits_every_kind_of_order(kind: str, version: int) -> None:
    order = test_place_order.ORDERS[kind]

    for contract in (test_place_order.AAPL, test_place_order.COMBO):
        sent = named(REQUESTS, version, sent_by_ib_async(version, "placeOrder", 42, contract, order))

        assert sent["orderId"] == "42"
        assert sent["orderRef"] == order.orderRef
        assert sent["clearingAccount"] == order.clearingAccount
        assert sent["adjustedOrderType"] == order.adjustedOrderType


@pytest.mark.parametrize("exchange", ["SMART", "IBKRATS"])
@pytest.mark.parametrize("orderType", ["PEG BEST", "PEG MID", "LMT"])
def test_the_layout_fits_pegged_orders(orderType: str, exchange: str) -> None:
    order = Order(action="BUY", totalQuantity=1, orderType=orderType, minCompeteSize=5, manualOrderTime="then")
    order.competeAgainstBestOffset = float("inf")

    sent = named(REQUESTS, 178, sent_by_ib_async(178, "placeOrder", 42, Contract(exchange=exchange), order))

    assert sent["manualOrderTime"] == "then"


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("kind", test_place_order.ORDERS)
def test_the_layouts_fit_what_comes_back_of_every_order(kind: str, version: int) -> None:
    contract, order = test_place_order.placed(178, test_place_order.COMBO, test_place_order.ORDERS[kind])
    order = replace(order, orderRef="mine", customerAccount="theirs", submitter="somebody", account="DU7")
    state = OrderState("Submitted", completedTime="then", completedStatus="done")
    shown = OpenOrder(3, 42, 9001, contract, order, state, Decimal(5))

    for payload in (order_state.open_order(version, shown), order_state.completed_order(version, shown)):
        back = named(REPLIES, version, payload)

        assert (back["permId"], back["account"], back["orderRef"]) == ("9001", "DU7", "mine")
        assert back["clearingAccount"] == order.clearingAccount
        assert back["status"] == "Submitted"
        assert back.get("completedStatus", "done") == "done"
        assert back.get("clientId", "3") == "3"
        assert back.get("customerAccount", "theirs") == "theirs"
        assert back.get("submitter", "somebody") == "somebody"
