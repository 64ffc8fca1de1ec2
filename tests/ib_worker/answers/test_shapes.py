"""The forms of a list's answer: what each holds, what is left out, and how much fits."""

import json
from typing import Any

import pytest

from bridge.tool import OPERATIONS, ToolError
from bridge.tools.account import AccountSummaryValue, GetAccountSummary, GetPositions, Position
from bridge.tools.market.contracts import ContractDetails
from bridge.tools.market.market_data import Bar, GetHistoricalData
from bridge.tools.order_queries import Execution, GetCompletedOrders, GetExecutions
from bridge.tools.order_report import OrderReport
from bridge.tools.types import Contract, ListArguments
from ib_worker.answers import bounds
from ib_worker.answers.shapes import columns_of, shape_of, shaped

SPY = Contract(conId=756733, symbol="SPY", secType="STK", currency="USD")
OPTION = Contract(
    conId=7, symbol="SPY", secType="OPT", currency="USD", strike=400.0, right="P", multiplier="100",
    lastTradeDateOrContractMonth="20250718",
)  # fmt: skip
HELD = [
    Position(account="DU1", contract=SPY, position=100.0, avgCost=408.02, avgPrice=408.02),
    Position(account="DU1", contract=OPTION, position=-2.0, avgCost=310.5, avgPrice=3.105),
]


def bars(count: int) -> list[Bar]:
    return [
        Bar(
            date=f"2025-{number:04}",
            open=100.25,
            high=101.5,
            low=99.0,
            close=100.0,
            volume=1e6,
            average=None,
            barCount=9,
        )
        for number in range(count)
    ]


def told(operation: str, rows: list[Any], request: ListArguments, least: int = 0) -> tuple[Any, Any]:
    returns: Any = OPERATIONS[operation].returns
    answer = shaped(operation, rows, len(rows), shape_of(request, returns), least=least)
    return json.loads(answer.json), answer.truncated


def test_objects_are_whole_without_what_does_not_apply() -> None:
    whole, cut = told("get_positions", HELD, GetPositions())

    assert cut is None
    assert "strike" not in whole[0]["contract"]
    assert whole[1]["contract"]["strike"] == 400.0
    assert whole[0]["contract"]["localSymbol"] is None  # it has one, which TWS has not told here


def test_chosen_fields_stay_where_they_are_in_an_object() -> None:
    request = GetPositions.model_validate({"fields": "symbol, contract.strike,position"})

    assert told("get_positions", HELD, request)[0] == [
        {"contract": {"symbol": "SPY"}, "position": 100},
        {"contract": {"symbol": "SPY", "strike": 400}, "position": -2},
    ]


def test_a_table_names_what_is_the_same_once() -> None:
    table, _ = told("get_positions", HELD, GetPositions(format="table"))

    assert table["count"] == 2
    assert table["same"] == {
        "account": "DU1",
        "symbol": "SPY",
        "currency": "USD",
        "localSymbol": None,
        "tradingClass": None,
    }
    assert table["columns"] == [
        "conId", "secType", "lastTradeDateOrContractMonth", "strike", "right", "multiplier", "position", "avgCost",
        "avgPrice",
    ]  # fmt: skip
    assert table["rows"][0] == [756733, "STK", None, None, None, None, 100, 408.02, 408.02]


def test_chosen_columns_are_all_there_in_their_order() -> None:
    request = GetPositions(format="table", fields=["position", "symbol", "account"])

    assert told("get_positions", HELD, request)[0] == {
        "count": 2, "columns": ["position", "symbol", "account"], "rows": [[100, "SPY", "DU1"], [-2, "SPY", "DU1"]],
    }  # fmt: skip


def test_a_table_leaves_out_what_another_column_names_too_unless_it_is_wanted() -> None:
    usual = shape_of(GetExecutions(format="table"), list[Execution])
    wanted = shape_of(GetExecutions(format="table", fields=["idempotencyKey"]), list[Execution])
    objects = shape_of(GetExecutions(), list[Execution])

    assert "permId" in usual.columns
    assert usual.columns.keys().isdisjoint({"idempotencyKey", "orderRef"})
    assert "idempotencyKey" in wanted.columns
    assert "idempotencyKey" in objects.columns


@pytest.mark.parametrize("fields", [None, ["symbol", "position"]])
def test_a_table_of_no_rows_has_the_columns_that_were_chosen(fields: list[str] | None) -> None:
    shape = shape_of(GetPositions(format="table", fields=fields), list[Position])
    table = json.loads(shaped("get_positions", [], 0, shape).json)

    assert (table["count"], table["rows"], table["columns"]) == (0, [], fields or [])


def test_a_field_that_there_is_not_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(ToolError, match=r"there is no price. There are account, conId, symbol.*position"):
        shape_of(GetPositions(fields=["price"]), list[Position])


