"""A call that reduces risk is mended where its form alone is wrong, and never where it is unclear."""

import json
from typing import Any

import pytest
from starlette.types import Message

import bridge.tools.orders
import bridge.tools.session  # noqa: F401 - the declarations fill the registry
from mcp_front.protocol.envelope import Malformed, parse_envelope
from mcp_front.protocol.lenient_requests import mended, mended_headers

BODY = '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"%s","arguments":%s}}'
CANCEL, ALL, HALT, STATUS = "ibkr_cancel_order", "ibkr_cancel_all_orders", "ibkr_halt_trading", "ibkr_get_status"


def come(body: bytes | str) -> list[Message]:
    whole = body if isinstance(body, bytes) else body.encode()
    return [{"type": "http.request", "body": whole[:9], "more_body": True}, {"type": "http.request", "body": whole[9:]}]


def read(body: bytes | str) -> dict[str, Any]:
    return parse_envelope(b"".join(each["body"] for each in mended(come(body))))


@pytest.mark.trial("E1")
@pytest.mark.parametrize(
    ("tool", "given", "understood"),
    [
        (CANCEL, json.dumps('{"orderId":7}'), {"orderId": 7}),
        (CANCEL, '[{"orderId":7}]', {"orderId": 7}),
        (CANCEL, json.dumps(['{"orderId":7}']), {"orderId": 7}),
        (CANCEL, '{"orderId":7,"x":1,"x":2}', {"orderId": 7, "x": 2}),
        (CANCEL, '{"orderId":7,"orderId":7}', {"orderId": 7}),
        (CANCEL, '{"orderId":7,"reason":"\\ud83d"}', {"orderId": 7, "reason": "?"}),
        (CANCEL, '{"orderId":7,"reason":"a\nb"}', {"orderId": 7, "reason": "a\nb"}),
        (CANCEL, '{"orderId":7,"x":%s}' % ("9" * 5000), {"orderId": 7, "x": "9" * 5000}),
        (ALL, "[]", {}),
        (ALL, '""', {}),
        (ALL, '"null"', {}),
        (ALL, '[{"symbol":"AAPL"}]', {"symbol": "AAPL"}),
        (HALT, '"at once"', {"arguments": "at once"}),
        (HALT, "5", {"arguments": 5}),
        (HALT, '{"cancelOrders":true,"cancelOrders":false}', {"cancelOrders": [True, False]}),
        (STATUS, "[1,2]", {"arguments": [1, 2]}),
    ],
)
def test_arguments_whose_meaning_is_plain_are_understood(tool: str, given: str, understood: dict[str, Any]) -> None:

    assert read(BODY % (tool, given))["params"]["arguments"] == understood


@pytest.mark.trial("E1")
@pytest.mark.parametrize(
    ("tool", "given"),
    [
        (CANCEL, '{"orderId":7,"orderId":8}'),
        (CANCEL, '{"orderId":7,"orderId":8,"reason":"\\ud83d"}'),
        (CANCEL, '{"order_id":7,"order_id":8}'),
        (CANCEL, '{"orderKey":"one","orderKey":"two"}'),
        (CANCEL, json.dumps('{"orderId":7,"orderId":8}')),
        (CANCEL, '[{"orderId":7},{"orderId":8}]'),
        (CANCEL, "7"),
        (ALL, '{"everyClient":true,"everyClient":false}'),
        (ALL, '"those of AAPL"'),
        (HALT, '{},"arguments":{}'),
        (HALT, '{},"name":"ibkr_cancel_order"'),
        ("ibkr_get_positions", json.dumps("{}")),
        ("ibkr_place_order", '{"x":1,"x":1}'),
    ],
)
def test_what_is_unclear_and_what_may_add_risk_stays_refused(tool: str, given: str) -> None:
    with pytest.raises(Malformed):
        read(BODY % (tool, given))


def test_a_name_that_is_there_twice_stays_so_in_a_text_with_bad_utf_8() -> None:
    with pytest.raises(Malformed):
        read((BODY % (CANCEL, '{"orderId":7,"orderId":8,"reason":"!"}')).encode().replace(b"!", b"\xff"))


@pytest.mark.trial("E1")
@pytest.mark.parametrize(
    ("written", "instead"),
    [
        ('"id":1,', '"id":1.0,'),
        ('"id":1,', '"id":1,"id":1,'),
        ('"2.0"', "2"),
        ('"jsonrpc":"2.0",', ""),
        ('"params":{', '"params":{"_meta":5,'),
        ('"params":{', '"params":{"_meta":{"progressToken":1.5},'),
        ('"params":{', '"params":{"_meta":{"progressToken":true,"progressToken":[]},'),
        ("{", "\ufeff{"),
    ],
)
def test_an_envelope_whose_meaning_is_plain_is_understood(written: str, instead: str) -> None:
    message = read((BODY % (CANCEL, '{"orderId":7}')).replace(written, instead, 1))

    assert (message["id"], type(message["id"]), message["params"]["arguments"]) == (1, int, {"orderId": 7})
    assert not message["params"].get("_meta")


@pytest.mark.parametrize("id", ["null", "1.5", "{}", '"%s"' % ("x" * 300), '1,"id":2'])
def test_a_call_whose_answer_nobody_could_match_stays_refused(id: str) -> None:
    with pytest.raises(Malformed):
        read((BODY % (CANCEL, '{"orderId":7}')).replace('"id":1', f'"id":{id}'))


@pytest.mark.parametrize(
    ("given", "understood"),
    [
        ({"accept": "text/event-stream"}, {"accept": "application/json, text/event-stream"}),
        ({"accept": "text/html"}, {"accept": "application/json"}),
        ({"accept": "application/json"}, {"accept": "application/json"}),
        ({"accept": "*/*"}, {"accept": "*/*"}),
        ({"content-type": "text/plain"}, {"content-type": "application/json"}),
        ({"content-type": ""}, {"content-type": "application/json"}),
        ({"content-type": "application/json; charset=utf-8"}, {"content-type": "application/json; charset=utf-8"}),
        *(
            ({"content-type": "text/plain"} | each, {"content-type": "text/plain"} | each)
            for each in ({"origin": "http://localhost:1"}, {"origin": "null"}, {"sec-fetch-site": "cross-site"})
        ),
    ],
)
def test_headers_are_mended_and_no_browsers_content_type(given: dict[str, str], understood: dict[str, str]) -> None:
    usual = {"content-type": "application/json"}
    headers = [(name.encode(), value.encode()) for name, value in (usual | given).items()]

    found = {name.decode(): value.decode() for name, value in mended_headers(headers)}

    assert found == usual | understood
