"""Bodies that are no JSON-RPC message, and clients that accept JSON alone: each gets an answer that says why."""

import json
import time
from typing import Any

import pytest

from mcp_front.protocol.envelope import Malformed, parse_envelope, without_null_token

LIST: dict[str, Any] = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
CALL: dict[str, Any] = LIST | {"method": "tools/call", "params": {"name": "ibkr_get_status", "arguments": {}}}


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in LIST.items() if key != name}


def calling(**params: Any) -> dict[str, Any]:
    return CALL | {"params": CALL["params"] | params}


@pytest.mark.trial("B8")
@pytest.mark.parametrize(
    "message",
    [
        CALL,
        LIST | {"id": "a"},
        LIST | {"id": 0},
        LIST | {"id": -(2**63)},
        LIST | {"id": ""},
        LIST | {"params": None},
        without("params"),
        calling(arguments=None),
        calling(_meta={"progressToken": "x"}),
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        {"jsonrpc": "2.0", "id": 7, "result": {}},
        LIST | {"id": "\U0001f600"},
    ],
)
def test_message_of_the_right_form_passes(message: dict[str, Any]) -> None:
    assert parse_envelope(json.dumps(message).encode()) == message


@pytest.mark.trial("B8")
def test_nothing_but_malformed_is_raised_for_any_cut_of_a_message() -> None:
    whole = json.dumps(calling(arguments={"symbol": "Ä"}), ensure_ascii=False).encode()

    for end in range(len(whole)):
        with pytest.raises(Malformed):
            parse_envelope(whole[:end])


def test_a_name_that_is_there_twice_among_very_many_is_found_at_once() -> None:
    body = b"{" + b",".join(b'"%d":1' % number for number in range(40_000)) + b',"39999":2}'
    began = time.thread_time()
    with pytest.raises(Malformed, match='"39999" is there twice'):
        parse_envelope(body)

    assert time.thread_time() - began < 1


@pytest.mark.parametrize("meta", [{"progressToken": None}, {"progressToken": None, "x": 1}])
def test_a_progress_token_of_null_is_left_out(meta: dict[str, Any]) -> None:
    message = parse_envelope(json.dumps(calling(_meta=meta)).encode())

    assert without_null_token(message)["params"]["_meta"] == {each: meta[each] for each in meta if each == "x"}
