"""The cells of the matrix: the way to bring each tool into each case, or why the case does not apply.

A cell's arguments come on top of the tool's recorded example. Its outcome is an error's code, or `field=value` of an
answer that is no error. A tool that is not here has its cells in its own test, as docs/adding-a-tool.md shows.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Cell:
    """One case of one tool."""

    outcome: str
    arguments: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Exempt:
    """A case that does not apply."""

    reason: str


@dataclass(frozen=True)
class ToolCells:
    """The cells of one tool: without a permission of TWS, without data, and beyond a bound."""

    permission: Cell | Exempt
    data: Cell | Exempt
    bound: Cell | Exempt


NOSUCH = {"symbol": "NOSUCH"}
OTHER = {"symbol": "KO"}  # of which the account has nothing
PRICE = [{"event": "price", "symbol": "SPY", "below": 100}]
PUBLIC = Exempt("TWS tells every login what contracts there are")
OWN = Exempt("TWS tells every login about its own account and orders")
KEPT = Exempt("the front and the worker keep it themselves, and TWS is not asked")
STATE = Exempt("the state of the connection, which is there also when nothing else is")

# The login has no market data, TWS refuses history, scans and news, and the gateway's API is read-only.
FAULTS = (
    "entitlement none",
    *(
        f"on {request} answer 162 Historical Market Data Service error message:No market data permissions for ARCA STK"
        for request in (*["reqHistoricalData"] * 10, "reqHistoricalTicks", "reqHeadTimeStamp", "reqHistogramData")
    ),
    "on reqScannerSubscription answer 162 Historical Market Data Service error message:Scanner not permitted",
    "on reqHistoricalNews answer 10276 News feed is not allowed.",
    "on reqNewsArticle answer 10172 Failed to request news article:Not allowed",
)
NO_PERMISSION: dict[str, Cell | Exempt] = {
    **dict.fromkeys(("get_status", "connect", "disconnect", "get_server_time"), STATE),
    **dict.fromkeys(("get_contract_details", "search_symbols", "get_option_chain"), PUBLIC),
    **dict.fromkeys(("calculate_option_price", "calculate_implied_volatility", "get_scanner_parameters"), PUBLIC),
    "get_news_bulletins": Exempt("bulletins go to every login"),
    **dict.fromkeys(("get_account_summary", "get_positions", "get_pnl", "get_pnl_single", "get_portfolio"), OWN),
    **dict.fromkeys(("get_account_values", "stream_account_updates", "get_order", "get_open_orders"), OWN),
    **dict.fromkeys(("get_completed_orders", "get_executions", "cancel_order", "cancel_all_orders"), OWN),
    **dict.fromkeys(("get_account_history", "read_stream", "unsubscribe", "get_streams"), KEPT),
    **dict.fromkeys(("get_alerts", "cancel_alert", "halt_trading"), KEPT),
    "modify_order": Exempt("no order can be placed where TWS permits none"),
    "get_quotes": Cell("count=0"),
    **dict.fromkeys(("get_option_quotes", "get_market_depth", "stream_market_data", "subscribe"), Cell("no_data")),
    **dict.fromkeys(("get_historical_data", "get_historical_ticks", "get_chart"), Cell("no_data")),
    **dict.fromkeys(("get_head_timestamp", "get_histogram"), Cell("no_data")),
    "get_trading_schedule": Exempt("without the schedule of TWS it has the hours of the contract's details"),
    "get_performance": Cell("count=0"),
    **dict.fromkeys(("get_news", "get_news_article"), Cell("no_data")),
    "run_scanner": Cell("gateway_refused"),
    **dict.fromkeys(("create_alert", "wait_for"), Cell("no_data", {"events": PRICE})),
    **dict.fromkeys(("place_order", "place_bracket_order"), Cell("no_fresh_quote")),
    "preview_order": Cell("preview_unavailable"),
    "close_positions": Cell("unclosed=1"),
}

NO_DATA: dict[str, Cell | Exempt] = {
    **dict.fromkeys(("get_status", "connect", "disconnect", "get_server_time", "halt_trading"), STATE),
    **dict.fromkeys(
        ("get_account_summary", "get_pnl", "stream_account_updates"), Exempt("an account has these always")
    ),
    "get_news_bulletins": Exempt("IBKR sends no bulletin on most days, and the answer has count 0 then"),
    "get_account_history": Cell("no_data"),
    **dict.fromkeys(
        (
            "get_contract_details",
            "get_option_chain",
            "get_option_quotes",
            "calculate_option_price",
            "calculate_implied_volatility",
            "get_market_depth",
            "stream_market_data",
            "subscribe",
            "get_historical_data",
            "get_historical_ticks",
            "get_chart",
            "get_head_timestamp",
            "get_histogram",
            "get_trading_schedule",
            "get_news",
            "place_order",
            "place_bracket_order",
            "preview_order",
        ),
        Cell("not_found", NOSUCH),
    ),
    "search_symbols": Cell("not_found", {"pattern": "zzqqx"}),
    "get_quotes": Cell("count=0", {"contracts": [NOSUCH]}),
    "get_performance": Cell("count=0", {"contracts": ["NOSUCH"]}),
    **dict.fromkeys(("get_positions", "get_open_orders", "get_completed_orders"), Cell("count=0", OTHER)),
    "get_executions": Cell("count=0", OTHER),
    "get_pnl_single": Cell("value=null", OTHER),
    "get_portfolio": Cell("wrong_account", {"account": "DU9999999"}),
    "get_account_values": Cell("invalid_arguments", {"tags": ["nosuch"]}),
    **dict.fromkeys(("get_order", "modify_order", "cancel_order", "wait_for"), Cell("not_found")),
    "cancel_all_orders": Cell("orders=[]"),
    "close_positions": Cell("count=0", OTHER),
    **dict.fromkeys(("read_stream", "unsubscribe"), Cell("not_found")),
    "get_streams": Cell("count=0"),
    "get_alerts": Cell("count=0"),
    "cancel_alert": Cell("forbidden"),
    "create_alert": Cell("not_found", {"events": [NOSUCH | {"event": "price", "below": 1}]}),
    "get_scanner_parameters": Cell("not_found", {"words": "nosuch"}),
    "run_scanner": Cell("invalid_arguments", {"scanCode": "NO_SUCH_SCAN"}),
    "get_news_article": Cell("no_data", {"articleId": "DJ-N$nosuch"}),
}

ONE = Exempt("one object")
PAGES = Exempt("ib_worker/answers/bounds.py cuts a default answer and names the way to the rest")
LIMIT = Cell("invalid_arguments", {"limit": 1_000_000})
BOUND: dict[str, Cell | Exempt] = {
    **dict.fromkeys(("get_status", "connect", "disconnect", "get_server_time", "get_pnl", "get_pnl_single"), ONE),
    **dict.fromkeys(("calculate_option_price", "calculate_implied_volatility", "get_head_timestamp"), ONE),
    **dict.fromkeys(("place_order", "place_bracket_order", "modify_order", "cancel_order", "preview_order"), ONE),
    **dict.fromkeys(("halt_trading", "cancel_alert", "unsubscribe", "subscribe", "get_order"), ONE),
    "cancel_all_orders": Exempt("reduces risk: never cut, and never refused"),
    "close_positions": Exempt("more than 50 positions are refused before an order is sent"),
    **dict.fromkeys(("get_contract_details", "get_historical_data", "get_account_summary", "get_positions"), LIMIT),
    **dict.fromkeys(("get_open_orders", "get_completed_orders", "get_executions", "read_stream", "get_news"), LIMIT),
    **dict.fromkeys(("search_symbols", "get_option_quotes", "get_portfolio", "get_account_history"), LIMIT),
    **dict.fromkeys(("run_scanner", "get_historical_ticks"), LIMIT),
    "get_scanner_parameters": Exempt("the answer is cut to a fixed most of codes, and next says how to find others"),
    "get_market_depth": Cell("invalid_arguments", {"levels": 1_000}),
    "get_chart": Cell("invalid_arguments", {"movingAverages": [5] * 4}),
    "get_quotes": Cell("invalid_arguments", {"contracts": [{"symbol": "SPY"}] * 51}),
    "get_performance": Cell("invalid_arguments", {"contracts": ["SPY"] * 21}),
    "get_account_values": Cell("invalid_arguments", {"tags": ["cash"] * 21}),
    **dict.fromkeys(("wait_for", "create_alert"), Cell("invalid_arguments", {"events": PRICE * 21})),
    **dict.fromkeys(
        ("stream_market_data", "stream_account_updates"), Cell("invalid_arguments", {"duration_seconds": 9999})
    ),
    "get_trading_schedule": Cell("invalid_arguments", {"pastDays": 1_000}),
    "get_news_article": Cell("invalid_arguments", {"page": 1_000_000}),
    "get_option_chain": Exempt("strikes are told as ranges, and a class has some dozens of expiries"),
    "get_histogram": Exempt("the prices are merged into bins of a fixed most"),
    "get_news_bulletins": Exempt("TWS sends a day's bulletins, which are few"),
    "get_streams": Exempt("a client has a stated most of handles"),
    "get_alerts": Exempt("a client has a stated most of alerts"),
}

SCENARIOS = Path(__file__).resolve().parent.parent / "ib_worker" / "scenarios"


def own_cells(names: Iterable[str]) -> dict[str, ToolCells]:
    """Return CELLS of each tool's own test, by tool; of get_market_rule that is test_market_rule.py."""
    tests = {name: f"test_{name.partition('_')[2]}" for name in names}
    found = {name: test for name, test in tests.items() if (SCENARIOS / f"{test}.py").exists()}
    modules = {name: import_module(f"tests.ib_worker.scenarios.{test}") for name, test in found.items()}
    return {name: module.CELLS for name, module in modules.items() if hasattr(module, "CELLS")}
