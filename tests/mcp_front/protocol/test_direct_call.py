"""The checks of a direct call are the SDK's: what it would refuse is none."""

import json
from typing import Any

import pytest
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS

from bridge.tool import TOOLS
from bridge.tools import account  # noqa: F401 - its declarations fill the registry
from mcp_front.protocol.direct_call import DirectCall, Headers, direct_answer, direct_call, progress_note
from mcp_front.protocol.results import value_result

MODERN = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
    "io.modelcontextprotocol/clientInfo": {"name": "claude", "version": "1"},
}


def message(meta: Any = None, **changes: Any) -> dict[str, Any]:
    params = {"name": "ibkr_get_positions", "arguments": {"symbol": "NVDA"}} | ({"_meta": meta} if meta else {})
    return {"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": params} | changes


def headers(version: str | None = None, **more: str) -> Headers:
    found = {"content-type": "application/json; charset=utf-8"} | {k.replace("_", "-"): v for k, v in more.items()}
    if version is not None:
        found["mcp-protocol-version"] = version
    return [(name.encode(), value.encode()) for name, value in found.items()]


ROUTED = {"mcp_method": "tools/call", "mcp_name": "ibkr_get_positions"}


@pytest.mark.parametrize("version", [None, *HANDSHAKE_PROTOCOL_VERSIONS])
def test_a_handshake_era_call_needs_no_more_than_its_envelope(version: str | None) -> None:
    assert direct_call(message(), headers(version)) == DirectCall(
        7, "ibkr_get_positions", {"symbol": "NVDA"}, modern=False, client="", meta={}
    )


def test_a_stateless_call_names_its_client() -> None:
    found = direct_call(message(MODERN), headers("2026-07-28", **ROUTED))

    assert found is not None
    assert (found.modern, found.client) == (True, "claude")


@pytest.mark.parametrize(
    ("wrong", "given"),
    [
        ({"method": "tools/list"}, headers()),
        ({}, headers("2031-01-01")),
        ({}, headers("2026-07-28", **ROUTED)),  # no envelope in `_meta`
        ({"params": {"name": "ibkr_get_positions", "_meta": MODERN}}, headers("2026-07-28", mcp_method="tools/call")),
        ({"params": {"name": "ibkr_get_positions", "_meta": MODERN | {"progressToken": 1.5}}}, headers()),
        ({}, headers(mcp_session_id="s")),
        ({}, headers(mcp_param_symbol="NVDA")),
        ({}, headers(content_type="text/plain")),
        ({}, [*headers("2026-07-28", **ROUTED), (b"mcp-name", b"ibkr_get_pnl")]),
        ({}, [*headers("2026-07-28", **ROUTED), (b"mcp-protocol-version", b"2025-11-25")]),
        ({}, [(b"content-type", b"text/plain"), *headers()]),
    ],
)
def test_the_sdk_answers_everything_else(wrong: dict[str, Any], given: Headers) -> None:
    assert direct_call(message(**wrong), given) is None


@pytest.mark.parametrize(
    "meta",
    [
        {},
        None,
        {"io.modelcontextprotocol/protocolVersion": "2025-11-25"},
        {"io.modelcontextprotocol/clientInfo": {"name": 7}},
        {"io.modelcontextprotocol/clientCapabilities": "all"},
        {"progressToken": ["a"]},
    ],
)
def test_a_call_is_checked_though_one_with_the_same_head_was_taken(meta: Any) -> None:
    head = headers("2026-07-28", **ROUTED)
    right, wrong = message(MODERN), message()
    wrong["params"]["_meta"] = MODERN | meta if meta else meta
    assert direct_call(right, head) is not None

    assert direct_call(wrong, head) is None


@pytest.mark.parametrize("arguments", [{"symbol": "NVDA"}, {}, {"symbol": None}])
@pytest.mark.parametrize("token", [1, "one", 2**70])
def test_calls_that_differ_in_arguments_and_progress_are_told_apart(arguments: dict[str, Any], token: Any) -> None:
    asked = message(MODERN | {"progressToken": token})
    asked["params"]["arguments"] = arguments
    found = direct_call(asked, headers("2026-07-28", **ROUTED))

    assert found is not None
    assert (found.arguments, found.meta["progressToken"]) == (arguments, token)


@pytest.mark.parametrize("wrong", [7, "NVDA", ["NVDA"]])
def test_arguments_that_are_no_object_are_no_direct_call(wrong: Any) -> None:
    asked = message(MODERN)
    asked["params"]["arguments"] = wrong

    assert direct_call(asked, headers("2026-07-28", **ROUTED)) is None


def test_a_notification_is_no_call() -> None:
    whole = message()
    del whole["id"]

    assert direct_call(whole, headers()) is None


def test_the_answer_names_the_server_in_2026_alone() -> None:
    spec = TOOLS["ibkr_get_positions"]
    modern = direct_call(message(MODERN), headers("2026-07-28", **ROUTED))
    older = direct_call(message(), headers())
    assert modern is not None
    assert older is not None

    told = [
        json.loads(direct_answer(call, value_result(spec, []), {"name": "ibkr", "version": "1"}))["result"]
        for call in (modern, older)
    ]

    assert told[0]["_meta"]["io.modelcontextprotocol/serverInfo"] == {"name": "ibkr", "version": "1"}
    assert told[0]["resultType"] == "complete"
    assert set(told[1]) == {"_meta", "content", "isError", "structuredContent"}


@pytest.mark.parametrize(("token", "told"), [("p", "p"), (0, 0)])
def test_a_call_with_a_progress_token_is_told_that_it_runs(token: Any, told: Any) -> None:
    call = direct_call(message({"progressToken": token}), headers())

    assert call is not None
    assert json.loads(progress_note(call, 10.0))["params"] == {"progressToken": told, "progress": 10.0}


def test_a_call_without_a_progress_token_is_told_nothing() -> None:
    call = direct_call(message(), headers())

    assert call is not None
    assert progress_note(call, 10.0) == b""
