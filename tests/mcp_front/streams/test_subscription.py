"""A stream at the worker: nothing is lost between what is known and what comes, and the next worker is asked anew."""

import asyncio
import json
from collections import Counter
from typing import Any

import pytest

from bridge.bus.server.request import RequestContext
from bridge.bus.server.server import BusServer
from bridge.tool import ToolError
from mcp_front.protocol.results import ERROR_META
from tests.stacks.front import ERAS, MODERN, Handler, serving, worker
from tests.stacks.ticking_worker import SPY, STREAM, quote, watch
from tests.waiting import until


@pytest.mark.parametrize("era", ERAS)
async def test_stream_that_cannot_open_is_an_error(redis_url: str, session: str, era: str) -> None:
    async def no_line(_asked: RequestContext) -> bytes:
        raise ToolError("line_limit", "All market-data lines are in use.")

    async with worker(redis_url, session, {"open_market_data": no_line}), serving(redis_url, session) as front:
        result = await front.raw(era).call("ibkr_stream_market_data", symbol="SPY", duration_seconds=60)

    assert result["_meta"][ERROR_META]["code"] == "line_limit"


async def test_tick_between_the_workers_answer_and_the_fronts_listening_is_not_lost(
    redis_url: str, session: str
) -> None:
    sent = 0

    async def opened(_asked: RequestContext) -> bytes:
        nonlocal sent
        life, seq = bus.open_stream(STREAM)
        known = {"stream": STREAM, "contract": SPY, "quote": quote(sent), "life": life, "seq": seq}
        if sent == 0:
            sent = 1
            bus.publish(STREAM, "quote", json.dumps(quote(1)).encode())
        return json.dumps(known).encode()

    async with worker(redis_url, session, {"open_market_data": opened}) as bus, serving(redis_url, session) as front:
        result, messages, _ = await watch(front, MODERN, 1)

    assert messages == []
    assert result.structured_content["last"]["last"] == quote(1)["last"]
    assert result.structured_content["gaps"] == 0


async def test_stream_goes_on_where_another_worker_leads_at_once(redis_url: str, session: str) -> None:
    def opening(bus: list[BusServer], known: dict[str, Any]) -> Handler:
        async def opened(_asked: RequestContext) -> bytes:
            life, seq = bus[0].open_stream(STREAM)
            times[life] += 1
            whole = {"stream": STREAM, "contract": SPY, "quote": known, "life": life, "seq": seq}
            return json.dumps(whole).encode()

        return opened

    times: Counter[str] = Counter()
    first: list[BusServer] = []
    second: list[BusServer] = []
    async with serving(redis_url, session) as front:
        async with worker(redis_url, session, {"open_market_data": opening(first, quote(1))}) as bus:
            first.append(bus)
            call = asyncio.create_task(watch(front, MODERN, 4))
            await until(lambda: times.total() == 2, "the stream is opened, and again with the front listening")
        async with worker(redis_url, session, {"open_market_data": opening(second, quote(2))}) as bus:
            second.append(bus)
            await until(lambda: times.total() == 3, "it is opened at the next worker")
            bus.publish(STREAM, "quote", json.dumps(quote(3)).encode())
            result, messages, _ = await call

    assert [message["extra"]["last"] for message in messages] == [quote(2)["last"], quote(3)["last"]]
    assert result.structured_content["gaps"] == 1
    assert "Ended early" not in result.structured_content["message"]
