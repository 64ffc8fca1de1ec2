"""Writes that a dead worker left: settled by what IBKR has, and never sent again."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from bridge.order_references import order_ref
from bridge.tool import ToolError
from cli.local_stack.embedded_redis import EmbeddedRedis
from ib_worker.handlers import orders as handlers
from ib_worker.orders.timing import OrderTiming
from ibgateway.simulator.server.server import Simulator
from tests.stacks.worker import SOON, Caller, caller, frames, order, trading, worker
from tests.waiting import until

KEY = "a-key-of-the-caller"


async def test_an_order_that_a_dead_worker_left_is_settled_by_the_next(
    redis_url: str, session: str, sim: Simulator
) -> None:
    sim.fault("on order each ignore")  # the first worker never hears of its order
    async with worker(redis_url, session, sim.port) as stopping, caller(redis_url, session) as front:
        await front.writable()
        sim.fault("clear")
        sim.fault("swallow openOrder client 1")
        sim.fault("swallow orderStatus client 1")
        asked = order(orderType="LMT", lmtPrice=50)
        waiting = asyncio.create_task(front.submit("place_order", key=KEY, deadline_s=2, **asked))
        await until(lambda: frames(sim) == 1, "the order is on the wire")
        outcome = (await asyncio.gather(waiting, return_exceptions=True))[0]
        assert isinstance(outcome, ToolError)
        assert outcome.code == "pending"
        stopping.set()
        sim.fault("through")

    async with trading(redis_url, session, sim) as front:
        told = await _settled(front, asked)

        assert (told["status"], told["orderRef"], frames(sim)) == ("Submitted", order_ref(KEY), 1)


async def _settled(front: Caller, asked: dict[str, Any]) -> dict[str, Any]:
    async with asyncio.timeout(15):
        while True:
            try:
                answer: dict[str, Any] = await front.submit("place_order", key=KEY, **asked)
                return answer
            except ToolError as error:
                if error.code != "pending":
                    raise


@pytest.mark.fault(42)
async def test_an_order_that_the_gateway_never_had_is_not_found_after_two_looks(
    redis_url: str, session: str, sim: Simulator
) -> None:
    sim.fault("on order ignore")
    async with trading(redis_url, session, sim, order_timing=SOON) as front:
        error = await front.refused_order(key=KEY, **order())

        assert (error.code, error.details["orderRef"]) == ("not_found", order_ref(KEY))
        assert "new idempotencyKey" in error.message
        assert frames(sim) == 1


async def test_an_order_that_a_dead_worker_never_got_out_is_not_found_by_the_next(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim, order_timing=SOON) as front:
        sim.fault("on order reset before")
        sim.fault("door shut")
        error = await front.refused_order(key=KEY, deadline_s=1, **order())
        assert error.code == "pending"

    sim.fault("door open")
    async with trading(redis_url, session, sim, order_timing=SOON) as front:

        async def answered() -> str:
            return (await front.refused_order(key=KEY, **order())).code

        async def not_found() -> bool:
            return await answered() == "not_found"

        named = await front.refused_order("cancel_order", orderId=0, orderKey=KEY)
        assert named.code == "not_ready"  # neither found nor known to be missing
        await until(not_found, "the order is settled")
        named = await front.refused_order("cancel_order", orderId=0, orderKey=KEY)
        assert named.code == "not_found"
        assert frames(sim) == 1


BRACKET: dict[str, Any] = {
    "symbol": "AAPL", "action": "BUY", "totalQuantity": 10, "takeProfitPrice": 900, "stopLossPrice": 20,
}  # fmt: skip


async def settles(front: Caller, operation: str, key: str, **arguments: Any) -> Any:
    """The final answer of a call that an earlier worker has left, or its error."""
    while True:
        try:
            return await front.submit(operation, key=key, deadline_s=1, **arguments)
        except ToolError as error:
            if error.code != "pending":
                return error
        await asyncio.sleep(0.1)


@pytest.mark.fault(54)
async def test_a_bracket_that_a_dead_worker_left_and_ibkr_has_in_part_is_never_called_not_found(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with (
        worker(redis_url, session, sim.port, order_timing=replace(SOON, first_status_wait_s=100)),
        caller(redis_url, session) as front,
    ):
        await front.writable()
        for name in ("openOrder", "orderStatus", "execDetails"):
            sim.fault(f"swallow {name} client 1")
        sim.fault("on order 2 answer 201 Order rejected - reason: margin")
        left = await front.refused_order("place_bracket_order", key=KEY, deadline_s=1, **BRACKET)
        assert left.code == "pending"

    sim.fault("clear")
    async with trading(redis_url, session, sim, order_timing=SOON) as front:
        error = await settles(front, "place_bracket_order", KEY, **BRACKET)

        assert error.code == "not_confirmed"
        assert "do not contain takeProfit" in error.message
        assert "doubled" in error.message
        assert error.details["orderRefs"] == [order_ref(KEY), order_ref(KEY, "stopLoss")]
        assert frames(sim) == 3


async def test_exits_of_a_position_that_a_dead_worker_left_are_settled_by_their_key(
    redis_url: str, session: str, sim: Simulator
) -> None:
    asked = BRACKET | {"symbol": "IBM", "takeProfitPrice": 900, "stopLossPrice": 20, "exitsOnly": True}
    async with (
        worker(redis_url, session, sim.port, order_timing=replace(SOON, first_status_wait_s=100)),
        caller(redis_url, session) as front,
    ):
        await front.writable()
        for name in ("openOrder", "orderStatus"):
            sim.fault(f"swallow {name} client 1")
        left = await front.refused_order("place_bracket_order", key=KEY, deadline_s=1, **asked)
        assert left.code == "pending"

    sim.fault("clear")
    async with trading(redis_url, session, sim, order_timing=SOON) as front:
        told = await settles(front, "place_bracket_order", KEY, **asked)

        assert "Both exits are at IBKR" in told["message"]
        assert (told["stopLoss"]["orderType"], frames(sim)) == ("STP", 2)


async def test_a_cancel_that_a_dead_worker_left_waits_until_its_order_is_settled(
    redis_url: str, session: str, sim: Simulator
) -> None:
    asked, cancel = order(orderType="LMT", lmtPrice=50), {"orderId": 0, "orderKey": KEY}
    async with (
        worker(
            redis_url, session, sim.port, order_timing=replace(SOON, first_status_wait_s=100, cancel_wait_s=100)
        ) as stopping,
        caller(redis_url, session) as front,
    ):
        await front.writable()
        for line in ("swallow openOrder client 1", "swallow orderStatus client 1", "on cancelOrder ignore"):
            sim.fault(line)
        assert (await front.refused_order(key=KEY, deadline_s=1, **asked)).code == "pending"
        cancelling = asyncio.create_task(
            front.refused_order("cancel_order", key="of-the-cancel", deadline_s=2, **cancel)
        )
        await until(lambda: sim.journal.entries("in", 4), "the cancel is on the wire")
        stopping.set()
        await asyncio.gather(cancelling, return_exceptions=True)

    sim.fault("clear")
    for line in ("swallow openOrder client 1", "swallow orderStatus client 1"):
        sim.fault(line)  # the first look of the next worker does not show the order
    async with trading(redis_url, session, sim, order_timing=replace(SOON, looks_apart_s=1.0)) as front:
        sim.fault("through")
        placed, cancelled = await asyncio.gather(
            settles(front, "place_order", KEY, **asked), settles(front, "cancel_order", "of-the-cancel", **cancel)
        )

        assert placed["status"] == "Submitted"
        assert (cancelled.code, "Submitted" in cancelled.message) == ("not_confirmed", True)


CANCEL = {"orderId": 0, "orderKey": KEY}


async def leaves_a_cancel(redis_url: str, session: str, sim: Simulator, held_s: float) -> None:
    """A worker ends right after it has sent one, which takes effect so much later."""
    async with (
        worker(redis_url, session, sim.port, order_timing=OrderTiming(cancel_wait_s=100)) as stopping,
        caller(redis_url, session) as front,
    ):
        await front.writable()
        await front.submit("place_order", key=KEY, **order(orderType="LMT", lmtPrice=50))
        sim.fault(f"on cancelOrder hold {held_s}")
        cancelling = asyncio.create_task(
            front.refused_order("cancel_order", key="of-the-cancel", deadline_s=1, **CANCEL)
        )
        await until(lambda: sim.journal.entries("in", 4), "the cancel is on the wire")
        stopping.set()
        await asyncio.gather(cancelling, return_exceptions=True)


async def test_a_cancel_that_a_dead_worker_left_and_that_takes_effect_soon_is_told_as_done(
    redis_url: str, session: str, sim: Simulator
) -> None:
    """The next worker may look at the order before the exchange has cancelled it."""
    await leaves_a_cancel(redis_url, session, sim, held_s=2)

    async with trading(redis_url, session, sim) as front:
        assert [each["status"] for each in await front.ask("get_open_orders")] == ["Submitted"]
        cancelled = await settles(front, "cancel_order", "of-the-cancel", **CANCEL)

        assert cancelled["status"] == "Cancelled"
        assert len(sim.journal.entries("in", 4)) == 1


async def test_a_cancel_is_not_judged_while_the_gateway_is_away(redis_url: str, session: str, sim: Simulator) -> None:
    """The next worker waits for it to show, the gateway goes meanwhile, and the order is cancelled there."""
    await leaves_a_cancel(redis_url, session, sim, held_s=4)

    async with trading(redis_url, session, sim, order_timing=replace(SOON, recovery_wait_s=2)) as front:
        sim.fault("door shut 5")
        sim.fault("reset")
        cancelled = await settles(front, "cancel_order", "of-the-cancel", **CANCEL)

        assert cancelled["status"] == "Cancelled"
        assert len(sim.journal.entries("in", 4)) == 1


async def test_a_redis_that_goes_while_orders_are_settled_ends_no_worker(
    own_redis: EmbeddedRedis, session: str, sim: Simulator
) -> None:
    sim.fault("on reqOpenOrders hold 1")
    async with worker(own_redis.url, session, sim.port), caller(own_redis.url, session) as front:
        await front.reaches("syncing")
        await own_redis.stop()
        await asyncio.sleep(2)
        await own_redis.start()
        await front.writable(20)

        assert (await front.submit("place_order", **order()))["status"] == "Filled"


@pytest.mark.parametrize(("fails", "outcome"), [("note_sent", "Filled"), ("send_orders", "not_found")])
async def test_an_order_whose_handler_failed_after_accepting_is_settled_by_what_ibkr_has(
    redis_url: str, session: str, sim: Simulator, monkeypatch: pytest.MonkeyPatch, fails: str, outcome: str
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise KeyError("a bug")

    monkeypatch.setattr(handlers, fails, fail)
    async with trading(redis_url, session, sim, order_timing=SOON) as front:
        first = await front.refused_order(key=KEY, **order())
        async with asyncio.timeout(20):
            told = await settles(front, "place_order", KEY, **order())

        assert first.code == "unknown"
        assert (told.code if isinstance(told, ToolError) else told["status"]) == outcome
        assert frames(sim) == (1 if outcome == "Filled" else 0)
