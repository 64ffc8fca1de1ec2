"""A client that hangs up ends its read everywhere: at the front, in the worker, and at TWS. A write goes on."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from ib_worker.pacing import history_pacer
from ibgateway.simulator.server.server import Simulator
from mcp_front.timing import FrontTiming
from tests.stacks.front import ERAS, LEGACY, MODERN, Running, messages_of, plain_http
from tests.stacks.whole import Stack, whole_stack
from tests.waiting import until

CANCEL_HISTORICAL_DATA, REQ_HISTORICAL_DATA = 25, 20  # TWS's message ids
HISTORY: dict[str, Any] = {"symbol": "SPY", "durationStr": "5 D", "barSizeSetting": "1 day"}
WITHIN_S = 1.0
LONG_S, STREAM_AFTER_S, PING_S = 3.0, 1.0, 0.5  # of a history: a tenth of 30 s, 10 s, and nearly so of the ping


@asynccontextmanager
async def asking(front: Running, era: str, tool: str, arguments: dict[str, Any]) -> AsyncIterator[asyncio.Task[Any]]:
    """A call over a connection of its own, which ends with the block."""
    async with plain_http() as http:
        call = front.raw(era).prepared("tools/call", name=tool, arguments=arguments)
        task = asyncio.create_task(http.post(front.endpoint, **call))
        try:
            yield task
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


def requests(sim: Simulator) -> int:
    return len(sim.journal.entries("in", REQ_HISTORICAL_DATA))


def cancels(sim: Simulator) -> int:
    return len(sim.journal.entries("in", CANCEL_HISTORICAL_DATA))


async def history_in_progress(stack: Stack) -> None:
    await until(lambda: requests(stack.sim) > 0, "TWS has the request")


@pytest.mark.parametrize("era", ERAS)
async def test_a_history_is_cancelled_at_tws_within_a_second(redis_url: str, session: str, era: str) -> None:
    async with whole_stack(redis_url, session) as stack:
        stack.sim.fault("on reqHistoricalData each ignore")
        async with asking(stack.front, era, "ibkr_get_historical_data", HISTORY):
            await history_in_progress(stack)
        await until(lambda: cancels(stack.sim) == 1, "TWS is told to cancel", WITHIN_S)
        await stack.front.front.calls.idle()

    assert requests(stack.sim) == 1


async def test_what_waits_for_a_place_among_histories_moves_up(
    redis_url: str, session: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history_pacer, "HISTORY_OPEN", 1)
    async with whole_stack(redis_url, session) as stack:
        stack.sim.fault("on reqHistoricalData ignore")
        async with asking(stack.front, MODERN, "ibkr_get_historical_data", HISTORY):
            await history_in_progress(stack)
            waiting = asyncio.create_task(
                stack.front.raw(MODERN).call("ibkr_get_historical_data", **HISTORY | {"symbol": "NVDA"})
            )
        told = await asyncio.wait_for(waiting, 10)

    assert told["structuredContent"]["result"]


async def test_a_shared_history_goes_on_for_the_other_client(redis_url: str, session: str) -> None:
    async with whole_stack(redis_url, session) as stack:
        stack.sim.fault(f"on reqHistoricalData hold {LONG_S}")
        async with asking(stack.front, MODERN, "ibkr_get_historical_data", HISTORY) as stays:
            async with asking(stack.front, LEGACY, "ibkr_get_historical_data", HISTORY):
                await history_in_progress(stack)
            told = messages_of(await stays)[-1]["result"]

    assert len(told["structuredContent"]["result"]) == 5
    assert (requests(stack.sim), cancels(stack.sim)) == (1, 0)


async def test_an_order_goes_on_to_its_record(redis_url: str, session: str) -> None:
    terms: dict[str, Any] = {"symbol": "AAPL", "action": "BUY", "totalQuantity": 1, "idempotencyKey": "hung-up-early"}
    async with whole_stack(redis_url, session) as stack:
        stack.sim.fault("on order hold 1")
        async with asking(stack.front, MODERN, "ibkr_place_order", terms):
            await until(lambda: len(stack.sim.journal.orders()) == 1, "the frame is at TWS")
        again = await stack.front.raw(LEGACY).call("ibkr_place_order", **terms)

    assert again["structuredContent"]["status"] == "Filled"
    assert len(stack.sim.journal.orders()) == 1


@pytest.mark.parametrize("era", ERAS)
async def test_a_history_of_thirty_seconds_is_an_event_stream_with_pings_and_progress(
    redis_url: str, session: str, era: str
) -> None:
    timing = FrontTiming(stream_after_s=STREAM_AFTER_S, ping_s=PING_S)
    async with whole_stack(redis_url, session, timing) as stack, plain_http() as http:
        stack.sim.fault(f"on reqHistoricalData hold {LONG_S}")
        params = {"name": "ibkr_get_historical_data", "arguments": HISTORY}
        call = stack.front.raw(era).prepared("tools/call", {"progressToken": "p-1"}, **params)
        told = await http.post(stack.front.endpoint, **call)

    *progress, answer = messages_of(told)
    assert told.headers["content-type"] == "text/event-stream"
    assert told.text.count(": ping") >= 3
    assert len(answer["result"]["structuredContent"]["result"]) == 5
    assert {each["method"] for each in progress} == {"notifications/progress"}
    assert {each["params"]["progressToken"] for each in progress} == {"p-1"}
    waited = [each["params"]["progress"] for each in progress]
    assert waited == sorted(set(waited))


@pytest.mark.parametrize("era", ERAS)
async def test_a_client_that_leaves_the_event_stream_ends_its_history(redis_url: str, session: str, era: str) -> None:
    timing = FrontTiming(stream_after_s=0.1)
    async with whole_stack(redis_url, session, timing) as stack, plain_http() as http:
        stack.sim.fault("on reqHistoricalData each ignore")
        call = stack.front.raw(era).prepared("tools/call", name="ibkr_get_historical_data", arguments=HISTORY)
        async with http.stream("POST", stack.front.endpoint, **call) as told:
            assert told.headers["content-type"] == "text/event-stream"
            await history_in_progress(stack)
        await until(lambda: cancels(stack.sim) == 1, "TWS is told to cancel", WITHIN_S)
