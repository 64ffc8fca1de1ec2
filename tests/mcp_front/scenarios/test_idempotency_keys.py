"""A write goes out under a key that its caller always learns, and never twice."""

import json
from typing import Any

import pytest

from bridge.bus.server.request import RequestContext
from bridge.tool import ToolError
from mcp_front.protocol.results import ERROR_META
from tests.stacks.front import serving, worker
from tests.stacks.handlers import ORDER, REPORT, failing, filling

KEY = "my-key-0001"


async def refused(context: RequestContext) -> bytes:
    raise ToolError("read_only", "This session is read-only.")


async def test_same_key_is_answered_again_and_sent_once(redis_url: str, session: str) -> None:
    sent: list[RequestContext] = []
    async with worker(redis_url, session, {"place_order": filling(sent)}), serving(redis_url, session) as front:
        first = await front.raw().call("ibkr_place_order", **ORDER, idempotencyKey=KEY)
        again = await front.raw().call("ibkr_place_order", **ORDER, orderType="MKT", idempotencyKey=KEY)

    assert len(sent) == 1
    assert first["structuredContent"] == REPORT | {"idempotencyKey": KEY}
    told = again["structuredContent"]
    assert told == REPORT | {"idempotencyKey": KEY, "replayed": True, "message": told["message"]}
    assert told["message"].startswith("Replayed: the answer of 20")


async def test_key_that_was_made_can_be_asked_again(redis_url: str, session: str) -> None:
    sent: list[RequestContext] = []
    async with worker(redis_url, session, {"place_order": filling(sent)}), serving(redis_url, session) as front:
        first = await front.raw().call("ibkr_place_order", **ORDER)
        key = first["structuredContent"]["idempotencyKey"]
        again = await front.raw().call("ibkr_place_order", **ORDER, idempotencyKey=key)

    assert len(sent) == 1
    assert again["structuredContent"]["replayed"] is True


@pytest.mark.fault(94)
async def test_same_key_for_another_order_is_a_conflict(redis_url: str, session: str) -> None:
    sent: list[RequestContext] = []
    async with worker(redis_url, session, {"place_order": filling(sent)}), serving(redis_url, session) as front:
        await front.raw().call("ibkr_place_order", **ORDER, idempotencyKey=KEY)
        other = await front.raw().call("ibkr_place_order", **(ORDER | {"totalQuantity": 2}), idempotencyKey=KEY)

    assert len(sent) == 1
    assert other["_meta"][ERROR_META]["code"] == "idempotency_conflict"


@pytest.mark.parametrize("served_before", [False, True])
async def test_without_a_worker_an_order_is_certainly_not_executed_where_redis_has_a_history(
    redis_url: str, session: str, served_before: bool
) -> None:
    if served_before:
        async with worker(redis_url, session, {}):
            pass
    async with serving(redis_url, session) as front:
        result = await front.raw().call("ibkr_place_order", **ORDER, idempotencyKey=KEY)

    error = result["_meta"][ERROR_META]
    code = "not_executed" if served_before else "unknown"  # an empty Redis may have lost an earlier call
    assert (error["code"], error["idempotencyKey"]) == (code, KEY)
    assert "worker" in error["message"]
    assert "Start" in error["message"]


@pytest.mark.parametrize(("tool", "change"), [("cancel_order", {}), ("modify_order", {"totalQuantity": 2})])
async def test_key_of_a_cancel_or_a_change_does_not_pass_for_the_orders(
    redis_url: str, session: str, tool: str, change: dict[str, Any]
) -> None:
    handlers = {tool: filling([])}  # of an order placed elsewhere, whose key nobody knows
    async with worker(redis_url, session, handlers), serving(redis_url, session) as front:
        result = await front.raw().call(f"ibkr_{tool}", orderId=7, idempotencyKey=KEY, **change)

    assert result["structuredContent"]["idempotencyKey"] is None


async def test_cancellation_keeps_the_key_that_the_order_was_placed_under(redis_url: str, session: str) -> None:
    sent: list[RequestContext] = []
    placed = REPORT | {"idempotencyKey": "the-key-of-the-order"}
    handlers = {"cancel_order": filling(sent, placed)}
    async with worker(redis_url, session, handlers), serving(redis_url, session) as front:
        result = await front.raw().call("ibkr_cancel_order", orderId=7)

    (asked,) = sent
    assert json.loads(asked.arguments) == {"orderId": 7, "idempotencyKey": asked.key}
    assert result["structuredContent"] == placed


async def test_open_outcome_of_a_cancellation_names_its_own_key(redis_url: str, session: str) -> None:
    handlers = {"cancel_order": failing(lambda: ToolError("pending", "Retry with the same key."))}
    async with worker(redis_url, session, handlers), serving(redis_url, session) as front:
        result = await front.raw().call("ibkr_cancel_order", orderId=7, idempotencyKey=KEY)

    error: dict[str, Any] = result["_meta"][ERROR_META]
    assert error["code"] == "pending"
    assert KEY in error["message"]
