"""What tools/list says to a client that knows nothing of us: the promised table, hints, and plain schemas."""

import json
import re
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
from pydantic import ValidationError

from bridge.bus.server.request import RequestContext
from bridge.tool import Effect, ToolError, ToolSpec
from bridge.toolsets import DEFAULT, TOOLSETS
from mcp_front.protocol.results import ERROR_META
from mcp_front.tools.catalogue import offered_tools
from mcp_front.tools.known_tools import HiddenTools
from mcp_front.tools.server import INSTRUCTIONS, SEARCH_HINT
from tests.stacks.front import ERAS, serving, worker

REQUIRED = object()
SHOWN_BYTES = 2048  # of instructions and of a description: what Claude Code shows its model
FIRST_LINE = 247  # characters of the instructions: what Codex shows its model
LONGEST_SEARCH_WORDS = 150  # characters: they name the tool, and do not list the language
SOLD_BY = (
    "Interactive Brokers", "IBKR", "TWS", "portfolio", "positions", "account", "P&L", "quotes", "price history",
    "stocks", "options", "futures", "orders", "buy", "sell", "stop loss", "cancel", "fills",
)  # fmt: skip
CONTRACT = {"secType": "STK", "exchange": "SMART", "currency": "USD"}

# The API reference's table, typed in by hand: name -> promised parameters with their JSON type and default.
# An optional parameter without a default has None. Further optional parameters may follow; none of these may change.
PROMISED: dict[str, dict[str, tuple[str, Any]]] = {
    "ibkr_connect": {"host": ("string", None), "port": ("integer", None), "clientId": ("integer", None)},
    "ibkr_disconnect": {},
    "ibkr_get_status": {},
    "ibkr_get_contract_details": {
        "symbol": ("string", None), "secType": ("string", "STK"), "exchange": ("string", "SMART"),
        "currency": ("string", "USD"),
    },
    "ibkr_get_historical_data": {
        "symbol": ("string", None), "durationStr": ("string", "1 Y"), "barSizeSetting": ("string", "1 day"),
        "whatToShow": ("string", "TRADES"), "secType": ("string", "STK"), "exchange": ("string", "SMART"),
        "currency": ("string", "USD"),
    },
    "ibkr_stream_market_data": {
        "symbol": ("string", None), "duration_seconds": ("integer", 60), "secType": ("string", "STK"),
        "exchange": ("string", "SMART"), "currency": ("string", "USD"),
    },
    "ibkr_get_account_summary": {},
    "ibkr_get_positions": {},
    "ibkr_stream_account_updates": {"account": ("string", None), "duration_seconds": ("integer", 60)},
    "ibkr_get_pnl": {},
    "ibkr_get_pnl_single": {"account": ("string", None), "modelCode": ("string", None)},
    "ibkr_place_order": {
        "symbol": ("string", None), "action": ("string", REQUIRED), "totalQuantity": ("number", REQUIRED),
        "orderType": ("string", "MKT"), "lmtPrice": ("number", None), "secType": ("string", "STK"),
        "exchange": ("string", "SMART"), "currency": ("string", "USD"),
    },
    "ibkr_cancel_order": {"orderId": ("integer", 0)},
    "ibkr_get_open_orders": {},
    "ibkr_get_executions": {},
}  # fmt: skip

WRITES = {
    "ibkr_place_order", "ibkr_place_bracket_order", "ibkr_modify_order", "ibkr_cancel_order", "ibkr_cancel_all_orders",
    "ibkr_close_positions",
}  # fmt: skip
PICTURES = {"ibkr_get_chart"}  # hosts drop the image of an answer with structured content
OWN = {"ibkr_create_alert", "ibkr_cancel_alert"}  # change what is their caller's alone
OTHERS = {"ibkr_connect", "ibkr_disconnect", "ibkr_halt_trading"}  # change something, and may be repeated


async def listed(redis_url: str, session: str, era: str) -> dict[str, dict[str, Any]]:
    async with serving(redis_url, session) as front:
        answer = await front.raw(era).request("tools/list")
    return {tool["name"]: tool for tool in answer["result"]["tools"]}


