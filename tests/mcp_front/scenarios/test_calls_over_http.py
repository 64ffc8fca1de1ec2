"""A call goes over HTTP and the bus to the worker and back, in both protocol eras."""

import asyncio
import json
import sys
import time
from contextlib import suppress
from typing import Any

import pytest
import structlog

from benchmarks.steps import measured
from bridge.bus.server.request import RequestContext
from bridge.tool import Effect, ToolError, ToolSpec
from mcp_front.protocol.results import ERROR_META
from mcp_front.tools.catalogue import offered_tools
from tests.stacks.example_arguments import example_arguments
from tests.stacks.front import ERAS, LEGACY, MODERN, RawClient, answering, plain_http, serving, wait_until, worker

CONTRACT = {
    "conId": 265598, "symbol": "AAPL", "secType": "STK", "exchange": "SMART", "primaryExchange": "NASDAQ",
    "currency": "USD", "localSymbol": "AAPL", "tradingClass": "NMS", "lastTradeDateOrContractMonth": None,
    "strike": None, "right": None, "multiplier": None,
}  # fmt: skip
POSITIONS = [{"account": "DU1234567", "contract": CONTRACT, "position": 10.0, "avgCost": None}]
PNL = {"account": "DU1234567", "modelCode": "", "dailyPnL": None, "unrealizedPnL": 1.5, "realizedPnL": None}
CANDIDATES = [{"conId": 1}, {"conId": 2}]
POST = """
import json, sys, urllib.request
url, prepared = sys.argv[1], json.loads(sys.argv[2])
request = urllib.request.Request(url, prepared["content"].encode(), prepared["headers"])
text = urllib.request.urlopen(request).read().decode()
sys.stdout.write(text if text.startswith("{") else text.split("data:")[-1])
"""  # a client in a process of its own: in the front's it would take steps of its loop
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class Recorder:
    """A handler that keeps what it was asked."""

    def __init__(self, answer: Any) -> None:
        self.asked: list[RequestContext] = []
        self._answer = answering(answer)

    async def __call__(self, asked: RequestContext) -> bytes:
        self.asked.append(asked)
        return await self._answer(asked)


async def ambiguous(_asked: RequestContext) -> bytes:
    raise ToolError("ambiguous_contract", "Two contracts fit. Name one by conId.", candidates=CANDIDATES)


@pytest.mark.parametrize("era", ERAS)
async def test_list_comes_back_as_a_list_with_its_nulls(redis_url: str, session: str, era: str) -> None:
    async with (
        worker(redis_url, session, {"get_positions": answering(POSITIONS)}),
        serving(redis_url, session) as front,
        front.client(era) as client,
    ):
        result = await client.call_tool("ibkr_get_positions")

    assert result.structured_content == {"result": POSITIONS}
    assert json.loads(result.content[0].text) == POSITIONS


@pytest.mark.parametrize("era", ERAS)
async def test_object_comes_back_as_an_object(redis_url: str, session: str, era: str) -> None:
    async with worker(redis_url, session, {"get_pnl": answering(PNL)}), serving(redis_url, session) as front:
        result = await front.raw(era).call("ibkr_get_pnl")

    assert result["structuredContent"] == PNL
    assert json.loads(result["content"][0]["text"]) == PNL
    assert not result.get("isError")


@pytest.mark.trial("C13")
@pytest.mark.parametrize("era", ERAS)
async def test_workers_error_comes_back_with_code_text_and_details(redis_url: str, session: str, era: str) -> None:
    async with worker(redis_url, session, {"get_contract_details": ambiguous}), serving(redis_url, session) as front:
        result = await front.raw(era).call("ibkr_get_contract_details", symbol="IBKR")

    whole = {"code": "ambiguous_contract", "message": "Two contracts fit. Name one by conId.", "candidates": CANDIDATES}
    first, second = result["content"][0]["text"].splitlines()
    assert result["isError"] is True
    assert first == "[ambiguous_contract] Two contracts fit. Name one by conId."
    assert json.loads(second) == {"candidates": CANDIDATES}
    assert result["_meta"][ERROR_META] == whole
    assert "structuredContent" not in result  # it would break the tool's output schema


