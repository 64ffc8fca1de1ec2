"""A plain tool call has one answer, whether the direct lane or FastMCP gives it; FastMCP gets what names a session."""

import asyncio
import json
import re
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from fastmcp.tools import ToolResult
from mcp_types.version import SUPPORTED_PROTOCOL_VERSIONS
from starlette.types import Message

import mcp_front.__main__
from bridge.bus.oauth.resource import ENDPOINT
from bridge.bus.server.request import RequestContext
from bridge.tool import TOOLS, Effect, ToolSpec
from mcp_front.http import direct_lane
from mcp_front.protocol.envelope import MESSAGE
from mcp_front.timing import FrontTiming
from tests.busy import BUSY_S
from tests.stacks.example_arguments import example_arguments
from tests.stacks.front import ERAS, LEGACY, MODERN, Running, answering, messages_of, plain_http, serving, worker
from tests.stacks.ticking_worker import ticking
from tests.stacks.whole import whole_stack

FASTMCP = {"mcp-session-id": "none"}  # a header that the lane leaves to FastMCP, and a stateless front ignores
MOVING = re.compile(r'iVBOR[\w+/=]+|[\w-]{20,}(?=\\?")|-?\d[\d.,:T+-]*')  # pictures, tokens, ids, times, figures
NVDA = {"symbol": "NVDA"}
NOTHING = {"count": 0, "truncated": False, "result": []}
ALERT: dict[str, Any] = {"events": [{"event": "price", "symbol": "NVDA", "above": 100_000}], "note": "far"}
NVDA_PUT = NVDA | {"lastTradeDateOrContractMonth": "20250718", "strike": 100, "right": "P", "underPrice": 90}
CALLS: list[tuple[str, dict[str, Any]]] = [
    ("ibkr_get_account_summary", {}),
    ("ibkr_get_positions", {}),
    ("ibkr_get_positions", {"symbol": "NVDA", "account": None}),
    ("ibkr_get_pnl", {}),
    ("ibkr_get_pnl_single", {"conId": 265598}),
    ("ibkr_get_account_history", {"table": "trades"}),
    ("ibkr_get_account_history", {"startDate": "2025-06-12", "endDate": "2025-06-11"}),
    ("ibkr_get_chart", NVDA | {"durationStr": "2 M"}),
    ("ibkr_get_chart", NVDA | {"kind": "equity"}),
    ("ibkr_get_portfolio", {"account": "DU1234567"}),
    ("ibkr_get_portfolio", {"limit": 0}),
    ("ibkr_get_account_values", {"tags": "margin, cash"}),
    ("ibkr_get_contract_details", NVDA),
    ("ibkr_get_contract_details", {"symbol": "NOSUCH"}),
    ("ibkr_get_historical_data", NVDA | {"durationStr": "5 D", "barSizeSetting": "1 day"}),
    ("ibkr_get_historical_data", NVDA | {"durationStr": "1 Y", "barSizeSetting": "1 min"}),
    ("ibkr_get_historical_data", NVDA | {"durationStr": "1 D", "barSizeSetting": "1 min"}),
    ("ibkr_get_historical_data", NVDA | {"format": "table", "limit": 5, "fields": ["date", "close"]}),
    ("ibkr_get_historical_data", NVDA | {"format": "summary"}),
    ("ibkr_get_positions", {"format": "table"}),
    ("ibkr_get_positions", {"fields": ["nonsense"]}),
    ("ibkr_get_account_summary", {"format": "table"}),
    ("ibkr_get_contract_details", {"symbol": "EUR/USD"}),
    ("ibkr_get_contract_details", {"symbol": "EUR/USD", "secType": "STK"}),
    ("ibkr_search_symbols", {"pattern": "nvidia"}),
    ("ibkr_search_symbols", {"pattern": "nvidia", "limit": 99}),
    ("ibkr_get_server_time", {}),
    ("ibkr_get_quotes", {"contracts": [NVDA, {"symbol": "NOSUCH"}]}),
    ("ibkr_get_quotes", {"contracts": ["NVDA"]}),
    ("ibkr_get_quotes", {"contracts": [NVDA] * 51}),
    ("ibkr_get_market_depth", {"symbol": "NOSUCH"}),
    ("ibkr_get_scanner_parameters", {"words": "gain"}),
    ("ibkr_run_scanner", {"scanCode": "MARKET_CAP_USD", "limit": 3}),
    ("ibkr_run_scanner", {"scanCode": "MARKET_CAP_USD", "filters": ["priceOver=1"]}),
    ("ibkr_get_news", NVDA | {"limit": 2}),
    ("ibkr_get_news_article", {"providerCode": "BRFG", "articleId": "BRFG$0"}),
    ("ibkr_get_news_bulletins", {}),
    ("ibkr_get_option_chain", {"symbol": "NVDA"}),
    ("ibkr_get_option_chain", {"symbol": "NVDA", "expiry": "soon"}),
    ("ibkr_get_option_quotes", {"symbol": "NVDA", "strikes": "1, 2", "right": "put"}),
    ("ibkr_get_option_quotes", {"symbol": "NVDA", "delta": "2"}),
    ("ibkr_calculate_option_price", NVDA_PUT | {"volatility": 0.3}),
    ("ibkr_calculate_implied_volatility", NVDA_PUT | {"optionPrice": 0.01}),
    ("ibkr_get_historical_ticks", NVDA | {"limit": 3, "endDateTime": "2025-06-10"}),
    ("ibkr_get_historical_ticks", NVDA | {"limit": 3, "cursor": "nonsense"}),
    ("ibkr_get_head_timestamp", NVDA),
    ("ibkr_get_histogram", NVDA | {"timePeriod": "1 day", "bins": 3}),
    ("ibkr_get_trading_schedule", NVDA),
    ("ibkr_get_performance", {"contracts": ["NVDA", "NOSUCH"], "endDate": "2025-05-30"}),
    ("ibkr_get_performance", {"contracts": ["NVDA"], "period": "for ever"}),
    ("ibkr_get_open_orders", {}),
    ("ibkr_get_completed_orders", {}),
    ("ibkr_get_executions", {}),
    ("ibkr_get_order", {"orderId": 77}),
    ("ibkr_preview_order", NVDA | {"action": "BUY", "totalQuantity": 1}),
    ("ibkr_preview_order", NVDA | {"action": "HOLD", "totalQuantity": "many"}),
    ("ibkr_get_status", {"verbose": "no such argument"}),
    ("ibkr_connect", {}),
    ("ibkr_connect", {"clientId": 5}),
    ("ibkr_get_positions", {"symbl": "NVDA"}),
    ("ibkr_get_contract_details", {}),
    ("ibkr_subscribe", {"kind": "quotes"}),
    ("ibkr_unsubscribe", {"handle": "s-0123456789ab"}),
    ("ibkr_get_streams", {}),
    ("ibkr_read_stream", {"handle": "s-0123456789ab"}),
    ("ibkr_stream_market_data", {"symbol": "NOSUCH"}),
    ("ibkr_stream_account_updates", {"duration_seconds": "long"}),
    ("ibkr_wait_for", {"events": [{"event": "halt"}], "timeout_seconds": 0}),
    ("ibkr_create_alert", ALERT),
    ("ibkr_create_alert", {"events": [{"event": "halt"}], "targets": ["no-such-target"]}),
    ("ibkr_create_alert", {"events": []}),
    ("ibkr_get_alerts", {}),
    ("ibkr_cancel_alert", {"alertId": "abcdefgh-0123456789abcdef"}),
    ("ibkr_halt_trading", {"reason": "a test"}),
    ("ibkr_halt_trading", {"reason": 5, "cancelOrders": "yes"}),
]