@pytest.mark.parametrize("row", [AccountSummaryValue, Bar, ContractDetails, Execution, OrderReport, Position])
def test_every_column_has_a_name_of_its_own(row: Any) -> None:
    columns = columns_of(row)

    assert len(set(columns.values())) == len(columns)
    assert all("." not in name or name.partition(".")[0] in row.model_fields for name in columns)


def test_two_fields_of_one_name_have_their_paths() -> None:
    columns = columns_of(Execution)

    assert columns["exchange"] == ("exchange",)
    assert columns["contract.exchange"] == ("contract", "exchange")


@pytest.mark.trial("B1", "B2")
def test_rows_that_do_not_fit_are_left_out_and_counted() -> None:
    whole, cut = told("get_historical_data", bars(2_000), GetHistoricalData(symbol="SPY", barSizeSetting="1 min"))

    assert 200 < len(whole) < 400
    assert len(json.dumps(whole, separators=(",", ":"))) <= 40_000
    assert whole[-1]["date"] == "2025-1999"
    assert cut == {"rows": len(whole), "of": 2_000, "newest": True, "narrow": cut["narrow"]}
    assert "format summary" in cut["narrow"]  # a table of so many bars is no shorter


def test_a_year_of_days_is_always_whole() -> None:
    whole, cut = told("get_historical_data", bars(366), GetHistoricalData(symbol="SPY"), least=bounds.DAILY_ROWS)

    assert (len(whole), cut) == (366, None)


def test_a_limit_is_all_that_cuts_where_it_is_given() -> None:
    whole, cut = told("get_historical_data", bars(1_500), GetHistoricalData(symbol="SPY", limit=1_000))
    few, _ = told("get_historical_data", bars(1_500), GetHistoricalData(symbol="SPY", limit=2, format="table"))

    assert (len(whole), cut["of"]) == (1_000, 1_500)
    assert cut["narrow"] == "A limit above 1000 returns earlier rows too."
    assert [row[0] for row in few["rows"]] == ["2025-1498", "2025-1499"]


def test_a_list_that_is_never_cut_is_refused_where_no_answer_holds_it() -> None:
    many = HELD * 4_000
    with pytest.raises(ToolError, match=r"\[too_large\].*Name a symbol or an account"):
        told("get_positions", many, GetPositions())

    assert len(told("get_positions", many, GetPositions(limit=1_000))[0]) == 1_000


def test_account_values_are_told_by_tag_with_a_column_for_each_currency() -> None:
    values = [
        AccountSummaryValue(account="DU1", tag="AccountType", value="INDIVIDUAL", currency=None),
        AccountSummaryValue(account="DU1", tag="CashBalance", value=5.0, currency="USD"),
        AccountSummaryValue(account="DU1", tag="CashBalance", value=7.5, currency="EUR"),
    ]
    table, cut = told("get_account_summary", values, GetAccountSummary(format="table"))
    plain, _ = told("get_account_summary", values, GetAccountSummary(format="table", fields=["tag", "currency"]))

    assert cut is None
    assert table == {
        "count": 2, "same": {"account": "DU1"}, "columns": ["tag", "value", "USD", "EUR"],
        "rows": [["AccountType", "INDIVIDUAL", None, None], ["CashBalance", None, 5, 7.5]],
    }  # fmt: skip
    assert plain["count"] == 3


def test_a_summary_has_no_rows() -> None:
    told_, cut = told("get_positions", HELD, GetPositions(format="summary"))

    assert cut is None
    assert set(told_) == {"count", "summary"}


@pytest.mark.parametrize("more", [{"limit": 3}, {"fields": ["symbol"]}])
def test_a_summary_takes_no_rows_arguments(more: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="leave it out, format summary"):
        GetPositions.model_validate({"format": "Summary"} | more)


def test_a_table_of_orders_has_no_column_that_is_empty_in_each_row() -> None:
    rows = [
        OrderReport(
            orderId=each, permId=each, clientId=1, orderRef=f"mcp{each}", account="DU1", contract=SPY, action="BUY",
            totalQuantity=1.0, orderType="LMT", lmtPrice=9.0 + each, status="Cancelled", filled=0.0, remaining=1.0,
        )
        for each in (1, 2)
    ]  # fmt: skip
    table, _ = told("get_completed_orders", rows, GetCompletedOrders(format="table"))
    named, _ = told("get_completed_orders", rows, GetCompletedOrders(format="table", fields=["orderRef", "tif"]))

    assert table["columns"] == ["orderId", "lmtPrice"]
    assert None not in table["same"].values()
    assert "message" not in table["same"]
    assert named["rows"] == [["mcp1", None], ["mcp2", None]]
