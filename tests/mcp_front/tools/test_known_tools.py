"""A tool that is none, or not for this caller, is answered with a code and the names near it."""

import asyncio
import base64
from typing import Any

import pytest

from bridge.tool import TOOLS, Effect
from bridge.toolsets import DEFAULT
from mcp_front.protocol.results import ERROR_META
from mcp_front.tools.catalogue import offered_tools
from mcp_front.tools.known_tools import unknown_tool
from tests.busy import BUSY_S
from tests.stacks.front import ERAS, LEGACY, MODERN, READY, messages_of, plain_http, serving, worker

WRITES = {
    "ibkr_place_order", "ibkr_place_bracket_order", "ibkr_modify_order", "ibkr_cancel_order", "ibkr_cancel_all_orders",
    "ibkr_close_positions",
}  # fmt: skip


async def listed(redis_url: str, session: str, era: str) -> dict[str, dict[str, Any]]:
    async with serving(redis_url, session) as front:
        answer = await front.raw(era).request("tools/list")
    return {tool["name"]: tool for tool in answer["result"]["tools"]}


@pytest.mark.parametrize(("mode", "offered"), [("paper", True), ("read_only", False)])
async def test_writes_are_offered_where_the_sessions_mode_allows_them(
    redis_url: str, session: str, mode: str, offered: bool
) -> None:
    async with worker(redis_url, session, {}, READY.model_copy(update={"mode": mode})):
        tools = await listed(redis_url, session, ERAS[0])
    after = await listed(redis_url, session, ERAS[0])  # the worker has gone, and its mode is remembered

    assert (set(tools) >= WRITES) is offered
    assert bool(set(tools) & WRITES) is offered
    assert set(after) == set(tools)


async def test_list_does_not_wait_for_a_redis_that_is_away(session: str) -> None:
    async with asyncio.timeout(5 + BUSY_S):
        tools = await listed("redis://127.0.0.1:1/0", session, ERAS[0])

    assert set(tools) >= WRITES


LONGEST_HEADER = 1000  # a 2026-07-28 client sends the name in a header too


UNKNOWN = [
    ("ibkr_get_positionz", ["ibkr_get_positions"]),
    ("get_positions", ["ibkr_get_positions"]),
    ("getPositions", ["ibkr_get_positions"]),
    ("mcp__ibkr__ibkr_place_order", ["ibkr_place_order"]),
    ("ibkr_place_bracket", ["ibkr_place_bracket_order"]),
    ("IBKR-GET-STATUS", ["ibkr_get_status"]),
    ("ibkr_get_quote", ["ibkr_get_quotes"]),  # get_order is nearer by its letters
    ("getMarketPrice", ["ibkr_get_quotes"]),
    ("get_option_chain", ["ibkr_get_option_chain"]),
    ("get_options_chain", ["ibkr_get_option_chain"]),
    ("list_holdings", ["ibkr_get_portfolio"]),
    ("close_position", ["ibkr_close_positions"]),
    ("get_trade_history", ["ibkr_get_account_history"]),
    ("ibkr_get_payoff", ["ibkr_get_chart"]),
    ("ibkr_analyze_strategy", []),
    ("kill_switch", []),
    ("ibkr_sell_everything", []),
    ("x" * 10_000, []),
    ("weather\n\x1b[31m", []),
    ("", []),
]


@pytest.mark.trial("D17")
@pytest.mark.parametrize("era", ERAS)
async def test_unknown_tool_is_answered_with_a_code_and_the_names_near_it(
    redis_url: str, session: str, era: str
) -> None:
    async with serving(redis_url, session) as front:
        for name, near in UNKNOWN:
            if era == MODERN and len(name) > LONGEST_HEADER:
                continue
            prepared = front.raw(era).prepared("tools/call", name=name, arguments={})
            prepared["headers"]["mcp-name"] = f"=?base64?{base64.b64encode(name.encode()).decode()}?="
            async with plain_http() as http:
                answer = messages_of(await http.post(front.endpoint, **prepared))[-1]["result"]
            error = answer["_meta"][ERROR_META]
            assert error["code"] == "unknown_tool", name[:50]
            assert error["near"][: len(near)] == near
            assert near or not error["near"], name[:50]
            assert len(answer["content"][0]["text"]) < 250
            assert "\x1b" not in answer["content"][0]["text"]


def test_a_tool_that_trades_or_stops_something_is_near_by_its_spelling_alone() -> None:
    offered = [declared.tool_name for declared in offered_tools()]
    changing = [name for name in offered if TOOLS[name].effect is not Effect.READ]

    for name in ("flatten", "sell", "stop_trading_now", "analyze_strategy", "get_payoff", "trading", "bracket"):
        assert set(unknown_tool(name, offered).details["near"]).isdisjoint(changing), name
    for name in changing:
        assert unknown_tool(name + "z", offered).details["near"][0] == name


def test_name_for_what_a_left_out_toolset_does_leads_to_that_toolset() -> None:
    refused = unknown_tool("ibkr_get_payoff", [declared.tool_name for declared in offered_tools([DEFAULT])])

    assert "FRONT_TOOLSETS leaves out its toolset charts" in refused.message
    assert refused.details["near"] == []


async def test_unknown_tool_is_said_to_be_unknown(redis_url: str, session: str) -> None:
    async with serving(redis_url, session) as front:
        for era in (MODERN, LEGACY):
            result = await front.raw(era).call("ibkr_sell_everything")
            assert result["isError"] is True
            assert "Unknown tool" in result["content"][0]["text"]