@pytest.mark.parametrize("era", ERAS)
async def test_tools_are_the_promised_ones(redis_url: str, session: str, era: str) -> None:
    tools = await listed(redis_url, session, era)

    assert {name: as_promised(tools[name]["inputSchema"], PROMISED[name]) for name in PROMISED} == PROMISED


async def test_promised_parameters_come_first_and_in_their_order(redis_url: str, session: str) -> None:
    tools = await listed(redis_url, session, ERAS[0])

    for name, promised in PROMISED.items():
        assert list(tools[name]["inputSchema"]["properties"])[: len(promised)] == list(promised)


def as_promised(schema: dict[str, Any], promised: dict[str, Any]) -> dict[str, tuple[str, Any]]:
    """The first parameters of a schema, as many as were promised, and every other one that is required."""
    required = set(schema.get("required", []))
    found = {name: field for name, field in schema["properties"].items() if name in promised or name in required}
    plain = {name: field["anyOf"][0] if "anyOf" in field else field for name, field in found.items()}
    return {
        name: (field["type"], REQUIRED if name in required else field.get("default")) for name, field in plain.items()
    }


@pytest.mark.trial("D3")
async def test_argument_with_null_is_optional_without_a_default_and_every_other_argument_is_plain(
    redis_url: str, session: str
) -> None:
    for tool in (await listed(redis_url, session, ERAS[0])).values():
        schema = tool["inputSchema"]
        for name, field in schema["properties"].items():
            optional = name not in schema.get("required", []) and "default" not in field
            assert optional or "anyOf" not in field, (tool["name"], name)
            assert field.get("anyOf", [{}, {"type": "null"}])[1:] == [{"type": "null"}]


def test_unknown_argument_is_refused_by_every_tool() -> None:
    for declared in offered_tools():
        with pytest.raises(ValidationError, match=r"limitPrice\n *Extra inputs are not permitted"):
            declared.request.model_validate({"limitPrice": 1})


@pytest.mark.parametrize("era", ERAS)
async def test_every_tool_has_a_manual_hints_and_an_output_schema(redis_url: str, session: str, era: str) -> None:
    for name, tool in (await listed(redis_url, session, era)).items():
        hints = tool["annotations"]
        assert len(tool["description"]) > 40, name
        assert hints["readOnlyHint"] is (name not in WRITES | OTHERS | OWN)
        assert hints["destructiveHint"] is (name in WRITES | OTHERS)
        assert hints["idempotentHint"] is (name not in WRITES)
        assert hints["openWorldHint"] is True
        if name not in PICTURES:
            assert tool["outputSchema"]["type"] == "object", name
            jsonschema.Draft202012Validator.check_schema(tool["outputSchema"])
        assert ("outputSchema" in tool) is (name not in PICTURES)


@pytest.mark.parametrize("era", ERAS)
async def test_hosts_find_every_tool_by_a_title_and_search_words(redis_url: str, session: str, era: str) -> None:
    for name, tool in (await listed(redis_url, session, era)).items():
        words = tool["_meta"][SEARCH_HINT]
        assert tool["title"].removeprefix("IBKR ").replace(" ", "_") != name.removeprefix("ibkr_"), name
        assert words, name
        assert len(words) <= LONGEST_SEARCH_WORDS, name
        assert len(tool["description"].encode()) <= SHOWN_BYTES, name


def test_first_line_of_the_instructions_is_a_sentence_with_the_words_that_people_use() -> None:
    first = INSTRUCTIONS.splitlines()[0]
    assert len(first) <= FIRST_LINE
    assert first.endswith(".")
    for word in SOLD_BY:
        assert re.search(rf"\b{word}\b", first, re.IGNORECASE), word
    assert len(INSTRUCTIONS.encode()) <= SHOWN_BYTES


@pytest.mark.parametrize("era", ERAS)
async def test_schema_of_arguments_needs_no_reference(redis_url: str, session: str, era: str) -> None:
    tools = await listed(redis_url, session, era)

    assert '"$ref"' not in json.dumps([tool["inputSchema"] for tool in tools.values()])


