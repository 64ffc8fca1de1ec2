"""A wrong argument is refused by name, before anything is asked of the worker."""

from typing import Any

import pytest

from bridge.tool import TOOLS, ToolError
from mcp_front.protocol.arguments import parse_arguments
from mcp_front.tools.catalogue import offered_tools

ORDER = {"symbol": "AAPL", "action": "BUY", "totalQuantity": 1}
offered_tools()


def refusal(tool: str, arguments: dict[str, Any]) -> ToolError:
    with pytest.raises(ToolError) as caught:
        parse_arguments(TOOLS[tool], arguments)
    assert caught.value.code == "invalid_arguments"
    return caught.value


@pytest.mark.parametrize(
    ("field", "changed"),
    [
        ("totalQuantity", {"totalQuantity": -1}),
        ("totalQuantity", {"totalQuantity": 0}),
        ("totalQuantity", {"totalQuantity": float("nan")}),
        ("totalQuantity", {"totalQuantity": float("inf")}),
        ("totalQuantity", {"totalQuantity": True}),
        ("totalQuantity", {"totalQuantity": "1e3"}),
        ("totalQuantity", {"totalQuantity": "١٢"}),
        ("totalQuantity", {"totalQuantity": "1_000"}),
        ("totalQuantity", {"totalQuantity": None}),
        ("totalQuantity", {"totalQuantity": 10**40}),
        ("totalQuantity", {"totalQuantity": 10**400}),
        ("symbol", {"symbol": "A\0PL"}),
        ("symbol", {"symbol": "A" * 1_000_000}),
        ("symbol", {"symbol": ""}),
        ("symbol", {"symbol": ["AAPL"]}),
        ("secType", {"secType": "NONSENSE"}),
        ("action", {"action": "hold"}),
        ("orderType", {"orderType": "LIMITED"}),
        ("lmtPrice", {"orderType": "LMT"}),
        ("lmtPrice", {"orderType": "MKT", "lmtPrice": 100}),
        ("lmtPrice", {"orderType": "LMT", "lmtPrice": float("nan")}),
        ("auxPrice", {"orderType": "STP"}),
        ("limitPrice", {"limitPrice": 100}),
        ("currency", {"currency": "dollar"}),
        ("idempotencyKey", {"idempotencyKey": "short"}),
    ],
)
def test_wrong_argument_is_named_and_the_text_stays_short(field: str, changed: dict[str, Any]) -> None:
    error = refusal("ibkr_place_order", ORDER | changed)

    assert error.details["fields"] == [field]
    assert f"{field}: " in error.message
    assert "No order was sent" in error.message
    assert len(error.message) < 400


def test_missing_arguments_are_named_together() -> None:
    assert refusal("ibkr_place_order", {}).details["fields"] == ["action", "totalQuantity"]


def test_mistyped_name_gets_the_nearest_one() -> None:
    assert "did you mean lmtPrice" in refusal("ibkr_place_order", ORDER | {"limitPrice": 1}).message


@pytest.mark.trial("D2")
@pytest.mark.parametrize(
    ("tool", "named", "meant"),
    [
        ("ibkr_place_order", "stopPrice", "auxPrice"),  # lmtPrice is nearer by its letters, and another price
        ("ibkr_modify_order", "stop_price", "auxPrice"),
        ("ibkr_place_bracket_order", "stopPrice", "stopLossPrice"),
        ("ibkr_place_bracket_order", "takeProfit", "takeProfitPrice"),
        ("ibkr_place_order", "side", "action"),
        ("ibkr_place_order", "expiry", "lastTradeDateOrContractMonth"),
        ("ibkr_preview_order", "time_in_force", "tif"),
        ("ibkr_get_historical_data", "duration", "durationStr"),
        ("ibkr_get_historical_data", "interval", "barSizeSetting"),
        ("ibkr_stream_market_data", "duration", "duration_seconds"),
        ("ibkr_cancel_order", "id", "orderId"),
    ],
)
def test_another_brokers_name_for_an_argument_gets_ours(tool: str, named: str, meant: str) -> None:
    given = ORDER if tool == "ibkr_place_bracket_order" else {}
    assert f"{named}: no such argument, did you mean {meant}" in refusal(tool, given | {named: "1"}).message


@pytest.mark.parametrize("named", ["since", "start_date", "from", "endDate", "days"])
@pytest.mark.parametrize("tool", ["ibkr_get_executions", "ibkr_get_completed_orders"])
def test_days_that_a_tool_of_today_is_asked_for_are_in_the_accounts_history(tool: str, named: str) -> None:
    told = refusal(tool, {named: "2026-11-01"}).message

    assert "alone: ibkr_get_account_history" in told
    assert "ibkr_get_account_history" not in refusal(tool, {"zzz": 1}).message


def test_unknown_name_gets_the_list_of_names() -> None:
    assert "ibkr_connect accepts host, port, clientId" in refusal("ibkr_connect", {"zzz": 1}).message
    assert "ibkr_get_status accepts no arguments" in refusal("ibkr_get_status", {"symbol": "SPY"}).message


def test_many_unknown_names_are_counted_instead_of_listed() -> None:
    error = refusal("ibkr_place_order", ORDER | {f"zz{number}": 1 for number in range(1000)})

    assert len(error.details["fields"]) == 5
    assert "and 995 more" in error.message


