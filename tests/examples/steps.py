"""The calls of the run, in their order: each tool once as its example, and what must be there before."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Step:
    """One call. A text `<tool.field>` or `<tool.rows.0.1>` among its arguments is that part of that tool's last
    answer."""

    tool: str
    arguments: dict[str, Any] = field(default_factory=dict)
    shown: bool = True  # an example, or only in preparation for one


SPY = {"symbol": "SPY"}
LIMIT = {"action": "BUY", "totalQuantity": 5, "orderType": "LMT", "lmtPrice": 100, "tif": "GTC"}
PUT = SPY | {"lastTradeDateOrContractMonth": "20250718", "right": "P", "strike": 370, "underPrice": 376}

# A tool that is not named here is called with the arguments of tests/stacks/example_arguments.py, before LAST.
STEPS = (
    Step("ibkr_get_status"),
    Step("ibkr_connect"),
    Step("ibkr_get_contract_details", {"symbol": "AAPL"}),
    Step("ibkr_search_symbols", {"pattern": "apple"}),
    Step("ibkr_get_performance", {"contracts": ["SPY", "AAPL"], "period": "3 M"}),
    Step("ibkr_get_quotes", {"contracts": [SPY, {"symbol": "EUR", "secType": "CASH"}]}),
    Step("ibkr_get_historical_data", SPY | {"durationStr": "1 M", "format": "table", "limit": 2}),
    Step("ibkr_get_performance", {"contracts": ["AAPL", "EUR/USD"], "period": "6 M", "endDate": "2025-05-30"}),
    Step("ibkr_get_historical_ticks", SPY | {"endDateTime": "20250611 10:00:00 US/Eastern", "limit": 3}),
    Step("ibkr_get_histogram", SPY | {"timePeriod": "1 day", "bins": 3}),
    Step("ibkr_get_account_summary", {"format": "table"}),
    Step("ibkr_get_positions"),
    Step("ibkr_get_pnl"),
    Step("ibkr_get_pnl_single", {"symbol": "IBM"}),
    Step("ibkr_stream_market_data", SPY | {"duration_seconds": 2}),
    Step("ibkr_stream_account_updates", {"duration_seconds": 2}),
    Step("ibkr_preview_order", {"symbol": "AAPL", "action": "BUY", "totalQuantity": 10}),
    Step(
        "ibkr_place_order",
        {"symbol": "AAPL", "action": "BUY", "totalQuantity": 10, "idempotencyKey": "buy-10-aapl"},
    ),
    Step("ibkr_wait_for", {"events": [{"event": "order_filled", "orderKey": "buy-10-aapl"}]}),
    Step("ibkr_get_executions"),
    Step("ibkr_get_completed_orders", {"symbol": "AAPL", "fields": ["orderRef", "orderType", "status"]}),
    Step("ibkr_place_order", SPY | LIMIT | {"idempotencyKey": "buy-5-spy-limit"}, shown=False),
    Step("ibkr_get_open_orders", {"fields": ["orderId", "action", "totalQuantity", "lmtPrice", "status"]}),
    Step("ibkr_modify_order", {"orderKey": "buy-5-spy-limit", "lmtPrice": 101, "idempotencyKey": "raise-spy-limit"}),
    Step("ibkr_get_order", {"orderKey": "buy-5-spy-limit"}),
    Step("ibkr_cancel_order", {"orderKey": "buy-5-spy-limit", "idempotencyKey": "cancel-spy-limit"}),
    Step(
        "ibkr_place_bracket_order",
        SPY
        | {"action": "BUY", "totalQuantity": 5, "lmtPrice": 100, "takeProfitPrice": 110, "stopLossPrice": 95}
        | {"idempotencyKey": "bracket-5-spy"},
    ),
    Step("ibkr_cancel_all_orders", {"idempotencyKey": "cancel-everything"}),
    Step("ibkr_close_positions", {"symbol": "IBM", "idempotencyKey": "close-ibm"}),
    Step("ibkr_subscribe", SPY | {"kind": "quotes"}),
    Step("ibkr_read_stream", {"handle": "<ibkr_subscribe.handle>", "limit": 2}),
    Step("ibkr_get_streams"),
    Step("ibkr_unsubscribe", {"handle": "<ibkr_subscribe.handle>"}),
    Step("ibkr_get_option_chain", SPY),
    Step("ibkr_get_option_quotes", SPY),
    Step("ibkr_calculate_option_price", PUT | {"volatility": 0.2}),
    Step("ibkr_calculate_implied_volatility", PUT | {"optionPrice": 5}),
    Step("ibkr_get_portfolio", {"limit": 2}),
    Step("ibkr_get_chart", {"symbol": "AAPL"}),
    Step("ibkr_get_account_values", {"tags": ["cash"]}),
    Step("ibkr_run_scanner", {"scanCode": "MOST_ACTIVE"}),
    Step("ibkr_get_market_depth", SPY),
    Step("ibkr_get_news", {"symbol": "AAPL", "limit": 2}),
    Step(
        "ibkr_get_news_article", {"providerCode": "<ibkr_get_news.rows.0.1>", "articleId": "<ibkr_get_news.rows.0.2>"}
    ),
    Step("ibkr_create_alert", {"events": [SPY | {"event": "price", "below": 100}], "note": "SPY is below 100"}),
    Step("ibkr_get_alerts"),
    Step("ibkr_cancel_alert", {"alertId": "<ibkr_create_alert.alertId>"}),
)
LAST = (
    Step("ibkr_halt_trading", {"reason": "The market moves too fast."}),
    Step("ibkr_disconnect"),
)
