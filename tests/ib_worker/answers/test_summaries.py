"""Summaries of the rows of a list."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from bridge.tools.account import AccountSummaryValue, Position
from bridge.tools.market.market_data import Bar
from bridge.tools.order_queries import Execution
from bridge.tools.order_report import Notice, OrderReport
from bridge.tools.types import Contract
from ib_worker.answers.summaries import summary_of

SPY = Contract(conId=1, symbol="SPY", secType="STK", currency="USD")
OPTION = Contract(
    conId=2, symbol="SPY", secType="OPT", currency="USD", multiplier="100", lastTradeDateOrContractMonth="20250718",
    strike=400.0, right="P",
)  # fmt: skip
SAP = Contract(conId=3, symbol="SAP", secType="STK", currency="EUR")
FILL = {
    "time": datetime(2025, 6, 11, tzinfo=UTC), "account": "DU1", "cumQty": 1.0, "avgPrice": 1.0, "exchange": "X",
    "orderId": 1, "permId": 1, "clientId": 1, "orderRef": None, "commission": None, "commissionCurrency": None,
    "realizedPNL": None,
}  # fmt: skip
PAID: dict[str, Any] = {"commission": 1.0, "commissionCurrency": "USD"}
ORDER: dict[str, Any] = {
    "orderId": 7, "permId": 1, "clientId": 1, "orderRef": None, "account": "DU1", "contract": SPY, "action": "BUY",
    "totalQuantity": 1.0, "orderType": "MKT", "status": "Filled", "filled": 1.0, "remaining": 0.0,
}  # fmt: skip


def fill(**more: Any) -> Execution:
    return Execution.model_validate(FILL | {"execId": "a.01.01"} | more)


def bought(shares: float | None, price: float | None, of: Contract = SPY, **more: Any) -> Execution:
    return fill(contract=of, side="BOT", shares=shares, price=price, **more)


def sold(shares: float | None, price: float | None, of: Contract = SPY, **more: Any) -> Execution:
    return fill(contract=of, side="SLD", shares=shares, price=price, **more)


def of_contract(*fills: Execution) -> dict[str, dict[str, Any]]:
    told = summary_of(fills)["byContract"]
    rows = [told["same"] | dict(zip(told["columns"], row, strict=True)) for row in told["rows"]]
    return {row["name"]: row for row in rows}


def test_fills_are_added_by_their_worth_and_commissions_by_their_own_currency() -> None:
    fills = [
        fill(
            contract=SPY,
            side="BOT",
            shares=10.0,
            price=400.0,
            commission=1.0,
            commissionCurrency="USD",
            realizedPNL=5.0,
        ),
        fill(contract=OPTION, side="SLD", shares=2.0, price=3.0),
        fill(
            contract=SAP,
            side="BOT",
            shares=1.0,
            price=200.0,
            commission=2.0,
            commissionCurrency="USD",
            realizedPNL=None,
        ),
        fill(
            contract=Contract(conId=9, symbol="B", secType="BOND", currency="USD"), side="BOT", shares=1.0, price=99.0
        ),
    ]

    told = summary_of(fills)["byCurrency"]
    assert told["USD"] == {
        "fills": 3, "bought": 4000.0, "sold": 600.0, "commission": 3.0, "realizedPNL": 5.0, "unknownCommission": 2,
        "unknownRealizedPNL": 2, "unknownWorth": 1,
    }  # fmt: skip
    assert told["EUR"] == {"fills": 1, "bought": 200.0}


def test_each_contract_has_its_quantities_average_prices_and_profit() -> None:
    fills = [
        bought(10.0, 400.0, **PAID), bought(30.0, 404.0, **PAID), sold(5.0, 410.0, **PAID, realizedPNL=32.456),
        sold(2.0, 3.0, OPTION, **PAID, realizedPNL=-7.0),
    ]  # fmt: skip

    told = of_contract(*fills)
    assert told["SPY"] == {
        "account": "DU1", "name": "SPY", "fills": 3, "bought": 40, "avgBought": 403, "sold": 5, "avgSold": 410,
        "commission": 3, "realizedPNL": 32.46, "currency": "USD",
    }  # fmt: skip
    assert (told["SPY 18JUL25 400 P"]["bought"], told["SPY 18JUL25 400 P"]["avgBought"]) == (0, None)
    assert told["SPY 18JUL25 400 P"]["realizedPNL"] == -7


@pytest.mark.parametrize(
    ("unknown", "names"),
    [
        (bought(None, 400.0, **PAID), {"bought", "avgBought"}),
        (bought(1.0, None, **PAID), {"avgBought"}),
        (bought(1.0, 400.0), {"commission", "realizedPNL"}),  # no report yet
        (bought(1.0, 400.0, commission=1.0, commissionCurrency="EUR"), {"commission", "realizedPNL"}),
    ],
)
def test_what_is_not_wholly_known_of_a_contract_is_null(unknown: Execution, names: set[str]) -> None:
    (told,) = of_contract(bought(10.0, 400.0, **PAID), unknown).values()

    assert {name for name, value in told.items() if value is None} == names | {"avgSold"}


def test_the_contracts_that_were_traded_most_are_told_and_all_are_counted() -> None:
    many = [bought(1.0, 1.0, Contract(conId=id, symbol=f"S{id}", secType="STK", currency="USD")) for id in range(1, 41)]
    told = summary_of([*many, many[-1]])["byContract"]

    assert (told["count"], len(told["rows"])) == (40, 30)
    assert told["rows"][0][:2] == ["S40", 2]


def test_two_accounts_have_rows_of_their_own() -> None:
    told = summary_of([bought(1.0, 1.0), bought(2.0, 1.0, account="DU2")])["byContract"]

    assert [row[told["columns"].index("account")] for row in told["rows"]] == ["DU1", "DU2"]


def test_orders_are_counted_by_contract_and_state_and_rejections_are_told() -> None:
    notice = Notice(code=201, message="No margin", time=datetime(2025, 6, 11, tzinfo=UTC))
    rejected = {"status": "Inactive", "notices": [notice], "orderId": 9, "contract": SAP}
    rows = [OrderReport.model_validate(ORDER | more) for more in ({}, {}, {"status": "Cancelled"}, rejected)]

    told = summary_of(rows)
    assert told["byStatus"] == {"Filled": 2, "Cancelled": 1, "Inactive": 1}
    assert told["byContract"] == {"SPY": {"Filled": 2, "Cancelled": 1}, "SAP": {"Inactive": 1}}
    assert told["rejected"] == [{"orderId": 9, "name": "SAP", "code": 201, "message": "No margin"}]
    assert summary_of(rows[:2]) == {"byStatus": {"Filled": 2}, "bySymbol": {"SPY": 2}}


def bar(date: str, *prices: float | None) -> Bar:
    opened, high, low, close = prices
    return Bar(date=date, open=opened, high=high, low=low, close=close, volume=None, average=None, barCount=None)


def test_the_course_of_a_series() -> None:
    rows = [
        bar("1", 100, 110, 95, 100),
        bar("2", 100, 130, 99, 120),
        bar("3", 120, 121, 80, 90),
        bar("4", 90, 100, 90, 99),
    ]

    assert summary_of(rows) == {
        "first": {"date": "1", "open": 100.0}, "last": {"date": "4", "close": 99.0},
        "high": {"date": "2", "price": 130.0}, "low": {"date": "3", "price": 80.0},
        "change": -1.0, "changePercent": -1.0, "barVolatilityPercent": 25.01,
        "maxDrawdownPercent": 25.0, "changeFrom": "the first bar's open",
    }  # fmt: skip


def test_a_series_with_gaps_or_of_rates_has_what_can_be_said() -> None:
    rates = summary_of([bar("1", -0.5, 0.1, -0.6, 0.0), bar("2", None, None, None, None)])

    assert rates["change"] == 0.5
    assert rates["changePercent"] is rates["barVolatilityPercent"] is rates["maxDrawdownPercent"] is None
    assert summary_of([bar("1", None, None, None, None)])["high"] is None
    assert summary_of([]) == {}


def test_the_cost_of_positions_by_currency_and_what_is_unknown() -> None:
    held = [
        Position(account="DU1", contract=SPY, position=10.0, avgCost=400.0),
        Position(account="DU1", contract=OPTION, position=-2.0, avgCost=None),
        Position(account="DU1", contract=SAP, position=5.0, avgCost=200.0),
    ]

    assert summary_of(held) == {
        "byCurrency": {
            "USD": {"long": 1, "short": 1, "cost": 4000.0, "unknownCost": 1},
            "EUR": {"long": 1, "short": 0, "cost": 1000.0},
        }
    }


@pytest.mark.parametrize("value", [1.5, None])
def test_the_main_figures_of_an_account(value: float | None) -> None:
    rows = [
        AccountSummaryValue(account="DU1", tag="NetLiquidation", value=value, currency="USD"),
        AccountSummaryValue(account="DU1", tag="Cushion", value=0.5, currency=None),
    ]

    assert json.dumps(summary_of(rows)) == json.dumps(
        {"byAccount": {"DU1": {"NetLiquidation": value, "currency": "USD"}}}
    )