def others() -> list[tuple[str, dict[str, Any]]]:
    """Return a call of each tool that is not among CALLS, and that can be called twice."""
    left_out = {"ibkr_disconnect", *(tool for tool, _ in CALLS)}
    specs = [each for each in TOOLS.values() if each.effect is not Effect.WRITE]
    return [(each.tool_name, example_arguments(each)) for each in specs if each.tool_name not in left_out]


async def answered(front: Running, era: str, tool: str, arguments: dict[str, Any], **headers: str) -> dict[str, Any]:
    return (await front.raw(era, **headers).request("tools/call", name=tool, arguments=arguments))["result"]  # type: ignore[no-any-return]


def words(result: dict[str, Any]) -> str:
    """The answer's text, in the order of its fields, but for what moves between two calls."""
    return MOVING.sub("…", json.dumps(result, ensure_ascii=False))


async def test_the_lane_and_fastmcp_give_the_same_answers(redis_url: str, session: str) -> None:
    async with whole_stack(redis_url, session) as stack:
        await answered(stack.front, MODERN, "ibkr_halt_trading", {"reason": "so that each halt below is the second"})
        await answered(stack.front, MODERN, "ibkr_create_alert", ALERT)  # the same call twice is one alert
        for era in ERAS:
            for tool, arguments in [*CALLS, *others()]:
                ways = [await answered(stack.front, era, tool, arguments, **FASTMCP)]
                ways.append(await answered(stack.front, era, tool, arguments))
                assert words(ways[1]) == words(ways[0]), (era, tool, arguments)


