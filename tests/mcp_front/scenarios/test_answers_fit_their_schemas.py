"""Every answer of every form fits the output schema that its tool has published, as strict clients check it."""

import inspect
import re
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
from fastmcp import Client

from bridge.tool import TOOLS, PartialModel, ToolSpec
from tests.stacks.front import LEGACY
from tests.stacks.whole import whole_stack

IBM = {"symbol": "IBM"}
LISTS: dict[str, dict[str, Any]] = {
    "ibkr_get_contract_details": IBM,
    "ibkr_get_historical_data": IBM | {"durationStr": "10 D"},
    "ibkr_get_account_summary": {},
    "ibkr_get_positions": {},
    "ibkr_get_open_orders": {},
    "ibkr_get_completed_orders": {},
    "ibkr_get_executions": {},
}
FORMS: tuple[dict[str, Any], ...] = (
    {}, {"format": "table"}, {"format": "summary"}, {"limit": 1}, {"format": "table", "limit": 1},
)  # fmt: skip
FIELD = {"ibkr_get_historical_data": "close", "ibkr_get_account_summary": "tag"}
ORDERS: tuple[dict[str, Any], ...] = (
    {"orderType": "MKT"}, {"orderType": "LMT", "lmtPrice": 100.0}, {"orderType": "TRAIL", "trailingPercent": 5},
)  # fmt: skip
BRIEF = {"duration_seconds": 1}
OTHERS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("ibkr_get_status", {}), ("ibkr_connect", {}), ("ibkr_get_pnl", {}), ("ibkr_get_pnl_single", IBM),
    ("ibkr_search_symbols", {"pattern": "IBM"}), ("ibkr_get_server_time", {}),
    ("ibkr_get_trading_schedule", IBM), ("ibkr_get_trading_schedule", {"symbol": "EUR/USD"}),
    ("ibkr_get_portfolio", {}), ("ibkr_get_portfolio", {"limit": 1}), ("ibkr_get_account_values", {"tags": ["cash"]}),
    ("ibkr_stream_market_data", IBM | BRIEF), ("ibkr_stream_account_updates", BRIEF),
    ("ibkr_preview_order", IBM | {"action": "BUY", "totalQuantity": 1}),
    ("ibkr_cancel_all_orders", {}), ("ibkr_close_positions", IBM), ("ibkr_halt_trading", {}), ("ibkr_disconnect", {}),
)  # fmt: skip


def checked(tool: str, result: dict[str, Any]) -> dict[str, Any]:
    assert not result["isError"], (tool, result["content"])
    content: dict[str, Any] = result["structuredContent"]
    jsonschema.validate(content, TOOLS[tool].output_schema())
    return content


@pytest.mark.timeout(120)
async def test_every_answer_fits_its_tools_schema(redis_url: str, session: str) -> None:
    async with whole_stack(redis_url, session) as stack:
        raw = stack.front.raw(LEGACY)
        for terms in ORDERS:
            order = checked("ibkr_place_order", await raw.call("ibkr_place_order", **_order(terms)))
        checked("ibkr_get_order", await raw.call("ibkr_get_order", orderId=order["orderId"]))
        for tool, arguments in LISTS.items():
            forms = (*FORMS, {"fields": [FIELD.get(tool, "symbol")]}, {"format": "table", "fields": ["nonsense"]})
            for form in forms[:-1]:
                content = checked(tool, await raw.call(tool, **arguments, **form))
                assert list(content)[:2] == ["count", "truncated"]
                assert ("result" in content) is (form.get("format") is None)
                assert content["simulated"]
            assert (await raw.call(tool, **arguments, **forms[-1]))["isError"]
        for tool, arguments in OTHERS:
            checked(tool, await raw.call(tool, **arguments))


def _order(terms: dict[str, Any]) -> dict[str, Any]:
    return IBM | {"action": "BUY", "totalQuantity": 1} | terms


async def test_fastmcps_client_takes_objects_for_the_result_and_a_table_for_what_it_is(
    redis_url: str, session: str
) -> None:
    async with whole_stack(redis_url, session) as stack, Client(stack.front.endpoint) as client:
        objects = await client.call_tool("ibkr_get_positions", {})
        table = await client.call_tool("ibkr_get_positions", {"format": "table"})

    assert len(objects.data) == (objects.structured_content or {})["count"]
    assert table.data is not None
    assert len((table.structured_content or {})["rows"]) == len(objects.data)


@pytest.mark.parametrize(
    "declared", [each for each in TOOLS.values() if not each.listed], ids=lambda each: each.tool_name
)
def test_a_schema_requires_no_field_that_may_be_left_out(declared: ToolSpec) -> None:
    answer = declared.returns
    if isinstance(answer, type) and issubclass(answer, PartialModel):
        named = set(re.findall(r'"(\w+)"', inspect.getsource(answer.inapplicable)))

        assert named & set(declared.output_schema()["required"]) == set()
