"""Calls that reduce risk, or show it, are never refused for their form, a quota or a queue."""

import asyncio
import json
from typing import Any

import pytest

from bridge.bus.controls.kill_switch import read_halt
from bridge.bus.keys import Keys
from bridge.bus.server import in_flight
from bridge.bus.server.request import RequestContext
from mcp_front.protocol.results import ERROR_META
from tests.stacks.bus import pipe_to
from tests.stacks.front import ERAS, Running, messages_of, plain_http, serving, worker
from tests.stacks.handlers import cancelling
from tests.waiting import until

RELIEVING: dict[str, dict[str, Any]] = {
    "ibkr_get_status": {},
    "ibkr_cancel_order": {"orderId": 7},
    "ibkr_cancel_all_orders": {},
    "ibkr_halt_trading": {"reason": "a test", "cancelOrders": True},
}


@pytest.mark.trial("E1")
@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({"reason": "stop – now"}, "stop – now"),
        ({"reason": "it’s “odd” — für uns"}, "it’s “odd” — für uns"),
        ({"reason": "line one\r\nline two\t\x00 \u202egone"}, "line one line two gone"),
        ({"reason": "x" * 300}, "x" * 199 + "…"),
        ({"reason": "\ud83d\ude00 \ud800 half a character"}, "😀 ? half a character"),
        ({"reason": "   "}, "no reason given"),
        ({"reason": None}, "no reason given"),
        ({}, "no reason given"),
        ({"reason": 42}, "42"),
        ({"reason": ["a", "list"]}, "['a', 'list']"),
        ({"reason": "odd", "because": {"deep": [1]}, "cancelOrders": "perhaps"}, "odd"),
    ],
)
async def test_trading_is_halted_whatever_the_arguments_say(
    redis_url: str, session: str, era: str, given: dict[str, Any], kept: str
) -> None:
    async with serving(redis_url, session) as front:
        result = await front.raw(era).call("ibkr_halt_trading", **given)
    async with pipe_to(redis_url) as pipe:
        halt = await read_halt(pipe, Keys(session))

    told = result["structuredContent"]
    assert (told["halted"], told["reason"], told["cancelled"]) == (True, kept, None)
    assert halt is not None
    assert halt.reason == kept
    assert ("cancelOrders was not understood" in told["message"]) == ("cancelOrders" in given)
    assert ("there is no argument because" in told["message"]) == ("because" in given)


@pytest.mark.trial("E1")
@pytest.mark.parametrize("era", ERAS)
async def test_the_status_is_told_whatever_the_arguments_say(redis_url: str, session: str, era: str) -> None:
    async with serving(redis_url, session) as front:
        result = await front.raw(era).call("ibkr_get_status", verbose=True, account=[1])

    assert result["structuredContent"]["state"] == "no_worker"


@pytest.mark.trial("E2")
@pytest.mark.parametrize("tool", RELIEVING)
async def test_a_client_whose_calls_are_all_in_use_cancels_halts_and_sees_the_status(
    redis_url: str, session: str, tool: str
) -> None:
    sent: list[RequestContext] = []
    held, go = asyncio.Event(), asyncio.Event()

    async def stuck(_asked: RequestContext) -> bytes:
        held.set()
        await go.wait()
        return b"[]"

    async with (
        worker(redis_url, session, cancelling(sent) | {"get_positions": stuck}),
        serving(redis_url, session, front_calls_at_once=1, front_calls_per_s=0.01, front_burst=2) as front,
    ):
        reading = asyncio.create_task(front.raw().call("ibkr_get_positions"))
        await held.wait()
        refused = await front.raw().call("ibkr_get_positions")
        results = [await front.raw().call(tool, **RELIEVING[tool]) for _ in range(3)]
        go.set()
        await reading

    assert refused["_meta"][ERROR_META]["code"] == "paced"
    assert [each.get("isError", False) for each in results] == [False] * 3


@pytest.mark.trial("E2")
async def test_a_hundred_cancels_at_once_are_all_carried_out(redis_url: str, session: str) -> None:
    sent: list[RequestContext] = []
    async with (
        worker(redis_url, session, cancelling(sent)),
        serving(redis_url, session, front_calls_at_once=4, front_calls_per_s=1, front_burst=4) as front,
    ):
        calls = [front.raw().call("ibkr_cancel_order", orderId=each) for each in range(1, 101)]
        results = await asyncio.gather(*calls)

    assert not any(each.get("isError", False) for each in results)
    assert len(sent) == 100


