"""ibkr_wait_for through the whole stack: it ends at the event, misses nothing between two calls, and holds no place."""

import asyncio
from typing import Any

import pytest

from ibgateway.simulator.server.server import Simulator
from mcp_front.protocol.results import ERROR_META
from mcp_front.streams import wait_for
from mcp_front.timing import FrontTiming
from tests.busy import BUSY_S
from tests.stacks.front import ERAS, MODERN, Running, serving
from tests.stacks.whole import Stack, whole_stack
from tests.stacks.worker import FAST, worker
from tests.waiting import until

RESTING: dict[str, Any] = {"symbol": "IBM", "action": "BUY", "totalQuantity": 2, "orderType": "LMT", "lmtPrice": 1}
Result = dict[str, Any]


async def waited(front: Running, era: str = MODERN, **arguments: Any) -> Result:
    result = await front.raw(era).call("ibkr_wait_for", **arguments)
    found: Result = result["structuredContent"] if not result["isError"] else result["_meta"][ERROR_META]
    return found


async def rests(stack: Stack, key: str = "key-0001", **terms: Any) -> int:
    placed = await stack.front.raw().call("ibkr_place_order", **RESTING | terms, idempotencyKey=key)
    return int(placed["structuredContent"]["orderId"])


def filled(key: str = "key-0001") -> list[dict[str, str]]:
    return [{"event": "order_filled", "orderKey": key}]


@pytest.mark.parametrize("era", ERAS)
async def test_a_call_ends_at_the_fill_with_the_state_after_it(redis_url: str, session: str, era: str) -> None:
    async with whole_stack(redis_url, session) as stack:
        orderId = await rests(stack)
        waiting = asyncio.create_task(waited(stack.front, era, events=filled(), timeout_seconds=20))
        await asyncio.sleep(0.3)
        assert not waiting.done()
        stack.sim.fault(f"fill {orderId}")
        async with asyncio.timeout(2 + BUSY_S):
            found = await waiting

    assert (found["event"], found["condition"]) == ("order_filled", 0)
    happened = found["happened"]
    assert (happened["kind"], happened["symbol"], happened["orderKey"]) == ("order", "IBM", "key-0001")
    assert (happened["details"]["status"], happened["details"]["filled"]) == ("Filled", 2.0)
    assert (found["gap"], found["missing"]) == (False, 0)


async def test_the_first_of_several_ends_the_call(redis_url: str, session: str) -> None:
    async with whole_stack(redis_url, session) as stack:
        orderId = await rests(stack)
        events = [*filled(), {"event": "halt"}, {"event": "order_partly_filled", "orderKey": "key-0001"}]
        waiting = asyncio.create_task(waited(stack.front, events=events, timeout_seconds=20))
        await asyncio.sleep(0.3)
        stack.sim.fault(f"fill {orderId} 1")
        found = await waiting

    assert (found["event"], found["condition"]) == ("order_partly_filled", 2)
    assert found["happened"]["details"]["filled"] == 1.0


async def test_an_order_that_is_filled_already_is_told_at_once(redis_url: str, session: str) -> None:
    async with whole_stack(redis_url, session) as stack:
        order = RESTING | {"orderType": "MKT"}
        del order["lmtPrice"]
        await stack.front.raw().call("ibkr_place_order", **order, idempotencyKey="key-0001")
        fills = await stack.front.raw().call("ibkr_get_executions")
        found = await waited(stack.front, events=filled(), timeout_seconds=20)

    assert found["event"] == "order_filled"
    assert found["waited_seconds"] < 5
    assert found["happened"]["time"] == fills["structuredContent"]["result"][-1]["time"]
    assert found["message"] == f"order_filled of key-0001 was so already, since {found['happened']['time']}"


async def test_an_order_that_is_not_there_is_an_error_and_no_wait(redis_url: str, session: str) -> None:
    async with whole_stack(redis_url, session) as stack:
        error = await waited(stack.front, events=filled("no-such-order"), timeout_seconds=20)

    assert error["code"] == "not_found"


async def test_without_an_event_the_call_ends_on_time_and_its_cursor_goes_on(redis_url: str, session: str) -> None:
    async with whole_stack(redis_url, session) as stack:
        orderId = await rests(stack)
        none = await waited(stack.front, events=filled(), timeout_seconds=1)
        stack.sim.fault(f"fill {orderId}")  # while nobody waits
        await asyncio.sleep(0.5)
        found = await waited(stack.front, events=filled(), timeout_seconds=5, cursor=none["cursor"])
        again = await waited(stack.front, events=filled(), timeout_seconds=1, cursor=found["cursor"])

    assert (none["event"], none["condition"], none["happened"]) == ("none", None, None)
    assert 1 <= none["waited_seconds"] < 3
    assert "Call again with the cursor" in none["message"]
    assert found["event"] == "order_filled"
    assert (again["event"], again["condition"]) == ("order_filled", 0)  # no other fill of it can come
    assert "was so already" in again["message"]


async def test_a_wait_for_the_fill_of_an_order_that_ends_otherwise_ends_with_it(redis_url: str, session: str) -> None:
    async with whole_stack(redis_url, session) as stack:
        orderId = await rests(stack)
        events = [*filled(), {"event": "order_partly_filled", "orderKey": "key-0001"}]
        waiting = asyncio.create_task(waited(stack.front, events=events, timeout_seconds=20))
        await asyncio.sleep(0.3)
        await stack.front.raw().call("ibkr_cancel_order", orderId=orderId)
        async with asyncio.timeout(2 + BUSY_S):
            ended = await waiting

    assert (ended["event"], ended["condition"]) == ("order_done", None)
    assert ended["happened"]["details"]["status"] == "Cancelled"
    assert "order_filled of key-0001 cannot happen any more: the order is Cancelled." in ended["message"]
    assert "Call again" not in ended["message"]


