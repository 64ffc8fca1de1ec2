"""Summaries of the rows of a list."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from bridge.tools.account import AccountSummaryValue, Position
from bridge.tools.market.market_data import Bar
from bridge.tools.order_queries import Execution
from bridge.tools.types import Contract
from ib_worker.answers.summaries import summary_of

SPY = Contract(conId=1, symbol="SPY", secType="STK", currency="USD")
OPTION = Contract(conId=2, symbol="SPY", secType="OPT", currency="USD", multiplier="100")
SAP = Contract(conId=3, symbol="SAP", secType="STK", currency="EUR")
FILL = {
    "time": datetime(2025, 6, 11, tzinfo=UTC), "account": "DU1", "cumQty": 1.0, "avgPrice": 1.0, "exchange": "X",
    "orderId": 1, "permId": 1, "clientId": 1, "orderRef": None, "commission": None, "commissionCurrency": None,
    "realizedPNL": None,
}  # fmt: skip


def bar(date: str, *prices: float | None) -> Bar:
    opened, high, low, close = prices
    return Bar(date=date, open=opened, high=high, low=low, close=close, volume=None, average=None, barCount=None)


def fill(**more: Any) -> Execution:
    return Execution.model_validate(FILL | {"execId": "a.01.01"} | more)


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


@pytest.mark.parametrize("value", [1.5, None])
def test_the_main_figures_of_an_account(value: float | None) -> None:
    rows = [
        AccountSummaryValue(account="DU1", tag="NetLiquidation", value=value, currency="USD"),
        AccountSummaryValue(account="DU1", tag="Cushion", value=0.5, currency=None),
    ]

    assert json.dumps(summary_of(rows)) == json.dumps(
        {"byAccount": {"DU1": {"NetLiquidation": value, "currency": "USD"}}}
    )