async def test_worker_gets_the_stated_arguments_the_caller_and_the_trace(redis_url: str, session: str) -> None:
    recorder = Recorder([])
    async with worker(redis_url, session, {"get_historical_data": recorder}), serving(redis_url, session) as front:
        await front.raw(traceparent=TRACE).call("ibkr_get_historical_data", symbol="VTI", conId="7")

    (asked,) = recorder.asked
    assert json.loads(asked.arguments) == {"symbol": "VTI", "conId": 7}
    assert (asked.caller, asked.traceparent, asked.key) == ("local", TRACE, None)
    assert len(asked.request_id) == 16


async def test_trace_in_the_requests_meta_goes_before_the_header(redis_url: str, session: str) -> None:
    recorder = Recorder(PNL)
    async with worker(redis_url, session, {"get_pnl": recorder}), serving(redis_url, session) as front:
        await front.raw(traceparent="00-" + "1" * 32 + "-" + "2" * 16 + "-00").call(
            "ibkr_get_pnl", {"traceparent": TRACE}
        )
        await front.raw(traceparent="nonsense\twith\ttabs").call("ibkr_get_pnl")

    assert [asked.traceparent for asked in recorder.asked] == [TRACE, None]


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


async def test_body_beyond_four_megabytes_is_refused_unread(redis_url: str, session: str) -> None:
    async with serving(redis_url, session) as front, plain_http() as http:
        prepared = front.raw().prepared("tools/call", name="ibkr_get_pnl", arguments={"account": "A" * 5_000_000})
        response = await http.post(front.endpoint, **prepared)

    assert response.status_code == 413


async def test_fault_of_ours_is_an_internal_error_that_names_its_log_line(redis_url: str, session: str) -> None:
    handlers = {"place_order": answering(["no order report"])}
    async with worker(redis_url, session, handlers), serving(redis_url, session) as front:
        with structlog.testing.capture_logs([structlog.contextvars.merge_contextvars]) as logs:
            result = await front.raw().call("ibkr_place_order", symbol="SPY", action="BUY", totalQuantity=1)

    (failure,) = [line for line in logs if line["event"] == "call_failed"]
    text = result["content"][0]["text"]
    assert text.startswith("[internal] ")
    assert failure["request_id"] in text
    assert "Whether the order was sent is not known" in text


async def test_each_call_is_one_log_line_without_arguments(redis_url: str, session: str) -> None:
    async with worker(redis_url, session, {"get_pnl": answering(PNL)}), serving(redis_url, session) as front:
        with structlog.testing.capture_logs([structlog.contextvars.merge_contextvars]) as logs:
            await front.raw().call("ibkr_get_pnl", account="DU1234567")
            await front.raw().call("ibkr_get_pnl", account="?")
            await wait_until(lambda: len([each for each in logs if each["event"] == "call"]) == 2, "both are written")

    lines = [{name: line[name] for name in ("tool", "caller", "outcome")} for line in logs if line["event"] == "call"]
    assert lines == [
        {"tool": "get_pnl", "caller": "local", "outcome": "ok"},
        {"tool": "get_pnl", "caller": "local", "outcome": "invalid_arguments"},
    ]
    assert "DU1234567" not in str(logs)


@pytest.mark.parametrize("era", ERAS)
async def test_client_that_hangs_up_cancels_its_call(redis_url: str, session: str, era: str) -> None:
    asked = asyncio.Event()

    async def slow(_asked: RequestContext) -> bytes:
        asked.set()
        await asyncio.Event().wait()
        return b""

    async with serving(redis_url, session) as front, worker(redis_url, session, {"get_pnl": slow}):
        client = asyncio.create_task(front.raw(era).call("ibkr_get_pnl"))
        await asked.wait()
        client.cancel()

        async with asyncio.timeout(3):
            await front.front.calls.idle()


