"""Arguments with which each tool can be called: tests that call every tool need no list of tools."""

from typing import Any

from bridge.tool import ToolSpec

BY_NAME: dict[str, Any] = {"symbol": "SPY", "action": "BUY", "marketRuleId": 26}  # of docs/adding-a-tool.md, too
BY_TYPE: dict[str, Any] = {"integer": 1, "number": 1, "string": "a test", "boolean": False}
# Calls that need more than their required arguments, or values that fit one another.
BY_TOOL: dict[str, dict[str, Any]] = {
    "ibkr_stream_market_data": {"duration_seconds": 5},
    "ibkr_search_symbols": {"pattern": "SPY"},
    "ibkr_get_chart": {"symbol": "SPY"},
    "ibkr_get_performance": {"contracts": ["SPY"]},
    "ibkr_get_quotes": {"contracts": [{"symbol": "SPY"}]},
    "ibkr_run_scanner": {"scanCode": "MOST_ACTIVE"},
    "ibkr_get_news_article": {"providerCode": "BRFG", "articleId": "BRFG$0"},
    "ibkr_calculate_option_price": {"lastTradeDateOrContractMonth": "20250718", "right": "P", "volatility": 0.2},
    "ibkr_calculate_implied_volatility": {"lastTradeDateOrContractMonth": "20250718", "right": "P"},
    "ibkr_place_bracket_order": {"takeProfitPrice": 9, "stopLossPrice": 7},
    "ibkr_modify_order": {"orderId": 1, "lmtPrice": 8},
    "ibkr_cancel_order": {"orderId": 1},
    "ibkr_close_position": {"account": "DU1111111", "conId": 756733},
    "ibkr_close_positions": {"symbol": "SPY"},
    "ibkr_get_order": {"orderId": 1},
    "ibkr_subscribe": {"kind": "quotes", "symbol": "SPY"},
    "ibkr_read_stream": {"handle": "s-0123456789ab", "wait_seconds": 1},
    "ibkr_unsubscribe": {"handle": "s-0123456789ab"},
    "ibkr_create_alert": {"events": [{"event": "halt"}]},
    "ibkr_cancel_alert": {"alertId": "aaaaaaaa-bbbbbbbbbbbbbbbb"},
    "ibkr_wait_for": {"events": [{"event": "halt"}], "timeout_seconds": 1},
}


def example_arguments(spec: ToolSpec) -> dict[str, Any]:
    """Return arguments that the tool accepts: an example of each required argument, and what BY_TOOL adds."""
    schema = spec.input_schema()
    own = BY_TOOL.get(spec.tool_name, {})
    required = [name for name in (*spec.request.first, *schema.get("required", [])) if name not in own]
    return {name: _example(name, schema["properties"][name]) for name in required} | own


def _example(name: str, field: dict[str, Any]) -> Any:
    if name in BY_NAME:  # a symbol is not required, and is the usual name of a contract
        return BY_NAME[name]
    if "enum" in field:
        return field["enum"][0]
    return max(BY_TYPE[field["type"]], field["minimum"]) if "minimum" in field else BY_TYPE[field["type"]]