@pytest.mark.parametrize("wanted", ["order_filled", "order_partly_filled", "order_rejected", "execution"])
async def test_what_an_ended_order_cannot_bring_is_told_at_once_with_a_cursor_too(
    redis_url: str, session: str, wanted: str
) -> None:
    async with whole_stack(redis_url, session) as stack:
        orderId = await rests(stack)
        events = [{"event": wanted, "orderKey": "key-0001"}]
        none = await waited(stack.front, events=events, timeout_seconds=1)
        await stack.front.raw().call("ibkr_cancel_order", orderId=orderId)
        ended = await waited(stack.front, events=events, timeout_seconds=20, cursor=none["cursor"])
        bare = await waited(stack.front, events=events, timeout_seconds=20)
        later = await waited(stack.front, events=events, timeout_seconds=20, cursor=bare["cursor"])

    assert none["event"] == "none"
    for found in (ended, bare, later):
        assert (found["event"], found["condition"]) == ("order_done", None)
        assert found["waited_seconds"] < 5


async def test_a_wait_for_a_rejected_orders_fill_tells_why_it_was_rejected(redis_url: str, session: str) -> None:
    async with whole_stack(redis_url, session) as stack:
        stack.sim.fault('on order answer 201 "Order rejected - reason:margin"')
        await stack.front.raw().call("ibkr_place_order", **RESTING, idempotencyKey="key-0001")
        ended = await waited(stack.front, events=filled(), timeout_seconds=20)

    assert (ended["event"], ended["condition"]) == ("order_rejected", None)
    assert "the order is Inactive (201 Order rejected - reason:margin)." in ended["message"]


async def test_the_other_orders_of_a_wait_are_waited_for_after_ones_end(redis_url: str, session: str) -> None:
    async with whole_stack(redis_url, session) as stack:
        first, second = await rests(stack), await rests(stack, "key-0002", totalQuantity=3)
        events = [*filled(), *filled("key-0002")]
        await stack.front.raw().call("ibkr_cancel_order", orderId=first)
        none = await waited(stack.front, events=events, timeout_seconds=1)
        stack.sim.fault(f"fill {second}")
        found = await waited(stack.front, events=events, timeout_seconds=20, cursor=none["cursor"])

    assert none["event"] == "none"
    assert "order_filled of key-0001 cannot happen any more: the order is Cancelled." in none["message"]
    assert (found["event"], found["condition"]) == ("order_filled", 1)


async def test_a_wait_outlives_its_worker(redis_url: str, session: str) -> None:
    async with Simulator() as sim, serving(redis_url, session) as front:
        async with worker(redis_url, session, sim.port, FAST):
            await ready(front)
            placed = await front.raw().call("ibkr_place_order", **RESTING, idempotencyKey="key-0001")
            waiting = asyncio.create_task(waited(front, events=filled(), timeout_seconds=30))
            await asyncio.sleep(0.5)
        sim.fault(f"fill {placed['structuredContent']['orderId']}")
        assert not waiting.done()
        async with worker(redis_url, session, sim.port, FAST):
            found = await waiting

    assert (found["event"], found["gap"]) == ("order_filled", False)


async def ready(front: Running) -> None:
    async def is_ready() -> bool:
        status = await front.raw().call("ibkr_get_status")
        return bool(status["structuredContent"]["is_connected"])

    await until(is_ready, "the session is ready")
    found = await waited(front, events=[{"event": "session_ready"}], timeout_seconds=5)
    assert found["event"] == "session_ready"


async def test_waits_take_no_place_among_the_callers_calls_and_have_a_bound_of_their_own(
    redis_url: str, session: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wait_for, "MOST_OF_ONE", 3)
    async with serving(redis_url, session, front_calls_at_once=1) as front:
        waits = [asyncio.create_task(waited(front, events=[{"event": "halt"}], timeout_seconds=2)) for _ in range(3)]
        await asyncio.sleep(0.5)
        status = await front.raw().call("ibkr_get_positions")
        refused = await waited(front, events=[{"event": "halt"}])
        ends = await asyncio.gather(*waits)

    assert status["_meta"][ERROR_META]["code"] == "no_worker"  # and not paced
    assert refused["code"] == "paced"
    assert "Give several events to one call" in refused["message"]
    assert [each["event"] for each in ends] == ["none"] * 3


async def test_a_front_that_drains_ends_the_call_with_its_cursor(redis_url: str, session: str) -> None:
    async with serving(redis_url, session) as front:
        waiting = asyncio.create_task(waited(front, events=[{"event": "halt"}], timeout_seconds=30))
        await asyncio.sleep(0.5)
        front.front.draining.set()
        found = await waiting

    assert found["event"] == "none"
    assert "this front is stopping" in found["message"]
    assert found["cursor"]


async def test_a_sign_of_life_goes_out_while_a_call_waits(redis_url: str, session: str) -> None:
    reports: list[Any] = []

    async def on_progress(*report: Any) -> None:
        reports.append(report)

    async with (
        serving(redis_url, session, timing=FrontTiming(wait_pulse_s=0.2)) as front,
        front.client(progress_handler=on_progress) as client,
    ):
        arguments = {"events": [{"event": "execution", "symbol": "SPY"}], "timeout_seconds": 1}
        await client.call_tool("ibkr_wait_for", arguments)

    assert len(reports) >= 3
    assert {report[2] for report in reports} == {"waiting for execution of SPY"}
    assert [report[0] for report in reports] == sorted(report[0] for report in reports)
