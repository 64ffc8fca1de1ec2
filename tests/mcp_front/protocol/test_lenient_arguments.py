"""Arguments of calls that reduce risk: what can be understood is taken, and the rest is named."""

from typing import Any

import pytest

from bridge.bus.server.request import RequestContext
from mcp_front.protocol.results import ERROR_META
from tests.stacks.front import serving, worker
from tests.stacks.handlers import REPORT, cancelling


@pytest.mark.trial("E1")
@pytest.mark.parametrize("given", [{"cancel_orders": True}, {"cancelOrders": "yes"}, {"CancelOrders": 1}])
async def test_cancelling_with_a_halt_is_understood_in_any_spelling(
    redis_url: str, session: str, given: dict[str, Any]
) -> None:
    sent: list[RequestContext] = []
    async with worker(redis_url, session, cancelling(sent)), serving(redis_url, session) as front:
        result = await front.raw().call("ibkr_halt_trading", reason="odd fills", **given)

    assert result["structuredContent"]["cancelled"] == [REPORT]


@pytest.mark.trial("E1")
@pytest.mark.parametrize(
    ("tool", "given"),
    [
        ("ibkr_cancel_order", {"orderId": 7, "reason": "fat finger – sorry"}),
        ("ibkr_cancel_order", {"order_id": "7", "symbol": "AAPL"}),
        ("ibkr_cancel_order", {"orderId": 7, "idempotencyKey": "odd key!"}),
        ("ibkr_cancel_order", {"orderKey": "a-key-of-the-order", "orderId": None}),
        ("ibkr_cancel_order", {"orderKey": " a-key-of-the-order\n"}),
        ("ibkr_cancel_order", {"orderId": " 7 "}),
        ("ibkr_cancel_all_orders", {"reason": "stop", "confirm": True}),
        ("ibkr_cancel_all_orders", {"everyClient": "perhaps", "idempotencyKey": 5}),
    ],
)
async def test_a_cancel_is_carried_out_whatever_else_its_arguments_say(
    redis_url: str, session: str, tool: str, given: dict[str, Any]
) -> None:
    sent: list[RequestContext] = []
    async with worker(redis_url, session, cancelling(sent)), serving(redis_url, session) as front:
        result = await front.raw().call(tool, **given)

    assert "isError" not in result or not result["isError"]
    assert len(sent) == 1
    odd = {"reason", "symbol", "confirm"} & given.keys() or "idempotencyKey" in given
    assert ("Of the arguments: " in result["structuredContent"]["message"]) == bool(odd)


@pytest.mark.trial("E1")
@pytest.mark.parametrize("given", [{"symbol": "AAPL"}, {"account": "DU1"}, {"order_id": 7}, {"action": "BUY"}])
async def test_a_cancel_of_some_orders_is_not_taken_for_one_of_all(
    redis_url: str, session: str, given: dict[str, Any]
) -> None:
    sent: list[RequestContext] = []
    async with worker(redis_url, session, cancelling(sent)), serving(redis_url, session) as front:
        result = await front.raw().call("ibkr_cancel_all_orders", **given)

    assert result["_meta"][ERROR_META]["code"] == "invalid_arguments"
    assert sent == []
