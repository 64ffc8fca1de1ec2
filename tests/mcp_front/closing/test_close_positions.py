"""Closing several positions by one call: each has an order of its own under a key of its own, shorts first."""

import json
from typing import Any

from bridge.bus.server.request import RequestContext
from bridge.tool import ToolError
from mcp_front.closing.close_positions import MOST, key_of
from mcp_front.protocol.results import ERROR_META
from tests.stacks.front import answering, serving, worker
from tests.stacks.handlers import CONTRACT, REPORT

HELD = {1: 10.0, 2: -5.0, 3: 7.0}  # by conId
KEY = "close-everything"


def position(conId: int, held: float) -> dict[str, Any]:
    return {"account": "DU1", "contract": CONTRACT | {"conId": conId}, "position": held, "avgCost": None}


async def test_each_position_has_its_own_order_and_a_repetition_has_the_same_keys(redis_url: str, session: str) -> None:
    sent: list[tuple[str | None, int]] = []

    async def closing(asked: RequestContext) -> bytes:
        conId = json.loads(asked.arguments)["conId"]
        if conId == 3:
            raise ToolError("nothing_to_close", "Open SELL orders close it already.")
        await asked.accept()
        sent.append((asked.key, conId))
        return json.dumps(REPORT | {"filled": abs(HELD[conId]), "message": "The order is filled."}).encode()

    handlers = {
        "get_positions": answering([position(*each) for each in HELD.items()]),
        "close_position": closing,
        "get_open_orders": answering([REPORT | {"orderId": 30 + number} for number in range(6)]),
    }
    async with worker(redis_url, session, handlers), serving(redis_url, session) as front:
        call = front.raw().call
        first = (await call("ibkr_close_positions", everything=True, idempotencyKey=KEY))["structuredContent"]
        await call("ibkr_close_positions", everything=True, idempotencyKey=KEY)
        one = (await call("ibkr_close_positions", conId=1, idempotencyKey=KEY))["structuredContent"]
        vague = await call("ibkr_close_positions", symbol=None)
        both = await call("ibkr_close_positions", symbol="AAPL", everything=True)

    assert [(each["conId"], each.get("status"), each.get("error")) for each in first["positions"]] == [
        (2, "Filled", None), (1, "Filled", None), (3, None, "nothing_to_close"),
    ]  # fmt: skip
    assert (first["count"], first["unclosed"], first["idempotencyKey"]) == (3, 1, KEY)
    assert first["message"].startswith("2 of 3 positions are closed.")
    assert first["message"].endswith("6 other open orders remain and may trade (orderId 30, 31, 32, 33, 34, …).")
    assert "message" not in first["positions"][0]
    assert sent == [(key_of(KEY, "DU1", conId), conId) for conId in (2, 1)]
    assert [each["conId"] for each in one["positions"]] == [1]
    assert "Replayed" in one["positions"][0]["message"]
    assert (one["unclosed"], "still listed" in one["message"]) == (1, True)  # it may have been opened since
    assert [each["_meta"][ERROR_META]["code"] for each in (vague, both)] == ["invalid_arguments"] * 2


async def test_more_positions_than_one_call_closes_are_refused_and_none_is_closed(redis_url: str, session: str) -> None:
    many = [position(conId, 1.0) for conId in range(1, MOST + 2)]
    async with (
        worker(redis_url, session, {"get_positions": answering(many)}),  # a call of close_position would fail
        serving(redis_url, session) as front,
    ):
        refused = await front.raw().call("ibkr_close_positions", everything=True)

    assert refused["_meta"][ERROR_META]["code"] == "too_large"
    assert "one call closes at most 50" in refused["content"][0]["text"]


async def test_what_is_closed_in_part_or_waits_for_a_person_is_not_called_closed(redis_url: str, session: str) -> None:
    async def closing(asked: RequestContext) -> bytes:
        if json.loads(asked.arguments)["conId"] == 2:
            raise ToolError("approval_required", "A live order needs a person's approval.")
        await asked.accept()
        return json.dumps(REPORT | {"totalQuantity": 6.0, "filled": 6.0}).encode()

    async def unknown(asked: RequestContext) -> bytes:
        raise ToolError("not_ready", "The open orders are not known yet.")

    handlers = {
        "get_positions": answering([position(1, 10.0), position(2, 5.0)]),
        "close_position": closing,
        "get_open_orders": unknown,
    }
    async with worker(redis_url, session, handlers), serving(redis_url, session) as front:
        told = (await front.raw().call("ibkr_close_positions", everything=True, idempotencyKey=KEY))[
            "structuredContent"
        ]

    assert (told["count"], told["unclosed"]) == (2, 2)
    assert "In part: 6 of 10 " in told["message"]
    assert "Whether open orders remain is not known (not_ready): read ibkr_get_open_orders." in told["message"]
    assert f"1 wait for a person's approval: then call again with idempotencyKey={KEY}." in told["message"]
