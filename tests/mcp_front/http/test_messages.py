"""A body that is no JSON-RPC message is refused before MCP sees it."""

import json
from typing import Any

import pytest

from tests.stacks.front import ERAS, answering, plain_http, serving, worker
from tests.stacks.handlers import PNL

FASTMCP = {"mcp-session-id": "none"}  # a header that the direct lane leaves to FastMCP
LIST: dict[str, Any] = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}


CALL: dict[str, Any] = LIST | {"method": "tools/call", "params": {"name": "ibkr_get_positions", "arguments": {}}}


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in LIST.items() if key != name}


def calling(**params: Any) -> dict[str, Any]:
    return CALL | {"params": CALL["params"] | params}


# The body, the answer's code and id, and what its message says.
MALFORMED: list[tuple[Any, int, Any, str]] = [
    (LIST | {"id": 1.0}, -32600, None, "id must be a string or a whole number, not 1.0"),
    (LIST | {"id": True}, -32600, None, "not true"),
    (LIST | {"id": None}, -32600, None, "not null"),
    (LIST | {"id": {}}, -32600, None, "not an object"),
    (LIST | {"id": [1]}, -32600, None, "not an array"),
    (LIST | {"id": "x" * 300}, -32600, None, "id has 300 characters: at most 256"),
    (without("id"), -32600, None, "tools/list needs an id"),
    ([LIST], -32600, None, "Batches are not served"),
    ([], -32600, None, "Batches are not served"),
    (without("method"), -32600, 1, "method must be a name"),
    (LIST | {"method": 5}, -32600, 1, "method must be a name, not a number"),
    (LIST | {"method": "x" * 100_000}, -32600, 1, "method has 100000 characters: at most 128"),
    (LIST | {"params": [1]}, -32602, 1, "params must be an object, not an array"),
    (LIST | {"params": "x"}, -32602, 1, "params must be an object, not a string"),
    (LIST | {"params": {"_meta": 1}}, -32602, 1, "params._meta must be an object"),
    (calling(_meta={"progressToken": 1.5}), -32602, 1, "progressToken must be a string or a whole number, not 1.5"),
    (calling(name=None), -32602, 1, "params.name must be a tool's name"),
    (calling(arguments="{}"), -32602, 1, "params.arguments must be an object, not a string"),
    (LIST | {"method": "prompts/get", "params": {"name": "x" * 9_000}}, -32602, 1, "params.name is too long"),
    (LIST | {"method": "resources/read", "params": {"uri": "http://" + "x" * 9_000}}, -32602, 1, "params.uri is too"),
    (LIST | {"jsonrpc": "1.0"}, -32600, 1, 'jsonrpc must be "2.0"'),
    (without("jsonrpc"), -32600, 1, 'jsonrpc must be "2.0"'),
    (5, -32600, None, "A JSON-RPC message is an object, not a number"),
    (b"hello", -32700, None, "not JSON: Expecting value at character 0"),
    (b"", -32700, None, "not JSON"),
    (json.dumps(LIST).encode() * 2, -32700, None, "Extra data"),
    (json.dumps(LIST).encode("utf-16"), -32700, None, "not UTF-8 at byte 0"),
    (b'{"jsonrpc":"2.0","id":1,"method":"\xff"}', -32700, None, "not UTF-8 at byte 34"),
    (b'{"jsonrpc":"2.0","id":"\\ud800","method":"tools/list"}', -32700, None, "surrogate"),
    (b'{"jsonrpc":"2.0","id":1,"id":2,"method":"tools/list"}', -32600, None, '"id" is there twice'),
    (json.dumps(calling(arguments={"a": 1})).replace('"a": 1', '"a": 1, "a": 2').encode(), -32600, None, "twice"),
    (LIST | {"id": float("nan")}, -32600, None, "not NaN"),
    (b'{"id":' + b"9" * 5000 + b"}", -32700, None, "thousands of digits"),
    (b'{"id":' + b"[" * 100_000 + b"]" * 100_000 + b"}", -32700, None, "too deep"),
]


@pytest.mark.trial("B8", "D17")
@pytest.mark.parametrize("era", ERAS)
async def test_malformed_message_is_400_with_the_reason(redis_url: str, session: str, era: str) -> None:
    headers = {"accept": "application/json, text/event-stream", "mcp-protocol-version": era}
    async with serving(redis_url, session) as front, plain_http() as http:
        for body, code, id, said in MALFORMED:
            content = body if isinstance(body, bytes) else json.dumps(body)
            response = await http.post(
                front.endpoint, content=content, headers=headers | {"content-type": "application/json"}
            )
            assert response.status_code == 400, said
            answer = response.json()
            assert (answer["id"], answer["error"]["code"]) == (id, code), said
            assert said in answer["error"]["message"]
            assert len(response.content) < 300


@pytest.mark.parametrize("odd", [{"result": {}, "params": [1]}, {"error": {}, "params": "x"}])
async def test_a_client_that_posts_a_response_with_odd_params_hears_of_its_own_fault(
    redis_url: str, session: str, odd: dict[str, Any]
) -> None:
    async with serving(redis_url, session) as front, plain_http() as http:
        headers = front.raw().prepared("tools/list")["headers"]
        told = await http.post(front.endpoint, json={"jsonrpc": "2.0", "id": 1} | odd, headers=headers)

    assert told.status_code in (202, 400)


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("lane", [{}, FASTMCP], ids=["direct", "FastMCP"])
async def test_a_progress_token_of_null_is_none(redis_url: str, session: str, era: str, lane: dict[str, str]) -> None:
    async with (
        worker(redis_url, session, {"get_pnl": answering(PNL)}),
        serving(redis_url, session) as front,
    ):
        messages = await front.raw(era, **lane).messages(
            "tools/call", {"progressToken": None}, name="ibkr_get_pnl", arguments={}
        )
        listed = await front.raw(era, **lane).request("tools/list", {"progressToken": None})

    assert not messages[-1]["result"]["isError"]
    assert listed["result"]["tools"]
