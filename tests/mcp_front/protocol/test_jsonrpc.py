"""The head of a JSON-RPC message: what is asked, whether it reduces risk, and a refusal in its own words."""

import json
from typing import Any

import pytest
from starlette.types import Message

import bridge.tools.orders
import bridge.tools.session  # noqa: F401 - the declarations fill the registry
from bridge.tool import ToolError
from mcp_front.protocol.jsonrpc import BODY_LIMIT, JsonRpcHead, body_of, is_modern, parse_head, refuse


def come(*chunks: bytes) -> list[Message]:
    last = len(chunks) - 1
    return [{"type": "http.request", "body": each, "more_body": n < last} for n, each in enumerate(chunks)]


def head_of(message: object) -> JsonRpcHead:
    head = parse_head(come(json.dumps(message).encode()))
    assert head is not None
    return head


@pytest.mark.parametrize(
    ("tool", "halts", "relieves"),
    [
        ("ibkr_halt_trading", True, True),
        ("ibkr_cancel_order", False, True),
        ("ibkr_get_status", False, True),
        ("ibkr_place_order", False, False),
        ("no_such_tool", False, False),
        (["ibkr_halt_trading"], False, False),
    ],
)
def test_a_call_that_reduces_risk_is_known_by_its_tool(tool: Any, halts: bool, relieves: bool) -> None:
    head = head_of({"id": 1, "method": "tools/call", "params": {"name": tool}})

    assert (head.halts, head.relieves) == (halts, relieves)


def test_another_method_is_no_call_whatever_it_names() -> None:
    head = head_of({"id": 1, "method": "tools/list", "params": {"name": "ibkr_halt_trading"}})

    assert (head.halts, head.relieves) == (False, False)


def test_what_is_no_message_has_an_empty_head_and_what_nobody_can_read_has_none() -> None:
    assert parse_head(come(b"{")) == JsonRpcHead()
    assert parse_head(come(b'{"id":' + b"[" * 100_000)) is None


async def test_a_body_is_read_up_to_its_limit() -> None:
    chunks = iter([*come(b"x" * BODY_LIMIT, b"y", b"z")])

    async def receive() -> Message:
        return next(chunks)

    assert [len(each["body"]) for each in await body_of(receive)] == [BODY_LIMIT, 1]


@pytest.mark.parametrize("odd", [b"NaN", b'"\\ud83d"', b'"\xff"', b"9" * 5000, b'"a\nb"'])
def test_a_call_that_reduces_risk_is_known_in_json_that_is_not_strict(odd: bytes) -> None:
    body = b'\xef\xbb\xbf{"id":1,"method":"tools/call","params":{"arguments":{"a":%b},"name":"ibkr_cancel_order"}}'

    head = parse_head(come(body % odd))

    assert head is not None
    assert (head.id, head.relieves) == (1, True)


@pytest.mark.parametrize(("version", "modern"), [(b"2026-07-28", True), (b"2025-11-25", False), (b"", False)])
def test_the_era_is_that_of_the_header(version: bytes, modern: bool) -> None:
    assert is_modern({"headers": [(b"mcp-protocol-version", version)]}) == modern


@pytest.mark.parametrize(("method", "status"), [("tools/call", 200), ("tools/list", 429)])
async def test_a_refusal_is_the_tools_own_for_a_call_and_https_word_else(method: str, status: int) -> None:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(dict(message))

    await refuse(head_of({"id": 7, "method": method}), ToolError("paced", "Wait.", retry_after_s=1.2), True, send)
    body = json.loads(sent[1]["body"])

    assert (sent[0]["status"], dict(sent[0]["headers"])[b"retry-after"], body["id"]) == (status, b"2", 7)
    assert ("result" in body) == (status == 200)
    assert "Wait." in sent[1]["body"].decode()
