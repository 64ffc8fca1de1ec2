"""The recorder's own reading of every message: it fits what clients send and gateways print, at every version."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from ib_async import Contract, Order

from ibgateway.recorder.layouts.field_grammar import Unfit, message, since, times, when
from ibgateway.recorder.layouts.replies import REPLIES
from ibgateway.recorder.layouts.requests import REQUESTS
from ibgateway.recorder.transcript.transcript import fields_of
from ibgateway.simulator.model import contracts as model_contracts
from ibgateway.simulator.model.contracts import BondDetails, ContractDetails
from ibgateway.simulator.model.orders import Execution, OpenOrder, OrderState
from ibgateway.simulator.wire.encoding import layout
from ibgateway.simulator.wire.messages import contracts, order_state, orders, session
from tests.ibgateway.simulator.wire.requests import (
    test_account,
    test_contracts,
    test_history,
    test_market_data,
    test_orders,
    test_place_order,
    test_research,
    test_session,
)
from tests.stacks.ibgateway.ib_async_codec import sent_by_ib_async

SENT = [
    *test_account.SENT,
    *test_contracts.SENT,
    *test_history.SENT,
    *test_market_data.SENT,
    *test_orders.SENT,
    *test_research.SENT,
    *test_session.SENT,
]
LATER = [*test_contracts.LATER, *test_orders.LATER, *test_research.LATER, *test_session.LATER]
VERSIONS = range(157, 201)
IB_ASYNC_VERSIONS = range(157, 179)
NAMED = test_place_order.ORDERS["limit with everything common"]
AAPL = model_contracts.Contract(265598, "AAPL", "STK", exchange="SMART", currency="USD")


def named(table: dict[int, Any], version: int, payload: bytes) -> dict[str, str]:
    """Each name's first field; Unfit when the layout is another."""
    texts = fields_of(payload)
    names = table[int(texts[0])].names(version, texts)
    return dict(reversed(list(zip(names, texts, strict=True))))


def test_there_is_a_layout_for_every_request_that_the_simulator_reads() -> None:
    assert set(REQUESTS) == set(layout.LAYOUTS)


@pytest.mark.parametrize("version", IB_ASYNC_VERSIONS)
def test_the_layouts_fit_what_ib_async_sends(version: int) -> None:
    for method, arguments, _ in SENT:
        sent = named(REQUESTS, version, sent_by_ib_async(version, method, *arguments))

        assert sent.get("reqId", "7") == "7", method
        assert sent.get("orderId", "7") == "7", method
        assert sent.get("symbol", "AAPL") in {"AAPL", ""}, method


@pytest.mark.parametrize(("version", "msgId", "fields", "_"), LATER)
def test_the_layouts_fit_what_official_clients_send(version: int, msgId: str, fields: list[str], _: object) -> None:
    assert len(REQUESTS[int(msgId)].names(version, [msgId, *fields])) == len(fields) + 1


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


@pytest.mark.parametrize("version", VERSIONS)
def test_the_layouts_fit_executions_errors_and_contracts(version: int) -> None:
    execution = Execution(
        7, 42, AAPL, "e.01.01", 1749652200.0, "DU7", "IEX", "BOT", Decimal(1), 1.0, 9001, 0, Decimal(1), 1.0, "mine"
    )
    details = ContractDetails(AAPL, "NMS", 0.01, "LMT", "SMART", secIdList=(("ISIN", "US"),), stockType="COMMON")
    bond = BondDetails(cusip="912810", coupon=4.5)

    executed = named(REPLIES, version, orders.exec_details(version, 8, execution, "US/Eastern", "US/Eastern"))
    failed = named(REPLIES, version, session.error(version, 8, 200, "unknown", 1.0))
    found = named(REPLIES, version, contracts.contract_details(version, 8, details))
    lent = named(REPLIES, version, contracts.bond_details(version, 8, details, bond))

    assert (executed["reqId"], executed["execId"], executed["acctNumber"]) == ("8", "e.01.01", "DU7")
    assert (executed["permId"], executed["orderRef"]) == ("9001", "mine")
    assert (failed["id"], failed["errorCode"], failed["errorString"]) == ("8", "200", "unknown")
    assert (found["reqId"], found["conId"], found["stockType"]) == ("8", "265598", "COMMON")
    assert (lent["reqId"], lent["cusip"], lent["conId"]) == ("8", "912810", "265598")


PARTS = message("sample", "kind", when("kind", ["1"], "one"), since(170, "new"), times("rows", "a b"))


def test_parts_are_there_by_version_condition_and_count() -> None:
    assert PARTS.names(169, ["9", "0", "0"]) == ("msgId", "kind", "rows")
    assert PARTS.names(170, ["9", "1", "x", "y", "1", "a", "b"]) == ("msgId", "kind", "one", "new", "rows", "a", "b")


@pytest.mark.parametrize(
    "texts",
    [
        ["9"],
        ["9", "0"],
        ["9", "0", "0", "more"],
        ["9", "0", "2", "a", "b"],
        ["9", "0", "-1"],
        ["9", "0", "9999999"],
        ["9", "0", "many"],
    ],
)
def test_a_frame_with_other_fields_does_not_fit(texts: list[str]) -> None:
    with pytest.raises(Unfit):
        PARTS.names(169, texts)
