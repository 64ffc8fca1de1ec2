"""What each call passes: its arguments, its caller's limits, one log line, and an error for whatever fails."""

import asyncio
import json

import pytest
import structlog

from bridge.bus.server.request import RequestContext
from tests.stacks.front import ERAS, MODERN, answering, plain_http, serving, worker
from tests.stacks.handlers import PNL, Recorder
from tests.waiting import until


@pytest.mark.parametrize("era", ERAS)
async def test_wrong_argument_is_answered_here(redis_url: str, session: str, era: str) -> None:
    recorder = Recorder({})
    order = {"symbol": "AAPL", "action": "BUY", "totalQuantity": 1, "orderType": "LMT", "lmtPrice": "PRICE"}
    async with worker(redis_url, session, {"place_order": recorder}), serving(redis_url, session) as front:
        for price in ("NaN", "Infinity", "-Infinity", "1e999", '"\\u0000"', "true", f'"{"9" * 1_000_000}"'):
            prepared = front.raw(era).prepared("tools/call", name="ibkr_place_order", arguments=order)
            prepared["content"] = prepared["content"].replace('"PRICE"', price)
            async with plain_http() as http:
                response = await http.post(front.endpoint, **prepared)
            assert "[invalid_arguments] lmtPrice: " in response.text, price[:20]
            assert len(response.text) < 2000

    assert recorder.asked == []


async def test_fault_of_ours_is_an_internal_error_that_names_its_log_line(redis_url: str, session: str) -> None:
    handlers = {"place_order": answering(["no order report"])}
    async with worker(redis_url, session, handlers), serving(redis_url, session) as front:
        with structlog.testing.capture_logs([structlog.contextvars.merge_contextvars]) as logs:
            result = await front.raw().call("ibkr_place_order", symbol="SPY", action="BUY", totalQuantity=1)

    (failure,) = [line for line in logs if line["event"] == "call_failed"]
    text = result["content"][0]["text"]
    assert text.startswith("[internal] ")
    assert failure["request_id"] in text
    assert "It is unknown whether the order was sent" in text


async def test_each_call_is_one_log_line_without_arguments(redis_url: str, session: str) -> None:
    async with worker(redis_url, session, {"get_pnl": answering(PNL)}), serving(redis_url, session) as front:
        with structlog.testing.capture_logs([structlog.contextvars.merge_contextvars]) as logs:
            await front.raw().call("ibkr_get_pnl", account="DU1234567")
            await front.raw().call("ibkr_get_pnl", account="?")
            await until(lambda: len([each for each in logs if each["event"] == "call"]) == 2, "both are written")

    lines = [{name: line[name] for name in ("tool", "caller", "outcome")} for line in logs if line["event"] == "call"]
    assert lines == [
        {"tool": "get_pnl", "caller": "local", "outcome": "ok"},
        {"tool": "get_pnl", "caller": "local", "outcome": "invalid_arguments"},
    ]
    assert "DU1234567" not in str(logs)


@pytest.mark.parametrize("era", ERAS)
async def test_halting_is_never_paced(redis_url: str, session: str, era: str) -> None:
    async with serving(redis_url, session, front_calls_per_s=0.001, front_burst=1) as front:
        client = front.raw(era)
        answers = [await client.call("ibkr_halt_trading", reason="it floods") for _ in range(3)]

    assert [answer["structuredContent"]["halted"] for answer in answers] == [True, True, True]


async def test_running_calls_are_counted(redis_url: str, session: str) -> None:
    release = asyncio.Event()

    async def slow(_asked: RequestContext) -> bytes:
        await release.wait()
        return json.dumps(PNL).encode()

    async with worker(redis_url, session, {"get_pnl": slow}), serving(redis_url, session) as front:
        client = asyncio.create_task(front.raw().call("ibkr_get_pnl"))
        idle = front.front.calls._running.idle
        await until(lambda: not idle.is_set(), "the call is under way")
        release.set()
        await client
        assert idle.is_set()


@pytest.mark.trial("A23")
@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("name", ["claude-desktop", "odd\n\u202ename" + "x" * 200])
async def test_a_client_is_told_apart_by_its_name_and_owns_nothing_by_it(
    redis_url: str, session: str, era: str, name: str
) -> None:
    """A 2025 client gives its name in `initialize` alone, and no session is kept: its address stands for it."""
    seen: list[RequestContext] = []

    async def handler(context: RequestContext) -> bytes:
        seen.append(context)
        return b"[]"

    meta = {"io.modelcontextprotocol/clientInfo": {"name": name, "version": "1"}}
    async with worker(redis_url, session, {"get_positions": handler}), serving(redis_url, session) as front:
        await front.raw(era).call("ibkr_get_positions", meta if era == MODERN else None)

    (asked,) = seen
    shown = name if len(name) < 64 else "odd name" + "x" * 55 + "…"
    assert (asked.caller, asked.client) == ("local", shown if era == MODERN else "127.0.0.1")
