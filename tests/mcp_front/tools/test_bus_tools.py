"""A tool of the worker: arguments, caller and trace go over the bus, and a write has a key that its caller learns."""

import json

import pytest

from bridge.bus.server.request import RequestContext
from bridge.tool import ToolError
from mcp_front.protocol.results import ERROR_META
from tests.stacks.front import ERAS, serving, worker
from tests.stacks.handlers import ORDER, PNL, Recorder, failing, filling

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


async def test_worker_gets_the_stated_arguments_the_caller_and_the_trace(redis_url: str, session: str) -> None:
    recorder = Recorder([])
    async with worker(redis_url, session, {"get_historical_data": recorder}), serving(redis_url, session) as front:
        await front.raw(traceparent=TRACE).call("ibkr_get_historical_data", symbol="VTI", conId="7")

    (asked,) = recorder.asked
    assert json.loads(asked.arguments) == {"symbol": "VTI", "conId": 7}
    assert (asked.caller, asked.traceparent, asked.key) == ("local", TRACE, None)
    assert len(asked.request_id) == 16


async def test_trace_in_the_requests_meta_goes_before_the_header(redis_url: str, session: str) -> None:
    recorder = Recorder(PNL)
    async with worker(redis_url, session, {"get_pnl": recorder}), serving(redis_url, session) as front:
        await front.raw(traceparent="00-" + "1" * 32 + "-" + "2" * 16 + "-00").call(
            "ibkr_get_pnl", {"traceparent": TRACE}
        )
        await front.raw(traceparent="nonsense\twith\ttabs").call("ibkr_get_pnl")

    assert [asked.traceparent for asked in recorder.asked] == [TRACE, None]


KEY = "my-key-0001"


async def refused(context: RequestContext) -> bytes:
    raise ToolError("read_only", "This session is read-only.")


@pytest.mark.parametrize("era", ERAS)
async def test_key_is_made_sent_and_returned(redis_url: str, session: str, era: str) -> None:
    sent: list[RequestContext] = []
    async with worker(redis_url, session, {"place_order": filling(sent)}), serving(redis_url, session) as front:
        result = await front.raw(era).call("ibkr_place_order", **ORDER)

    key = result["structuredContent"]["idempotencyKey"]
    (asked,) = sent
    assert asked.key == key
    assert json.loads(asked.arguments) == ORDER | {"idempotencyKey": key}
    assert key in result["content"][0]["text"]


@pytest.mark.parametrize("code", ["pending", "unknown"])
async def test_open_outcome_names_the_key_to_ask_again_with(redis_url: str, session: str, code: str) -> None:
    handlers = {"place_order": failing(lambda: ToolError(code, "The gateway has not answered."))}
    async with worker(redis_url, session, handlers), serving(redis_url, session) as front:
        result = await front.raw().call("ibkr_place_order", **ORDER)

    error = result["_meta"][ERROR_META]
    assert error["code"] == code
    assert f"idempotencyKey={error['idempotencyKey']}" in result["content"][0]["text"]
    assert "key" not in error


async def test_refusal_names_the_key_too(redis_url: str, session: str) -> None:
    async with worker(redis_url, session, {"place_order": refused}), serving(redis_url, session) as front:
        result = await front.raw().call("ibkr_place_order", **ORDER, idempotencyKey=KEY)

    assert result["_meta"][ERROR_META] == {
        "code": "read_only",
        "message": "This session is read-only.",
        "idempotencyKey": KEY,
    }
