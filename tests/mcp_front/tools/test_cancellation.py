"""A 2025 client cancels a running read by its id, wherever it runs; nothing else ends, and never a write."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import msgspec
import pytest

from bridge.bus.server.request import RequestContext
from bridge.bus.timing import USUAL, BusTiming
from mcp_front.protocol.results import ERROR_META
from tests.busy import BUSY_S
from tests.stacks.front import LEGACY, MODERN, Running, messages_of, plain_http, serving, worker
from tests.stacks.ticking_worker import ticking
from tests.stacks.timing import patient
from tests.waiting import until

ORDER: dict[str, Any] = {"symbol": "SPY", "action": "BUY", "totalQuantity": 1, "idempotencyKey": "cancel-me-1"}


class Held:
    """A worker's handler that answers when it is let, and counts what waits."""

    def __init__(self) -> None:
        self.waiting = 0
        self.let = asyncio.Event()

    async def __call__(self, context: RequestContext) -> bytes:
        self.waiting += 1
        await self.let.wait()
        return json.dumps([]).encode()


@asynccontextmanager
async def two_fronts(
    redis_url: str, session: str, timing: BusTiming = USUAL
) -> AsyncIterator[tuple[Running, Running, Held]]:
    held = Held()
    async with (
        worker(redis_url, session, {"get_positions": held, "get_executions": held}),
        serving(redis_url, session, timing) as first,
        serving(redis_url, session, timing) as second,
        asyncio.timeout(20),
    ):
        yield first, second, held
        held.let.set()


async def called(
    http: httpx.AsyncClient, front: Running, id: Any, tool: str, era: str = LEGACY, **arguments: Any
) -> Any:
    prepared = front.raw(era).prepared("tools/call", name=tool, arguments=arguments)
    body = json.loads(prepared["content"]) | {"id": id}
    answer = await http.post(front.endpoint, content=json.dumps(body), headers=prepared["headers"])
    return messages_of(answer)[-1]["result"]


async def cancel(http: httpx.AsyncClient, front: Running, id: Any) -> int:
    body = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": id}}
    headers = front.raw(LEGACY).prepared("tools/list")["headers"]
    return (await http.post(front.endpoint, content=json.dumps(body), headers=headers)).status_code


@pytest.mark.trial("E3")
@pytest.mark.parametrize("id", [7, "seven"])
async def test_running_read_ends_at_whatever_replica_the_cancellation_arrives(
    redis_url: str, session: str, id: Any
) -> None:
    async with two_fronts(redis_url, session) as (first, second, held), plain_http() as http:
        call = asyncio.create_task(called(http, first, id, "ibkr_get_positions"))
        await until(lambda: held.waiting == 1, "the call runs")
        status = await cancel(http, second, id)
        result = await call

    assert status == 202
    assert result["_meta"][ERROR_META]["code"] == "cancelled"


@pytest.mark.trial("E3")
async def test_running_stream_ends_and_its_caller_is_told(redis_url: str, session: str) -> None:
    async with ticking(redis_url, session), serving(redis_url, session) as front, plain_http() as http:
        stream = called(http, front, 7, "ibkr_stream_market_data", symbol="SPY", duration_seconds=30)
        call = asyncio.create_task(stream)
        await until(lambda: bool(front.front.calls.under_way.find("local", "127.0.0.1", 7)), "the stream runs")
        async with asyncio.timeout(5 + BUSY_S):
            await cancel(http, front, 7)
            result = await call

    assert result["_meta"][ERROR_META]["code"] == "cancelled"


@pytest.mark.trial("E3")
async def test_nothing_ends_where_two_calls_have_the_id_or_the_id_is_of_another_type(
    redis_url: str, session: str
) -> None:
    async with two_fronts(redis_url, session) as (first, second, held), plain_http() as http:
        twice = [asyncio.create_task(called(http, each, 7, "ibkr_get_positions")) for each in (first, second)]
        other = asyncio.create_task(called(http, first, "8", "ibkr_get_executions"))
        await until(lambda: held.waiting == 3, "the calls run")
        ended = [await first.front.bus.fronts.end_only("local", "127.0.0.1", each) for each in (7, 8)]
        stranger = await second.front.bus.fronts.end_only("somebody", "127.0.0.1", "8")
        held.let.set()
        results = await asyncio.gather(*twice, other)

    assert (ended, stranger) == ([False, False], False)
    assert not any(result.get("isError") for result in results)


@pytest.mark.trial("E3")
async def test_write_never_ends(redis_url: str, session: str) -> None:
    held = Held()
    async with (
        worker(redis_url, session, {"place_order": held}),
        serving(redis_url, session) as front,
        plain_http() as http,
        asyncio.timeout(20),
    ):
        call = asyncio.create_task(called(http, front, 7, "ibkr_place_order", **ORDER))
        await until(lambda: held.waiting == 1, "the order is at the worker")
        ended = await front.front.bus.fronts.end_only("local", "127.0.0.1", 7)
        running = front.front.calls.under_way.find("local", "127.0.0.1", 7)
        held.let.set()
        await call

    assert not ended
    assert [each.endable for each in running] == [False]


@pytest.mark.trial("E3")
async def test_nothing_ends_while_a_front_does_not_answer(redis_url: str, session: str) -> None:
    async with (
        two_fronts(redis_url, session, patient(front_answer_s=0.3)) as (first, second, held),
        plain_http() as http,
    ):
        call = asyncio.create_task(called(http, first, 7, "ibkr_get_positions"))
        await until(lambda: held.waiting == 1, "the call runs")
        second.front.bus.fronts.serve(lambda *_: _silent(), lambda _: None)
        ended = await first.front.bus.fronts.end_only("local", "127.0.0.1", 7)
        held.let.set()
        result = await call

    assert not ended
    assert not result.get("isError")


def _silent() -> Any:
    raise msgspec.DecodeError("a front that fails")


@pytest.mark.trial("E3")
async def test_modern_call_is_no_candidate(redis_url: str, session: str) -> None:
    async with two_fronts(redis_url, session) as (first, _, held), plain_http() as http:
        call = asyncio.create_task(called(http, first, 7, "ibkr_get_positions", MODERN))
        await until(lambda: held.waiting == 1, "the call runs")
        ended = await first.front.bus.fronts.end_only("local", "raw", 7)
        held.let.set()
        result = await call

    assert not ended
    assert not result.get("isError")