@pytest.mark.trial("E2")
async def test_a_worker_full_of_placings_takes_a_cancel(
    redis_url: str, session: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(in_flight, "AT_ONCE", 1)
    sent: list[RequestContext] = []
    held, go = asyncio.Event(), asyncio.Event()

    async def stuck(_asked: RequestContext) -> bytes:
        held.set()
        await go.wait()
        raise AssertionError("it is not to be placed")

    order: dict[str, Any] = {"symbol": "AAPL", "action": "BUY", "totalQuantity": 1}
    async with (
        worker(redis_url, session, cancelling(sent) | {"place_order": stuck}),
        serving(redis_url, session) as front,
    ):
        placing = asyncio.create_task(front.raw().call("ibkr_place_order", **order))
        await held.wait()
        refused = await front.raw().call("ibkr_place_order", **order | {"symbol": "IBM"})
        result = await front.raw().call("ibkr_cancel_order", orderId=7)
        go.set()
        await placing

    assert refused["_meta"][ERROR_META]["code"] == "overloaded"
    assert not result.get("isError", False)
    await until(lambda: len(sent) == 1, "the cancel is carried out")


FORMS: dict[str, tuple[str, str]] = {  # a part of the body, and what a client writes in its place
    "a progress token of null": ('"_meta":{', '"_meta":{"progressToken":null,'),
    "a progress token that is none": ('"_meta":{', '"_meta":{"progressToken":1.5,'),
    "an unknown argument twice": ('"arguments":{', '"arguments":{"x":1,"x":1,"y":1,"y":2,'),
    "a number of thousands of digits": ('"arguments":{', '"arguments":{"x":' + "9" * 5000 + ","),
    "no number": ('"arguments":{', '"arguments":{"x":NaN,'),
    "half a character": ('"arguments":{', '"arguments":{"x":"\\ud83d",'),
    "a line break in a text": ('"arguments":{', '"arguments":{"x":"one\ntwo",'),
    "a byte order mark": ('{"jsonrpc"', '\ufeff{"jsonrpc"'),
    "an id of 1.0": ('"id":1', '"id":1.0'),
    "JSON-RPC 2": ('"2.0"', "2"),
}
HEADERS: dict[str, dict[str, str]] = {
    "a stream alone": {"accept": "text/event-stream"},
    "a page": {"accept": "text/html"},
    "a text": {"content-type": "text/plain"},
}
TOLD: dict[str, dict[str, Any]] = {
    "ibkr_cancel_order": {"orderId": 7, "z": 0},
    "ibkr_cancel_all_orders": {"z": 0},
    "ibkr_halt_trading": {"z": 0},
    "ibkr_get_status": {"z": 0},
}


def requests(front: Running, era: str, way: dict[str, str], tool: str) -> dict[str, dict[str, Any]]:
    """Return the call in each form, as httpx takes it."""
    usual = front.raw(era, **way).prepared("tools/call", {"x": 1}, name=tool, arguments=TOLD[tool])
    body, headers = usual["content"], usual["headers"]
    plain = json.dumps(json.loads(body), separators=(",", ":"))
    text, arguments = json.dumps(TOLD[tool]), json.dumps(TOLD[tool], separators=(",", ":"))
    forms = FORMS | {
        "arguments as text": (f'"arguments":{arguments}', f'"arguments":{json.dumps(text)}'),
        "arguments in a list": (f'"arguments":{arguments}', f'"arguments":[{text}]'),
    }
    found = {form: usual | {"content": plain.replace(*parts, 1).encode()} for form, parts in forms.items()}
    assert not any(each["content"] == plain.encode() for each in found.values())
    return found | {form: usual | {"headers": headers | more} for form, more in HEADERS.items()}


@pytest.mark.trial("E1")
@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("way", [{}, {"mcp-session-id": "none"}], ids=["direct", "FastMCP"])
@pytest.mark.parametrize("tool", TOLD)
async def test_what_reduces_risk_is_carried_out_whatever_its_form(
    redis_url: str, session: str, era: str, way: dict[str, str], tool: str
) -> None:
    sent: list[RequestContext] = []
    async with (
        worker(redis_url, session, cancelling(sent)),
        serving(redis_url, session) as front,
        plain_http() as http,
    ):
        asked = requests(front, era, way, tool)
        answers = {form: await http.post(front.endpoint, **each) for form, each in asked.items()}

    results = {form: messages_of(each)[-1] for form, each in answers.items()}
    assert {form: (each["id"], each["result"]["isError"]) for form, each in results.items()} == dict.fromkeys(
        asked, (1, False)
    )
    assert len(sent) == (len(asked) if tool.startswith("ibkr_cancel") else 0)


@pytest.mark.trial("E1")
@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("more", [{"origin": "https://bad.example"}, {"origin": "null"}, {"sec-fetch-site": "none"}])
async def test_a_page_of_another_site_halts_and_cancels_nothing_by_a_text(
    redis_url: str, session: str, era: str, more: dict[str, str]
) -> None:
    sent: list[RequestContext] = []
    async with (
        worker(redis_url, session, cancelling(sent)),
        serving(redis_url, session) as front,
        plain_http() as http,
    ):
        way = {"content-type": "text/plain", **more}
        for tool in ("ibkr_halt_trading", "ibkr_cancel_all_orders"):
            request = front.raw(era, **way).prepared("tools/call", name=tool, arguments={})
            assert (await http.post(front.endpoint, **request)).status_code in (400, 403, 415)
    async with pipe_to(redis_url) as pipe:
        assert await read_halt(pipe, Keys(session)) is None

    assert not sent