async def test_order_of_the_list_is_always_the_same(redis_url: str, session: str) -> None:
    first = list(await listed(redis_url, session, ERAS[0]))

    assert list(await listed(redis_url, session, ERAS[1])) == first
    assert first == [declared.tool_name for declared in offered_tools()]


@pytest.mark.trial("D17")
async def test_toolset_narrows_the_list(redis_url: str, session: str) -> None:
    async with serving(redis_url, session, front_toolsets=("session", "history")) as front:
        tools = (await front.raw().request("tools/list"))["result"]["tools"]
        refused = await front.raw().call("ibkr_get_positions")

    assert [tool["name"] for tool in tools] == [
        "ibkr_connect",
        "ibkr_disconnect",
        "ibkr_get_status",
        "ibkr_get_historical_data",
        "ibkr_get_performance",
    ]
    assert refused["content"][0]["text"].startswith("[unknown_tool] Unknown tool")
    assert "FRONT_TOOLSETS leaves out its toolset account" in refused["content"][0]["text"]


def test_toolset_that_is_none_is_refused_with_those_that_are() -> None:
    with pytest.raises(
        ValueError,
        match=r"no such toolset: quotas\. There are all, default, session, contracts, quotes, history, streams",
    ):
        offered_tools(["quotas"])


def test_every_tool_is_in_a_toolset_that_can_be_named() -> None:
    assert {declared.toolset for declared in offered_tools()} <= set(TOOLSETS)


def test_the_references_fifteen_tools_are_offered_by_default() -> None:
    assert set(PROMISED) <= {declared.tool_name for declared in offered_tools([DEFAULT])}


def test_no_manual_of_a_default_tool_sends_a_model_to_a_tool_that_is_not_offered() -> None:
    offered = offered_tools([DEFAULT])
    hidden = HiddenTools(offered)

    assert [each.tool_name for each in offered if hidden.noted(manual(each)) != manual(each)] == []
    assert hidden.noted(INSTRUCTIONS) == INSTRUCTIONS


@pytest.mark.parametrize("chosen", [[DEFAULT], ["session"]])
def test_instructions_name_the_toolsets_that_are_left_out(chosen: list[str]) -> None:
    told = HiddenTools(offered_tools(chosen)).instructed(INSTRUCTIONS)

    assert "the operator can add them in FRONT_TOOLSETS" in told
    assert "charts (pictures" in told
    assert "session (" not in told
    assert len(told.encode()) <= SHOWN_BYTES
    assert HiddenTools(offered_tools()).instructed(INSTRUCTIONS) == INSTRUCTIONS


def manual(declared: ToolSpec) -> str:
    """Return all that a model reads of a tool, as one text."""
    return f"{declared.doc}\n{json.dumps(declared.input_schema())}"


@pytest.mark.parametrize("era", ERAS)
async def test_texts_say_of_a_tool_that_is_left_out_which_toolset_has_it(
    redis_url: str, session: str, era: str
) -> None:
    async def see_the_status(_: RequestContext) -> bytes:
        raise ToolError("timeout", "No answer. Call ibkr_get_status.", after_s=1)

    async with (
        worker(redis_url, session, {"get_open_orders": see_the_status}),
        serving(redis_url, session, front_toolsets=("streams", "orders")) as front,
    ):
        tools = {tool["name"]: tool for tool in (await front.raw(era).request("tools/list"))["result"]["tools"]}
        refused = await front.raw(era).call("ibkr_get_open_orders")

    assert tools["ibkr_stream_market_data"]["description"].endswith(
        "ibkr_get_quotes is not offered here: FRONT_TOOLSETS leaves out its toolset quotes."
    )
    assert refused["_meta"][ERROR_META] == {
        "code": "timeout",
        "message": "No answer. Call ibkr_get_status. ibkr_get_status is not offered here: FRONT_TOOLSETS leaves out "
        "its toolset session.",
        "after_s": 1,
    }


def test_every_write_is_declared_as_one() -> None:
    writes = {declared.tool_name for declared in offered_tools() if declared.effect is Effect.WRITE}

    assert writes == WRITES