@pytest.mark.fault(104)
@pytest.mark.trial("C13")
@pytest.mark.parametrize("era", ERAS)
async def test_calls_beyond_the_allowance_are_paced(redis_url: str, session: str, era: str) -> None:
    handlers = {"get_pnl": answering(PNL)}
    limits = {"front_calls_per_s": 0.001, "front_burst": 2}
    async with worker(redis_url, session, handlers), serving(redis_url, session, **limits) as front:
        client = front.raw(era)
        answers = [await client.call("ibkr_get_pnl") for _ in range(3)]

    assert [bool(answer.get("isError")) for answer in answers] == [False, False, True]
    assert answers[2]["content"][0]["text"].startswith("[paced] ")
    assert answers[2]["_meta"][ERROR_META]["retry_after_s"] > 100
    assert "structuredContent" not in answers[2]


@pytest.mark.fault(104)
async def test_calls_that_come_too_early_wait_for_their_turn(redis_url: str, session: str) -> None:
    handlers = {"get_pnl": answering(PNL)}
    limits = {"front_calls_per_s": 10, "front_burst": 1}
    async with worker(redis_url, session, handlers), serving(redis_url, session, **limits) as front:
        client, began = front.raw(), time.monotonic()
        answers = await asyncio.gather(*(client.call("ibkr_get_pnl") for _ in range(6)))

    assert not any(answer.get("isError") for answer in answers)
    assert time.monotonic() - began >= 0.5


@pytest.mark.parametrize("era", ERAS)
async def test_halting_is_never_paced(redis_url: str, session: str, era: str) -> None:
    async with serving(redis_url, session, front_calls_per_s=0.001, front_burst=1) as front:
        client = front.raw(era)
        answers = [await client.call("ibkr_halt_trading", reason="it floods") for _ in range(3)]

    assert [answer["structuredContent"]["halted"] for answer in answers] == [True, True, True]


@pytest.mark.parametrize("era", ERAS)
async def test_every_tool_says_at_once_that_no_worker_is_there(redis_url: str, session: str, era: str) -> None:
    async with serving(redis_url, session) as front:
        answers = await answers_of_all_tools(front.raw(era))

    halted = answers.pop("ibkr_halt_trading")["structuredContent"]  # needs no worker
    assert halted["halted"] is True
    assert "Only the operator releases it." in halted["message"]
    # No worker has ever compared this Redis with IBKR, so nobody can say what became of a key.
    assert codes(answers) == expected_codes("no_worker", write="unknown")
    assert "Start ib_worker" in answers["ibkr_get_positions"]["content"][0]["text"]


@pytest.mark.fault(79)
@pytest.mark.parametrize("era", ERAS)
async def test_every_tool_says_in_time_that_redis_is_not_there(session: str, era: str) -> None:
    async with serving("redis://127.0.0.1:1/0", session) as front:
        answers = await answers_of_all_tools(front.raw(era))

    assert codes(answers) == expected_codes("bus_down")
    for answer in answers.values():
        assert "Redis" in answer["content"][0]["text"]


async def answers_of_all_tools(client: RawClient, *but: Effect) -> dict[str, dict[str, Any]]:
    """What each tool answers, but those of an effect; none may take two seconds.

    Six at a time, so that waiting here is not counted there. One that was late is asked twice more: a slow tool is
    late each time, a machine that was held up by another test is not.
    """
    places = asyncio.Semaphore(6)

    async def answer(declared: ToolSpec) -> tuple[str, dict[str, Any]]:
        arguments = example_arguments(declared)
        for _ in range(3):
            with suppress(TimeoutError):
                async with places, asyncio.timeout(2):
                    return declared.tool_name, await client.call(declared.tool_name, **arguments)
        pytest.fail(f"{declared.tool_name} took more than two seconds, three times of three")

    return dict(await asyncio.gather(*(answer(each) for each in offered_tools() if each.effect not in but)))


def expected_codes(code: str, write: str = "not_executed") -> dict[str, str]:
    """A write that was not sent says so; everything else says what is missing."""
    return {
        each.tool_name: write if each.effect is Effect.WRITE else code
        for each in offered_tools()
        if code != "no_worker" or each.effect is not Effect.HALT
    }


