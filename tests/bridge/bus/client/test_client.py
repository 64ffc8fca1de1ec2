"""Reads over the bus: what comes back, and how soon a caller learns that nothing will."""

import asyncio
import time

import pytest

from bridge.bus.messages import REPLY_LIMIT, REQUEST_LIMIT, BusCaller
from bridge.bus.server.request import RequestContext
from bridge.tool import OPERATIONS, ToolError
from bridge.tools.market.market_data import GetHistoricalData
from tests.busy import BUSY_S
from tests.stacks.bus import CALLER, GET_POSITIONS, Broker, ask, front, serving
from tests.waiting import until


async def test_a_read_gets_the_workers_bytes_as_they_are(redis_url: str, session: str) -> None:
    async def handle(context: RequestContext) -> bytes:
        return b'[{"conId": 1,  "as":"it is"}]'

    async with serving(redis_url, session, handle), front(redis_url, session) as bus_client:
        assert await ask(bus_client) == b'[{"conId": 1,  "as":"it is"}]'


async def test_a_handler_sees_what_the_front_said(redis_url: str, session: str) -> None:
    seen: list[RequestContext] = []

    async def handle(context: RequestContext) -> bytes:
        seen.append(context)
        assert context.still_leader()
        return b"{}"

    declared = OPERATIONS["get_historical_data"]
    async with serving(redis_url, session, handle), front(redis_url, session) as bus_client:
        await bus_client.ask(
            declared, GetHistoricalData(symbol="SPY", barSizeSetting="1 hour"),
            BusCaller(principal="claude", request_id="r-9", traceparent="00-1-2-01"), deadline_s=7,
        )  # fmt: skip

    asked = seen[0]
    assert (asked.operation, asked.caller, asked.key) == ("get_historical_data", "claude", None)
    assert (asked.request_id, asked.traceparent) == ("r-9", "00-1-2-01")
    assert asked.arguments == b'{"symbol":"SPY","barSizeSetting":"1 hour"}'
    assert 5 < asked.remaining_s() < 7.5
    assert not asked.still_leader()  # by now the worker has stopped


async def test_a_tool_error_crosses_with_code_message_and_details(redis_url: str, session: str) -> None:
    async def handle(context: RequestContext) -> bytes:
        error = ToolError("ambiguous_contract", "Which one?", candidates=[{"conId": 1}])
        error.details |= {"code": 200, "message": "No security definition"}  # names that the error has itself
        raise error

    async with serving(redis_url, session, handle), front(redis_url, session) as bus_client:
        with pytest.raises(ToolError) as caught:
            await ask(bus_client)

    assert (caught.value.code, caught.value.message) == ("ambiguous_contract", "Which one?")
    assert caught.value.details == {"candidates": [{"conId": 1}]}


async def test_an_errors_details_that_are_no_json_are_left_out(redis_url: str, session: str) -> None:
    async def handle(context: RequestContext) -> bytes:
        raise ToolError("gateway_refused", "No.", cause=object())

    async with serving(redis_url, session, handle), front(redis_url, session) as bus_client:
        with pytest.raises(ToolError) as caught:
            await ask(bus_client)

    assert (caught.value.code, caught.value.details) == ("gateway_refused", {})


async def test_no_worker_is_told_at_once(redis_url: str, session: str) -> None:
    async with front(redis_url, session) as bus_client:
        began = time.perf_counter()
        with pytest.raises(ToolError, match="ib_worker") as caught:
            await ask(bus_client)

    assert caught.value.code == "no_worker"
    assert time.perf_counter() - began < 1 + BUSY_S


async def test_no_answer_in_time_is_a_timeout_and_the_handler_is_cancelled(redis_url: str, session: str) -> None:
    cancelled = asyncio.Event()

    async def handle(context: RequestContext) -> bytes:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()
        return b""

    async with serving(redis_url, session, handle), front(redis_url, session) as bus_client:
        with pytest.raises(ToolError, match=r"within 0\.1 s") as caught:
            await ask(bus_client, deadline_s=0.1)
        await until(cancelled.is_set, "the handler is cancelled")

    assert caught.value.code == "timeout"


async def test_without_a_deadline_of_its_own_a_call_has_the_declarations(redis_url: str, session: str) -> None:
    broker = Broker()
    async with serving(redis_url, session, broker.handle), front(redis_url, session) as bus_client:
        await ask(bus_client)
        remaining_s = broker.asked[0].remaining_s()

    assert abs(GET_POSITIONS.deadline_s - remaining_s) < 2


async def test_a_request_over_the_limit_is_refused_before_it_is_sent(redis_url: str, session: str) -> None:
    class Big(GET_POSITIONS.request):  # type: ignore[name-defined, misc]
        text: str

    broker = Broker()
    async with serving(redis_url, session, broker.handle), front(redis_url, session) as bus_client:
        with pytest.raises(ToolError) as caught:
            await bus_client.ask(GET_POSITIONS, Big(text="x" * REQUEST_LIMIT), CALLER)

    assert caught.value.code == "too_large"
    assert str(REQUEST_LIMIT) in caught.value.message
    assert broker.asked == []


@pytest.mark.fault(86)
async def test_a_reply_over_the_limit_is_an_error_and_one_at_the_limit_is_not(redis_url: str, session: str) -> None:
    sizes = iter([REPLY_LIMIT, REPLY_LIMIT - 200])

    async def handle(context: RequestContext) -> bytes:
        return b'"' + b"x" * (next(sizes) - 2) + b'"'

    async with serving(redis_url, session, handle), front(redis_url, session) as bus_client:
        with pytest.raises(ToolError) as caught:
            await ask(bus_client)
        assert len(await ask(bus_client)) == REPLY_LIMIT - 200

    assert caught.value.code == "too_large"


async def test_a_cancelled_call_leaves_nothing_behind(redis_url: str, session: str) -> None:
    broker = Broker()
    broker.before.clear()
    async with serving(redis_url, session, broker.handle), front(redis_url, session) as bus_client:
        calls = [asyncio.create_task(ask(bus_client)) for _ in range(5)]
        await until(lambda: len(broker.asked) == 5, "all are in hand")
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)

        assert bus_client._replies._calls == {}

        broker.before.set()
        assert await ask(bus_client) == broker.answer


async def test_redis_that_is_not_there_is_named_without_its_password(session: str, unused_port: int) -> None:
    began = time.perf_counter()
    async with front(f"redis://user:secret@127.0.0.1:{unused_port}/0", session) as bus_client:
        with pytest.raises(ToolError) as caught:
            await ask(bus_client)
        with pytest.raises(ToolError, match="bus_down"):
            await bus_client.status()

    assert caught.value.code == "bus_down"
    assert f"127.0.0.1:{unused_port}" in caught.value.message
    assert "secret" not in str(caught.value)
    assert time.perf_counter() - began < 2 + BUSY_S
