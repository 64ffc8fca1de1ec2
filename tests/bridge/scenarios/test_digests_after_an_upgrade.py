"""A call's digest is in stored records: those of an earlier release must match after an upgrade."""

from typing import Any

import pytest

import mcp_front.tools.catalogue  # noqa: F401  # registers the tools
from bridge.bus.records.records import digest_of
from bridge.tool import OPERATIONS

# As the first release computed them, for calls in TWS's own spelling.
STORED: list[tuple[str, dict[str, Any], str]] = [
    (
        "place_order",
        {"symbol": "AAPL", "action": "BUY", "totalQuantity": 1},
        "c800d6c7eb1b83c4b744cb8ff7527a971fe5d3a9719c06adc067be22baafad36",
    ),
    (
        "place_order",
        {
            "symbol": "AAPL",
            "action": "BUY",
            "totalQuantity": 10,
            "orderType": "LMT",
            "lmtPrice": 150.25,
            "tif": "GTC",
            "outsideRth": True,
            "account": "DU123",
            "idempotencyKey": "order-0001",
        },
        "6a718dd76d1e9117adfeacf01453c56a3e606116e811402a6ec996359b7fb3ed",
    ),
    (
        "place_order",
        {
            "symbol": "SPY",
            "secType": "OPT",
            "lastTradeDateOrContractMonth": "20250718",
            "strike": 400,
            "right": "P",
            "multiplier": "100",
            "action": "SELL",
            "totalQuantity": 2,
            "orderType": "STP LMT",
            "lmtPrice": 1.5,
            "auxPrice": 1.6,
        },
        "e55add54993f7e9b0bb8b1d7d9719d51fc32d4e97b72add41861206bebd59a28",
    ),
    (
        "place_order",
        {
            "symbol": "ES",
            "secType": "FUT",
            "exchange": "CME",
            "conId": 1870000305,
            "action": "BUY",
            "totalQuantity": 1,
            "orderType": "TRAIL",
            "trailingPercent": 2.5,
        },
        "34749a979d26690a4303041ca85b742e25af73656f79712d6d29445a944910e8",
    ),
    (
        "place_bracket_order",
        {
            "symbol": "AAPL",
            "action": "BUY",
            "totalQuantity": 5,
            "takeProfitPrice": 210.0,
            "stopLossPrice": 190,
            "lmtPrice": 200,
        },
        "14f6382c8fa0b5382fb937ac3dd266a86d8bd6d566822a04303bb422b9357094",
    ),
    (
        "modify_order",
        {"orderId": 7, "lmtPrice": 151.5},
        "556ab77168ad66a7df991cc6058672c9d4090b4f3e1b250c1292dbabe8c33cac",
    ),
    (
        "modify_order",
        {"orderId": 0, "orderKey": "order-0001", "totalQuantity": 3, "tif": "GTC"},
        "6748d49d19c2d78d788c193b55fe78a530dd1c152711728e33d74caf18beb759",
    ),
    ("cancel_order", {"orderId": 7}, "b7de58aec5317614c28566b9025f0c87b1c74c0028d5a85168a62d2173f91488"),
    (
        "cancel_order",
        {"orderId": 0, "permId": 123456789},
        "b2c182f67d08ecd08a619025507073fc6aed38c17868c4f5d5c5e8a8198b24ba",
    ),
    (
        "cancel_order",
        {"orderId": 0, "orderKey": "order-0001"},
        "b8d00e6431885c1d2400e7327b985cb0dbc88831fc530ed659c87478cf9e014c",
    ),
    ("cancel_all_orders", {}, "d66fea361a6644a85f8fc5ffaa305c9be9f5e854931d5ac98c10619be84e7004"),
    ("cancel_all_orders", {"everyClient": True}, "9ba70c195550c9052e68fc02fd7a439b3d1a3bfe81753d2681a92b0bd6e36fd7"),
]

FORMS: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("place_order", {"action": "buy", "symbol": " aapl "}, {"action": "BUY", "symbol": "AAPL"}),
    ("place_order", {"tif": "good till cancelled", "totalQuantity": "1"}, {"tif": "GTC", "totalQuantity": 1}),
    ("place_order", {"totalQuantity": 1.0, "secType": None, "exchange": "", "lmtPrice": 0}, {}),
    (
        "place_order",
        {"orderType": "stop_limit", "lmtPrice": 2, "auxPrice": 1},
        {"orderType": "STP LMT", "lmtPrice": 2.0, "auxPrice": 1.0},
    ),
    (
        "place_order",
        {
            "secType": "option",
            "right": "Call",
            "lastTradeDateOrContractMonth": "2025-07-18",
            "strike": "400",
            "multiplier": 100,
        },
        {
            "secType": "OPT",
            "right": "C",
            "lastTradeDateOrContractMonth": "20250718",
            "strike": 400.0,
            "multiplier": "100",
        },
    ),
]
BARE = {"symbol": "AAPL", "action": "BUY", "totalQuantity": 1}


def digest(operation: str, arguments: dict[str, Any]) -> str:
    declared = OPERATIONS[operation]
    return digest_of(declared, declared.request.model_validate(arguments))


@pytest.mark.trial("D2")
@pytest.mark.parametrize(("operation", "arguments", "stored"), STORED)
def test_a_record_of_an_earlier_release_matches_the_same_call(
    operation: str, arguments: dict[str, Any], stored: str
) -> None:
    assert digest(operation, arguments) == stored


@pytest.mark.trial("D2")
@pytest.mark.parametrize(("operation", "written", "normal"), FORMS)
def test_a_human_form_and_its_normal_form_are_the_same_call(
    operation: str, written: dict[str, Any], normal: dict[str, Any]
) -> None:
    assert digest(operation, BARE | written) == digest(operation, BARE | normal)
    assert digest(operation, BARE | written) != digest(operation, BARE | normal | {"totalQuantity": 2})


@pytest.mark.trial("E7")
@pytest.mark.parametrize("operation", ["cancel_order", "modify_order"])
def test_an_order_named_without_orderid_is_the_same_call_as_with_orderid_0(operation: str) -> None:
    named = {"orderKey": "order-0001"} | ({"tif": "GTC"} if operation == "modify_order" else {})

    assert digest(operation, named) == digest(operation, named | {"orderId": 0})