def codes(answers: dict[str, dict[str, Any]]) -> dict[str, str]:
    """The error's code of each answer; ibkr_get_status has its state instead, since it always answers."""
    return {
        name: answer["_meta"][ERROR_META]["code"] if answer.get("isError") else answer["structuredContent"]["state"]
        for name, answer in answers.items()
    }


async def test_unknown_tool_is_said_to_be_unknown(redis_url: str, session: str) -> None:
    async with serving(redis_url, session) as front:
        for era in (MODERN, LEGACY):
            result = await front.raw(era).call("ibkr_sell_everything")
            assert result["isError"] is True
            assert "Unknown tool" in result["content"][0]["text"]


async def test_running_calls_are_counted(redis_url: str, session: str) -> None:
    release = asyncio.Event()

    async def slow(_asked: RequestContext) -> bytes:
        await release.wait()
        return json.dumps(PNL).encode()

    async with worker(redis_url, session, {"get_pnl": slow}), serving(redis_url, session) as front:
        client = asyncio.create_task(front.raw().call("ibkr_get_pnl"))
        idle = front.front.calls._idle
        await wait_until(lambda: not idle.is_set(), "the call is under way")
        release.set()
        await client
        assert idle.is_set()


@pytest.mark.trial("B1", "B2")
@pytest.mark.parametrize("era", ERAS)
async def test_an_answer_that_was_cut_says_so_in_its_text_and_to_programs(
    redis_url: str, session: str, era: str
) -> None:
    cut = {"rows": 1, "of": 5000, "newest": True, "narrow": "Name a symbol."}

    async def positions(asked: RequestContext) -> bytes:
        asked.truncated = cut
        return json.dumps(POSITIONS).encode()

    async with worker(redis_url, session, {"get_positions": positions}), serving(redis_url, session) as running:
        told = await running.raw(era).call("ibkr_get_positions")

    assert told["content"][0]["text"].startswith("truncated: the newest 1 of 5000 rows. Name a symbol.\n")
    assert told["_meta"]["ibkr/truncated"] == cut
    assert len(told["structuredContent"]["result"]) == 1


@pytest.mark.trial("B1")
async def test_a_long_answer_takes_no_long_step_of_the_front(redis_url: str, session: str) -> None:
    bar = {"date": "2025-06-11T09:30:00-04:00", "open": 420.13, "high": 421.5, "low": 419.25, "close": 420.75}
    bars = [bar | {"volume": 12345.0 + number, "average": 420.5213, "barCount": number} for number in range(2_000)]
    long = answering(bars)
    async with worker(redis_url, session, {"get_historical_data": long}), serving(redis_url, session) as running:
        asked = running.raw().prepared("tools/call", name="ibkr_get_historical_data", arguments={"symbol": "SPY"})
        program = await asyncio.create_subprocess_exec(
            sys.executable, "-c", POST, running.endpoint, json.dumps(asked), stdout=asyncio.subprocess.PIPE
        )
        with measured() as steps:
            answer, _ = await program.communicate()

        assert len(json.loads(answer)["result"]["structuredContent"]["result"]) == 2_000
        assert not steps.over


@pytest.mark.trial("A23")
@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("name", ["claude-desktop", "odd\n\u202ename" + "x" * 200])
async def test_a_client_is_told_apart_by_its_name_and_owns_nothing_by_it(
    redis_url: str, session: str, era: str, name: str
) -> None:
    """A 2025 client gives its name in `initialize` alone, and no session is kept: its address stands for it."""
    seen: list[RequestContext] = []

    async def handler(asked: RequestContext) -> bytes:
        seen.append(asked)
        return b"[]"

    meta = {"io.modelcontextprotocol/clientInfo": {"name": name, "version": "1"}}
    async with worker(redis_url, session, {"get_positions": handler}), serving(redis_url, session) as front:
        await front.raw(era).call("ibkr_get_positions", meta if era == MODERN else None)

    (asked,) = seen
    shown = name if len(name) < 64 else "odd name" + "x" * 55 + "…"
    assert (asked.caller, asked.client) == ("local", shown if era == MODERN else "127.0.0.1")
