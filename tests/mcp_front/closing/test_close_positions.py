"""Closing several positions by one call: each has an order of its own under a key of its own, shorts first."""

import asyncio
import json
from collections import Counter
from typing import Any

from bridge.bus.halt import RELEASE
from bridge.bus.server.request import RequestContext
from bridge.tool import ToolError
from bridge.tools.order_report import CANCEL_UNCONFIRMED
from mcp_front.closing.close_positions import AT_ONCE, LISTED, key_of
from mcp_front.protocol.results import ERROR_META
from mcp_front.timing import FrontTiming
from tests.stacks.front import answering, serving, worker
from tests.stacks.handlers import CONTRACT, REPORT
from tests.stacks.whole import whole_stack
from tests.waiting import until

HELD = {1: 10.0, 2: -5.0, 3: 7.0}  # by conId
KEY = "close-everything"


def to_close(*held: dict[str, Any], **further: Any) -> dict[str, Any]:
    return {"positions": list(held), "unshown": [], "others": []} | further


def position(conId: int, held: float) -> dict[str, Any]:
    return {"account": "DU1", "contract": CONTRACT | {"conId": conId}, "position": held, "avgCost": None}


async def test_each_position_has_its_own_order_and_a_repetition_has_the_same_keys(redis_url: str, session: str) -> None:
    sent: list[tuple[str | None, int]] = []

    async def closing(context: RequestContext) -> bytes:
        conId = json.loads(context.arguments)["conId"]
        if conId == 3:
            raise ToolError("nothing_to_close", "Open SELL orders close it already.")
        await context.accept()
        sent.append((context.key, conId))
        return json.dumps(REPORT | {"filled": abs(HELD[conId]), "message": "The order is filled."}).encode()

    async def positions(context: RequestContext) -> bytes:
        conId = json.loads(context.arguments).get("conId")
        return json.dumps(to_close(*(position(*each) for each in HELD.items() if conId in (None, each[0])))).encode()

    handlers = {
        "get_positions_to_close": positions,
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
    assert first["message"].startswith("2 of 3 positions are closed by this call.")
    assert first["message"].endswith("6 other open orders remain and may trade (orderId 30, 31, 32, 33, 34, …).")
    assert "message" not in first["positions"][0]
    assert sent == [(key_of(KEY, "DU1", conId), conId) for conId in (2, 1)]
    assert [each["conId"] for each in one["positions"]] == [1]
    assert "Replayed" in one["positions"][0]["message"]
    assert (one["unclosed"], "still listed" in one["message"]) == (1, True)  # it may have been opened since
    assert [each["_meta"][ERROR_META]["code"] for each in (vague, both)] == ["invalid_arguments"] * 2


async def test_many_positions_are_closed_some_at_a_time_and_what_time_leaves_is_named(
    redis_url: str, session: str
) -> None:
    begun: list[int] = []
    running: list[int] = [0, 0]  # now, and most

    async def closing(context: RequestContext) -> bytes:
        begun.append(json.loads(context.arguments)["conId"])
        running[0] += 1
        running[1] = max(running)
        await asyncio.sleep(0.01)
        running[0] -= 1
        await context.accept()
        return json.dumps(REPORT | {"message": "The order is filled."}).encode()

    many = [position(conId, 1.0) | {"avgCost": float(conId)} for conId in range(1, LISTED + 11)]
    handlers = {
        "get_positions_to_close": answering(to_close(*many)),
        "close_position": closing,
        "get_open_orders": answering([]),
    }
    late_front = FrontTiming(begin_close_s=-1.0)
    async with (
        worker(redis_url, session, handlers),
        serving(redis_url, session) as front,
        serving(redis_url, session, timing=late_front) as other,
    ):
        told = (await front.raw().call("ibkr_close_positions", everything=True))["structuredContent"]
        late = (await other.raw().call("ibkr_close_positions", everything=True, idempotencyKey=KEY))[
            "structuredContent"
        ]

    assert (told["count"], told["unclosed"], len(told["positions"])) == (len(many), 0, LISTED)
    assert "positions has 100 of 110" in told["message"]
    assert (len(begun), running[1] <= AT_ONCE) == (len(many), True)
    assert set(begun[:AT_ONCE]) == set(range(LISTED + 11 - AT_ONCE, LISTED + 11))  # the largest
    assert (late["count"], late["unclosed"]) == (len(many), len(many))
    assert late["positions"][0]["error"] == "not_executed"
    assert f"{len(many)} were not sent: call again with idempotencyKey={KEY}." in late["message"]


async def test_a_position_whose_exits_are_cancelled_and_whose_close_fails_is_named_first(
    redis_url: str, session: str
) -> None:
    """conId 1: halted meanwhile; 2: the cancel is not confirmed; 3: closed; 4: an exit filled; 5: cancels rejected; 6:
    the close waits for the market."""
    asked_for: Counter[int] = Counter()
    then = {
        1: ToolError("halted", "Trading is halted."), 2: ToolError("nothing_to_close", "Its exits may still fill."),
        4: ToolError("nothing_to_close", "SELL orders have just filled."), 5: ToolError("orders_rest", "They rest."),
    }  # fmt: skip

    async def closing(context: RequestContext) -> bytes:
        conId = json.loads(context.arguments)["conId"]
        asked_for[conId] += 1
        if asked_for[conId] == 1:
            raise ToolError("orders_rest", "Orders rest.", orderIds=[conId])
        if conId in then:
            raise then[conId]
        await context.accept()
        waits = {"status": "PreSubmitted", "filled": 0.0, "remaining": 1.0} if conId == 6 else {}
        return json.dumps(REPORT | waits).encode()

    async def cancel(context: RequestContext) -> bytes:
        orderId = json.loads(context.arguments)["orderId"]
        await context.accept()
        said = {2: CANCEL_UNCONFIRMED, 5: "TWS rejected the cancel (error 161)"}.get(orderId, "")
        status = {2: "Inactive", 5: "Submitted"}.get(orderId, "Cancelled")
        return json.dumps(REPORT | {"orderId": orderId, "status": status, "message": said}).encode()

    held = [
        position(conId, 1.0) | {"contract": CONTRACT | {"conId": conId, "symbol": f"S{conId}"}} for conId in range(1, 7)
    ]
    handlers = {
        "get_positions_to_close": answering(to_close(*held)), "close_position": closing, "cancel_order": cancel,
        "get_open_orders": answering([]),
    }  # fmt: skip
    async with worker(redis_url, session, handlers), serving(redis_url, session) as front:
        told = (await front.raw().call("ibkr_close_positions", everything=True, cancelOrders=True, idempotencyKey=KEY))[
            "structuredContent"
        ]

    summary, _, rest = told["message"].partition("Read the others' status and message. ")
    assert summary == "1 of 6 positions are closed by this call. "
    assert rest.startswith("S1, S2 may have no exit order: cancels were sent, and no close is confirmed.")
    assert "S6 has no exit order but the close, which is open: nothing else protects it until that fills." in rest
    assert f"The kill switch refuses both: place an exit in TWS, or ask the operator. {RELEASE}" in rest
    assert [each.get("cancelled") for each in told["positions"]] == [[1], None, [3], [4], None, [6]]


async def test_what_is_closed_in_part_or_waits_for_a_person_is_not_called_closed(redis_url: str, session: str) -> None:
    async def closing(context: RequestContext) -> bytes:
        if json.loads(context.arguments)["conId"] == 2:
            raise ToolError("approval_required", "A live order needs a person's approval.")
        await context.accept()
        return json.dumps(REPORT | {"totalQuantity": 6.0, "filled": 6.0}).encode()

    async def unknown(context: RequestContext) -> bytes:
        raise ToolError("not_ready", "The open orders are not known yet.")

    handlers = {
        "get_positions_to_close": answering(to_close(position(1, 10.0), position(2, 5.0))),
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


async def test_the_answer_says_what_is_open_and_which_key_to_use(redis_url: str, session: str) -> None:
    """An order of an earlier call that is still open needs no other key; a position may lag behind a fill."""
    late = [{"account": "DU1", "conId": 4, "name": "NVDA"}]
    ended: dict[int, ToolError] = {
        2: ToolError("rejected", "IBKR rejected the order."), 3: ToolError("not_executed", "Nothing was sent."),
        5: ToolError("nothing_to_close", "DU1 holds 0.", position=0.0, flat=True),
    }  # fmt: skip

    async def closing(context: RequestContext) -> bytes:
        conId = json.loads(context.arguments)["conId"]
        if conId in ended:
            raise ended[conId]
        await context.accept()
        status = {"status": "PreSubmitted", "filled": 0.0} if conId == 1 else {"filled": 10.0}
        return json.dumps(REPORT | status).encode()

    async def positions(context: RequestContext) -> bytes:
        wanted = json.loads(context.arguments)
        if wanted.get("symbol") == "NVDA":
            return json.dumps(to_close(unshown=late)).encode()
        if wanted.get("symbol"):
            return json.dumps(to_close(others=["MSFT", "ES SEP25"])).encode()
        return json.dumps(to_close(*(position(conId, 10.0) for conId in (1, 2, 3, 4, 5)), unshown=late)).encode()

    waits = REPORT | {"orderId": 7, "idempotencyKey": key_of(KEY, "DU1", 1), "status": "PreSubmitted"}
    handlers = {
        "get_positions_to_close": positions, "close_position": closing, "get_open_orders": answering([waits]),
    }  # fmt: skip
    async with worker(redis_url, session, handlers), serving(redis_url, session) as front:
        call = front.raw().call
        await call("ibkr_close_positions", everything=True, idempotencyKey=KEY)
        again = (await call("ibkr_close_positions", everything=True, idempotencyKey=KEY))["structuredContent"]
        none = (await call("ibkr_close_positions", symbol="Microsoft", cancelOrders=True))["structuredContent"]
        unshown = (await call("ibkr_close_positions", symbol="NVDA"))["structuredContent"]

    said = again["message"]
    assert (again["count"], again["unclosed"]) == (5, 4)  # NVDA's order has filled, and the position is not updated
    assert "1 orders of this call are open at IBKR, and close when they fill: send no others." in said
    assert "1 were not sent: call again with idempotencyKey=close-everything." in said
    assert "IBKR rejected 1: mend the cause, and call again with another idempotencyKey." in said
    assert "TWS has not updated the position after a fill of NVDA" in said
    assert "1 were answered by an earlier call's order" in said  # NVDA's alone
    assert (again["positions"][4].get("error"), "1 of 5 positions are closed" in said) == (None, True)
    assert again["positions"][4]["message"].startswith("Closed before this call's order: TWS shows no position")
    assert none["message"] == (
        "No position of MICROSOFT is open; this call sent nothing. Open are: MSFT, ES SEP25. Open orders remain, and "
        f"a fill may open a position: {waits['action']} {waits['totalQuantity']:g} AAPL {waits['orderType']} "
        "(orderId 7). cancelOrders cancels only orders that close an open position. ibkr_cancel_order cancels one of "
        "these, ibkr_cancel_all_orders all."
    )
    assert unshown["message"].startswith("TWS shows no position of NVDA yet; this call sent nothing. TWS has not")


IBM: dict[str, Any] = {"symbol": "IBM", "action": "SELL", "takeProfitPrice": 900, "stopLossPrice": 20}


async def test_exits_that_rest_are_cancelled_before_and_one_that_fills_meanwhile_is_not_sold_twice(
    redis_url: str, session: str
) -> None:
    async with whole_stack(redis_url, session) as stack:
        call, sim = stack.front.raw().call, stack.sim
        await call("ibkr_place_bracket_order", totalQuantity=40, exitsOnly=True, idempotencyKey="first-exits", **IBM)
        await call("ibkr_place_bracket_order", totalQuantity=60, exitsOnly=True, idempotencyKey="other-exits", **IBM)
        blocked = (await call("ibkr_close_positions", symbol="IBM"))["structuredContent"]
        sim.fault("on cancelOrder fill this all 900")
        told = (await call("ibkr_close_positions", symbol="IBM", cancelOrders=True, idempotencyKey=KEY))[
            "structuredContent"
        ]

        async def flat() -> bool:
            held = (await call("ibkr_get_positions", symbol="IBM"))["structuredContent"]
            return bool(held["count"] == 0)

        await until(flat, "the position is closed and no short is open")
        again = (await call("ibkr_close_positions", symbol="IBM", cancelOrders=True, idempotencyKey=KEY))[
            "structuredContent"
        ]
        left = (await call("ibkr_get_open_orders"))["structuredContent"]

    closed = told["positions"][0]
    assert "call again with cancelOrders" in blocked["positions"][0]["message"]
    assert len(closed["cancelled"]) in (2, 3)  # the exit that fills ends the other of its group
    assert closed["status"] == "Filled"
    assert closed["filled"] in (40, 60)
    assert "filled before the cancel reached it." in closed["message"]
    assert (again["count"], left["count"]) == (0, 0)