@pytest.mark.parametrize("era", SUPPORTED_PROTOCOL_VERSIONS)
async def test_both_ways_give_the_same_figures(redis_url: str, session: str, era: str) -> None:
    rows = [{"account": "DU1", "tag": "Gehälter", "value": 1.0, "currency": None}] * 2
    handlers = {"get_account_summary": answering(rows), "get_pnl": answering({"dailyPnL": None, "unrealizedPnL": 1e21})}
    async with worker(redis_url, session, handlers), serving(redis_url, session) as front:
        for tool in ("ibkr_get_account_summary", "ibkr_get_pnl"):
            fastmcp, lane = await answered(front, era, tool, {}, **FASTMCP), await answered(front, era, tool, {})
            assert json.dumps(lane) == json.dumps(fastmcp)


@pytest.mark.parametrize("era", ERAS)
async def test_both_ways_send_the_same_messages_of_a_stream(redis_url: str, session: str, era: str) -> None:
    call: dict[str, Any] = {"name": "ibkr_stream_market_data", "arguments": {"symbol": "SPY", "duration_seconds": 1}}
    levels = [("debug", 2), ("error", 1)] if era == MODERN else [(None, 2)]
    async with ticking(redis_url, session), serving(redis_url, session) as front:
        for level, kinds in levels:
            meta = {"progressToken": "p"} | ({"io.modelcontextprotocol/logLevel": level} if level else {})
            ways = await asyncio.gather(
                *(front.raw(era, **each).messages("tools/call", meta, **call) for each in (FASTMCP, {}))
            )
            shapes = [[words(each) for each in way[:2]] for way in ways]
            assert shapes[1] == shapes[0]
            assert [len({each.get("method") for each in way[:-1]}) for way in ways] == [kinds, kinds]
            assert [type(way[1]["params"].get("total", 0.0)) for way in ways] == [float, float]


