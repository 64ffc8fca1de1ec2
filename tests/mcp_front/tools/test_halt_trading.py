"""Anybody may set the kill switch, at once and as often as they like; cancelling takes the right to trade."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from bridge.bus.halt import RELEASE, Halt
from bridge.bus.server.request import RequestContext
from bridge.tool import ToolError
from mcp_front.protocol.results import ERROR_META
from mcp_front.timing import FrontTiming
from tests.stacks.front import ERAS, serving, worker
from tests.stacks.handlers import REPORT
from tests.stacks.tokens import as_caller, write_tokens
from tests.stacks.whole import whole_stack
from tests.waiting import until

WITH_ORDERS: dict[str, Any] = {"reason": "it floods", "cancelOrders": True}
TOLD = {"orders": [REPORT], "message": "1 cancelled"}


def cancelling(sent: list[RequestContext], gate: Callable[[], Awaitable[Any]]) -> Any:
    """A worker that takes a cancel of everything, and answers once the gate is open."""

    async def handler(context: RequestContext) -> bytes:
        await context.accept()
        sent.append(context)
        await gate()
        return json.dumps(TOLD).encode()

    return {"cancel_all_orders": handler}


@pytest.mark.fault(103)
@pytest.mark.parametrize("era", ERAS)
async def test_token_that_may_only_read_halts_and_cancels_nothing(
    redis_url: str, session: str, tmp_path: Path, era: str
) -> None:
    sent: list[RequestContext] = []
    tokens = write_tokens(tmp_path / "tokens.json", ["reader"])
    async with (
        worker(redis_url, session, cancelling(sent, lambda: asyncio.sleep(0))),
        serving(redis_url, session, front_tokens_file=tokens) as front,
    ):
        result = await as_caller(front, "reader", era).call("ibkr_halt_trading", **WITH_ORDERS)

    told = result["structuredContent"]
    assert (told["halted"], told["by"], told["cancelled"]) == (True, "reader", None)
    assert "Nothing was cancelled" in told["message"]
    assert 'the "trade" scope' in told["message"]
    assert sent == []


async def test_token_that_may_trade_halts_and_cancels(redis_url: str, session: str, tmp_path: Path) -> None:
    sent: list[RequestContext] = []
    tokens = write_tokens(tmp_path / "tokens.json", ["trader"])
    async with (
        worker(redis_url, session, cancelling(sent, lambda: asyncio.sleep(0))),
        serving(redis_url, session, front_tokens_file=tokens) as front,
    ):
        result = await as_caller(front, "trader").call("ibkr_halt_trading", **WITH_ORDERS)

    assert result["structuredContent"]["cancelled"] == [REPORT]
    assert [asked.caller for asked in sent] == ["trader"]


async def test_halts_at_once_share_a_cancel_and_the_one_after_it(redis_url: str, session: str) -> None:
    sent: list[RequestContext] = []
    opened, timing = asyncio.Event(), FrontTiming(cancel_every_s=0.01)
    handlers = cancelling(sent, opened.wait)
    async with worker(redis_url, session, handlers), serving(redis_url, session, timing=timing) as front:
        first = asyncio.create_task(front.raw().call("ibkr_halt_trading", **WITH_ORDERS))
        await until(lambda: len(sent) == 1, "the first cancels")
        others = [asyncio.create_task(front.raw().call("ibkr_halt_trading", **WITH_ORDERS)) for _ in range(8)]
        await until(lambda: front.front.calls._running.count == 9, "all of them halt")
        await asyncio.sleep(0.1)  # each of them has had the time to cancel too
        assert len(sent) == 1
        opened.set()
        results = await asyncio.gather(first, *others)

    assert [each["structuredContent"]["cancelled"] for each in results] == [[REPORT]] * 9
    assert len(sent) == 2


async def test_halts_one_after_another_do_not_cancel_all_the_time(redis_url: str, session: str) -> None:
    sent: list[RequestContext] = []
    async with (
        worker(redis_url, session, cancelling(sent, lambda: asyncio.sleep(0))),
        serving(redis_url, session, timing=FrontTiming(cancel_every_s=0.2)) as front,
    ):
        began = asyncio.get_running_loop().time()
        for _ in range(3):
            await front.raw().call("ibkr_halt_trading", **WITH_ORDERS)
        took = asyncio.get_running_loop().time() - began

    assert took >= 0.4


@pytest.mark.trial("E2")
async def test_no_number_of_halts_at_once_keeps_one_from_cancelling(redis_url: str, session: str) -> None:
    sent: list[RequestContext] = []
    opened = asyncio.Event()
    async with worker(redis_url, session, cancelling(sent, opened.wait)), serving(redis_url, session) as front:
        tasks = [asyncio.create_task(front.raw().call("ibkr_halt_trading", **WITH_ORDERS)) for _ in range(40)]
        await until(lambda: front.front.calls._running.count == 40, "all of them halt")
        opened.set()
        results = await asyncio.gather(*tasks)

    assert [each["structuredContent"]["cancelled"] for each in results] == [[REPORT]] * 40


async def test_cancel_of_a_halt_can_be_asked_again_by_its_key(redis_url: str, session: str) -> None:
    sent: list[RequestContext] = []

    async def silent(context: RequestContext) -> bytes:
        await context.accept()
        sent.append(context)
        raise ToolError("unknown", "The gateway has not answered. Ask again with the same key.")

    async with worker(redis_url, session, {"cancel_all_orders": silent}), serving(redis_url, session) as front:
        told = (await front.raw().call("ibkr_halt_trading", **WITH_ORDERS))["structuredContent"]
        key = told["idempotencyKey"]
        again = await front.raw().call("ibkr_cancel_all_orders", idempotencyKey=key)

    assert told["cancelled"] is None
    assert f"ibkr_cancel_all_orders with idempotencyKey={key}" in told["message"]
    assert (again["_meta"][ERROR_META]["code"], again["_meta"][ERROR_META]["replayed"]) == ("unknown", True)
    assert [each.key for each in sent] == [key]


async def test_halt_without_a_worker_says_that_nothing_was_cancelled(redis_url: str, session: str) -> None:
    async with worker(redis_url, session, {}):
        pass
    async with serving(redis_url, session) as front:
        told = (await front.raw().call("ibkr_halt_trading", **WITH_ORDERS))["structuredContent"]

    assert (told["halted"], told["cancelled"]) == (True, None)
    assert "Nothing was cancelled: Not executed" in told["message"]


async def test_halts_that_come_together_are_one_request_and_get_one_answer(
    redis_url: str, session: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, asked = asyncio.Event(), list[str]()
    async with serving(redis_url, session) as front:
        to_redis = front.front.bus.halted_by

        async def halted_by(by: str, reason: str) -> tuple[Halt, bool]:
            asked.append(reason)
            await gate.wait()
            return await to_redis(by, reason)

        monkeypatch.setattr(front.front.bus, "halted_by", halted_by)
        first = asyncio.create_task(front.raw().call("ibkr_halt_trading", reason="first"))
        await until(lambda: bool(asked), "the first asks Redis")
        others = [
            asyncio.create_task(front.raw().call("ibkr_halt_trading", reason=f"other {number}")) for number in range(9)
        ]
        await until(lambda: front.front.calls._running.count == 10, "all of them halt")
        gate.set()
        results = await asyncio.gather(first, *others)

    answers = [each["structuredContent"] for each in results]
    assert len(asked) == 2  # the others came while Redis was asked, and it may have been released meanwhile
    assert {(told["halted"], told["reason"], told["since"]) for told in answers} == {
        (True, "first", answers[0]["since"])
    }
    assert all(told == answers[1] for told in answers[1:])


async def test_a_halt_says_what_may_still_fill_what_is_refused_and_how_it_is_released(
    redis_url: str, session: str
) -> None:
    async with whole_stack(redis_url, session) as stack:
        call = stack.front.raw().call
        for price in (50, 51):
            terms: dict[str, Any] = {
                "symbol": "AAPL",
                "action": "BUY",
                "totalQuantity": 1,
                "orderType": "LMT",
                "lmtPrice": price,
            }
            await call("ibkr_place_order", **terms)
        stop: dict[str, Any] = {"action": "SELL", "totalQuantity": 100, "orderType": "STP", "auxPrice": 20}
        await call("ibkr_place_order", symbol="IBM", **stop)
        told = (await call("ibkr_halt_trading", reason="odd"))["structuredContent"]
        cancelled = (await call("ibkr_halt_trading", reason="odd", cancelOrders=True))["structuredContent"]
        closing = await call("ibkr_close_positions", symbol="IBM")
        status = (await call("ibkr_get_status"))["structuredContent"]

    assert told["message"] == (
        "Trading is halted for every client: no new order and no change is sent, not even one that closes a position; "
        "cancels are still allowed. 3 orders stay open and may still fill: cancelOrders cancels those of this session. "
        f"{RELEASE}"
    )
    lost = "The position of 100 IBM now has no exit order. 2 other positions had none before."
    assert f"{lost} No order is open." in cancelled["message"]
    (refused,) = closing["structuredContent"]["positions"]
    assert (refused["error"], refused["message"].endswith(RELEASE)) == ("halted", True)
    assert status["cause"].startswith("The kill switch is set: no new order and no change is sent")
    assert (status["state"], status["remedy"]) == ("ready", RELEASE)


async def test_a_halt_whose_open_orders_nobody_tells_says_so(redis_url: str, session: str) -> None:
    async def silent(_context: RequestContext) -> bytes:
        await asyncio.Event().wait()
        raise AssertionError

    timing = FrontTiming(count_open_s=0.1)
    async with (
        worker(redis_url, session, {"get_open_orders": silent}),
        serving(redis_url, session, timing=timing) as front,
    ):
        told = (await front.raw().call("ibkr_halt_trading", reason="odd"))["structuredContent"]

    assert told["halted"] is True
    assert "How many orders stay open is not known (timeout): they may still fill." in told["message"]