def test_name_of_an_argument_is_shortened_and_made_harmless() -> None:
    error = refusal("ibkr_get_positions", {"\x1b[2J" + "x" * 1_000_000: 1})

    assert error.details["fields"] == ["?[2J" + "x" * 60 + "…"]


def test_value_is_never_repeated() -> None:
    error = refusal("ibkr_place_order", ORDER | {"idempotencyKey": "SECRET VALUE"})

    assert "SECRET" not in str(error)
    assert "SECRET" not in repr(error.details)


def test_error_says_what_an_argument_looks_like() -> None:
    error = refusal("ibkr_get_historical_data", {"symbol": "VTI", "durationStr": "one year"})

    assert "(such as 3600 S, 30 D, YTD)" in error.message
    assert "No request was sent" in error.message


@pytest.mark.parametrize("quantity", [12, "12", 12.0])
def test_number_may_be_written_as_a_model_writes_it(quantity: Any) -> None:
    assert parse_arguments(TOOLS["ibkr_place_order"], ORDER | {"totalQuantity": quantity}).totalQuantity == 12  # type: ignore[attr-defined]


TRAIL = {"orderType": "TRAIL", "auxPrice": 1, "trailingPercent": 2}
PRICE = {"event": "price", "symbol": "SPY"}


@pytest.mark.parametrize(
    ("tool", "arguments", "told"),
    [
        ("ibkr_wait_for", {"events": [PRICE]}, "price needs above or below or changePercent"),
        ("ibkr_modify_order", {"orderId": 1, "stopLossPrice": 9}, "did you mean auxPrice"),
        ("ibkr_place_order", ORDER | TRAIL, "takes only one of auxPrice (an amount) or trailingPercent"),
        ("ibkr_place_order", ORDER | {"orderType": "STP", "auxPrice": 9, "lmtPrice": 9}, "its trigger is auxPrice"),
        ("ibkr_get_performance", {"contracts": ["/ES"]}, "Write ES with its month, such as ES DEC26"),
        ("ibkr_get_performance", {"contracts": ["^VIX"]}, "Write VIX, with secType IND"),
        ("ibkr_get_histogram", {"symbol": "SPY", "timePeriod": "some time"}, "not written in the expected form"),
    ],
)
def test_an_error_names_the_right_spelling(tool: str, arguments: dict[str, Any], told: str) -> None:
    message = refusal(tool, arguments).message

    assert told in message
    assert "^(" not in message


def test_symbols_and_this_year_are_understood() -> None:
    assert parse_arguments(TOOLS["ibkr_get_quotes"], {"symbols": ["AAPL"]}).model_dump()["contracts"]
    compared = parse_arguments(TOOLS["ibkr_get_performance"], {"contracts": ["SPY"], "period": "this year"})
    assert compared.model_dump()["period"] == "YTD"


@pytest.mark.parametrize(
    ("contracts", "said"),
    [
        (["SPY", {"ticker": "SPY"}], "contracts[1].ticker: no such argument, did you mean symbol"),
        (["SPY", "\u202eSPY"], "contracts[1].symbol: is not written in the expected form"),
        (["SPY", {}], "contracts[1].symbol: name the contract by symbol or by conId"),
        (["SPY", None], "contracts[1]: an object with named fields, or a text, is expected"),
    ],
)
def test_a_fault_in_an_entry_is_named_by_its_place(contracts: list[Any], said: str) -> None:
    error = refusal("ibkr_get_quotes", {"contracts": contracts})

    assert said in error.message
    assert error.details["fields"] == ["contracts"]


@pytest.mark.parametrize(
    "written", ["SPY,IBM", "SPY, IBM", '["SPY", "IBM"]', '[{"symbol": "SPY"}, {"symbol": "IBM"}]', ["SPY", "IBM"]]
)
@pytest.mark.parametrize("tool", ["ibkr_get_quotes", "ibkr_get_performance"])
def test_a_list_of_contracts_may_be_written_as_a_text(tool: str, written: Any) -> None:
    request: Any = parse_arguments(TOOLS[tool], {"contracts": written})

    assert [each.symbol for each in request.contracts] == ["SPY", "IBM"]


@pytest.mark.parametrize("tool", ["ibkr_place_order", "ibkr_preview_order", "ibkr_place_bracket_order"])
@pytest.mark.parametrize("named", ["legs", "comboLegs", "combo"])
def test_who_orders_a_combination_reads_what_to_do_in_its_place(tool: str, named: str) -> None:
    exits = {"takeProfitPrice": 2, "stopLossPrice": 1} if tool == "ibkr_place_bracket_order" else {}
    message = refusal(tool, ORDER | exits | {named: []}).message

    assert (
        f"{named}: no such argument. A combination can't be ordered: order each leg on its own, the bought one first."
        in message
    )
    assert "accepts" not in message


@pytest.mark.parametrize("name", ["totalQuantity", "quantity", "shares", "percent"])
def test_a_part_of_a_position_is_closed_by_an_order_of_its_own(name: str) -> None:
    told = refusal("ibkr_close_positions", {"symbol": "IBM", name: 5}).message

    assert "It closes whole positions: a part is an order by ibkr_place_order with closeOnly" in told