@pytest.mark.parametrize("era", ERAS)
async def test_the_lane_answers_in_json_and_leaves_the_rest_to_fastmcp(
    redis_url: str, session: str, era: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[str] = []

    class Watched(direct_lane.DirectLane):
        async def _answer(self, call: Any, *rest: Any) -> None:
            taken.append(call.tool)
            await super()._answer(call, *rest)

    monkeypatch.setattr(mcp_front.__main__, "DirectLane", Watched)
    async with worker(redis_url, session, {"get_positions": answering([])}), serving(redis_url, session) as front:
        raw = front.raw(era)
        async with plain_http() as http:
            call = raw.prepared("tools/call", name="ibkr_get_positions", arguments={})
            told = await http.post(front.endpoint, **call)
            for refused in (
                raw.prepared("tools/call", name="ibkr_get_positions", arguments={}, meta={"progressToken": [1]}),
                front.raw(era, **{"content-type": "text/plain"}).prepared("tools/call", name="ibkr_get_positions"),
                front.raw("2031-01-01").prepared("tools/call", name="ibkr_get_positions"),
                raw.prepared("tools/call", name="ibkr_get_drawing", arguments={}),
                raw.prepared("tools/list"),
            ):
                await http.post(front.endpoint, **refused)

    assert taken == ["ibkr_get_positions"]
    assert told.headers["content-type"] == "application/json"
    assert messages_of(told)[0]["result"]["structuredContent"] == NOTHING


async def test_the_lane_knows_the_tokens_owner_and_the_clients_name(
    redis_url: str, session: str, tmp_path: Path
) -> None:
    asked: list[tuple[str, str]] = []

    async def positions(request: RequestContext) -> bytes:
        asked.append((request.caller, request.client))
        return b"[]"

    tokens = tmp_path / "tokens.json"
    names = {"desk": ["read"], "clerk": ["admin"]}
    known = [{"name": n, "sha256": sha256(n.encode()).hexdigest(), "scopes": scopes} for n, scopes in names.items()]
    tokens.write_text(json.dumps(known))
    async with (
        worker(redis_url, session, {"get_positions": positions}),
        serving(redis_url, session, front_tokens_file=tokens) as front,
    ):
        for era in ERAS:
            await answered(front, era, "ibkr_get_positions", {}, authorization="Bearer desk")
        refused = await answered(front, MODERN, "ibkr_get_positions", {}, authorization="Bearer clerk")

    assert asked == [("desk", "desk/raw"), ("desk", "desk/127.0.0.1")]
    assert refused["_meta"]["ibkr/error"]["code"] == "forbidden"


async def test_a_progress_token_or_log_level_does_not_change_the_way(redis_url: str, session: str) -> None:
    async with worker(redis_url, session, {"get_positions": answering([])}), serving(redis_url, session) as front:
        meta = {"progressToken": "p", "io.modelcontextprotocol/logLevel": "debug"}
        async with plain_http() as http:
            call = front.raw(MODERN).prepared("tools/call", meta, name="ibkr_get_positions", arguments={})
            told = await http.post(front.endpoint, **call)

    assert told.headers["content-type"] == "application/json"


async def test_a_client_that_hangs_up_ends_its_read_within_a_second(redis_url: str, session: str) -> None:
    begun = asyncio.Event()

    async def slow(_asked: RequestContext) -> bytes:
        begun.set()
        await asyncio.sleep(60)
        return b"[]"

    async with worker(redis_url, session, {"get_positions": slow}), serving(redis_url, session) as front:
        async with plain_http() as http:
            call = front.raw(LEGACY).prepared("tools/call", name="ibkr_get_positions", arguments={})
            post = asyncio.create_task(http.post(front.endpoint, **call))
            await begun.wait()
            post.cancel()
            await asyncio.gather(post, return_exceptions=True)
        async with asyncio.timeout(1 + BUSY_S):
            await front.front.calls.idle()


@pytest.mark.parametrize("era", ERAS)
async def test_a_long_wait_becomes_an_event_stream_that_pings(redis_url: str, session: str, era: str) -> None:
    go, soon = asyncio.Event(), FrontTiming(stream_after_s=0.1, ping_s=0.1)

    async def slow(_asked: RequestContext) -> bytes:
        await go.wait()
        return b"[]"

    async with (
        worker(redis_url, session, {"get_positions": slow}),
        serving(redis_url, session, timing=soon) as front,
        plain_http() as http,
    ):
        call = front.raw(era).prepared("tools/call", name="ibkr_get_positions", arguments={})
        async with http.stream("POST", front.endpoint, **call) as told:
            lines = told.aiter_lines()
            pings = [line async for line in _some(lines, 3)]
            go.set()
            rest = [line async for line in lines]
        alone = front.raw(era, accept="application/json").prepared("tools/call", name="ibkr_get_positions")
        whole = await http.post(front.endpoint, **alone)

    assert told.headers["content-type"] == "text/event-stream"
    assert pings[0] == ": ping"
    answers = [json.loads(line[5:]) for line in rest if line.startswith("data:")]
    assert [each["result"]["structuredContent"] for each in answers] == [NOTHING]
    assert whole.headers["content-type"] == "application/json"


async def _some(lines: Any, count: int) -> Any:
    async for line in lines:
        yield line
        count -= 1
        if not count:
            return


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("name", [[1], {"a": 1}])
async def test_a_name_of_any_type_in_another_message_is_left_to_fastmcp(
    redis_url: str, session: str, era: str, name: Any
) -> None:
    async with serving(redis_url, session) as front, plain_http() as http:
        call = front.raw(era, **{"mcp-name": "x"}).prepared("ping", name="x")
        body = json.loads(call["content"])
        body["params"]["name"] = name
        told = await http.post(front.endpoint, headers=call["headers"], content=json.dumps(body))

    assert told.status_code < 500


async def test_a_state_that_was_not_handed_out_is_refused_and_holds_no_halt_up(redis_url: str, session: str) -> None:
    async with worker(redis_url, session, {"get_positions": answering([])}), serving(redis_url, session) as front:
        raw = front.raw()
        read = await raw.request("tools/call", name="ibkr_get_positions", arguments={}, requestState="mine")
        halt = await raw.request("tools/call", name="ibkr_halt_trading", arguments={}, requestState="mine")

    assert read["result"]["_meta"]["ibkr/error"]["code"] == "confirmation_invalid"
    assert halt["result"]["structuredContent"]["halted"]


@pytest.mark.parametrize(("tool", "begins"), [("ibkr_get_positions", False), ("ibkr_halt_trading", True)])
async def test_of_a_client_that_has_gone_a_halt_is_begun_and_a_read_is_not(tool: str, begins: bool) -> None:
    begun: list[str] = []

    class Pipeline:
        async def answer(self, spec: ToolSpec, *_: Any) -> ToolResult:
            begun.append(spec.tool_name)
            return ToolResult(content="done")

    async def gone() -> Message:
        return {"type": "http.disconnect"}

    async def send(_message: Message) -> None:
        pass

    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": tool}}
    headers = [(b"content-type", b"application/json")]
    scope = {"type": "http", "method": "POST", "path": ENDPOINT, "headers": headers, MESSAGE: message}
    unused: Any = None
    calls: Any = Pipeline()
    await direct_lane.DirectLane(unused, calls, TOOLS.values(), frozenset())(scope, gone, send)

    assert bool(begun) is begins


@pytest.mark.parametrize("streams", [False, True])
@pytest.mark.parametrize(("tool", "code"), [("ibkr_get_positions", "retry"), ("ibkr_connect", "unknown")])
async def test_a_call_that_a_stop_cuts_off_is_answered_in_words(
    redis_url: str, session: str, streams: bool, tool: str, code: str
) -> None:
    begun, timing = asyncio.Event(), FrontTiming(cut_s=0, stream_after_s=0.01 if streams else 60)

    async def slow(_asked: RequestContext) -> bytes:
        begun.set()
        await asyncio.sleep(60)
        return b"[]"

    handlers = {"get_positions": slow, "connect": slow}
    async with worker(redis_url, session, handlers), serving(redis_url, session, timing=timing) as front:
        front.server._drain_s = 0.05
        asking = asyncio.create_task(front.raw().call(tool))
        await begun.wait()
        front.server.drain()
        told = await asking

    assert told["_meta"]["ibkr/error"]["code"] == code
