"""Account values under TWS's tags, in the account window and in the summary."""

from __future__ import annotations

import pytest

from ibgateway.simulator.world.world import World
from tests.stacks.ibgateway.world_and_trader import ACCOUNT, EURUSD, Trader, stock, summary_value


def test_net_liquidation_is_cash_and_what_is_held(trader: Trader) -> None:
    trader.place("BUY", 10, "MKT")
    trader.place("SELL", 5, "MKT", stock("IBM"))
    world = trader.world

    held = sum(each.marketValue for each in world.portfolio(ACCOUNT))
    assert summary_value(world, "NetLiquidation") == pytest.approx(
        summary_value(world, "TotalCashValue") + held, abs=0.05
    )
    assert summary_value(world, "GrossPositionValue") == pytest.approx(
        sum(abs(each.marketValue) for each in world.portfolio(ACCOUNT)), abs=0.05
    )


def test_yesterdays_equity_stays_as_it_was_at_the_close(trader: Trader) -> None:
    before = summary_value(trader.world, "PreviousDayEquityWithLoanValue")
    trader.place("BUY", 1_000, "MKT")

    assert summary_value(trader.world, "PreviousDayEquityWithLoanValue") == before
    assert before - summary_value(trader.world, "EquityWithLoanValue") == pytest.approx(
        -(trader.world.pnl(ACCOUNT, "").dailyPnL or 0.0), abs=0.05
    )


def test_cash_of_a_sale_of_stocks_is_not_settled_on_its_day(trader: Trader) -> None:
    before = summary_value(trader.world, "SettledCash")
    trader.place("SELL", 5, "MKT", stock("IBM"))
    brought = 5 * trader.fills()[0].price

    assert summary_value(trader.world, "TotalCashValue") > before
    assert summary_value(trader.world, "TotalCashValue") - summary_value(trader.world, "SettledCash") == pytest.approx(
        brought, abs=0.05
    )
    trader.world._broker.begin_day(trader.world.now)
    assert summary_value(trader.world, "SettledCash") == summary_value(trader.world, "TotalCashValue")


def test_the_account_window_shows_every_currency(trader: Trader) -> None:
    trader.place("BUY", 20_000, "MKT", EURUSD)
    values = {(each.tag, each.currency): each.value for each in trader.world.account_values(ACCOUNT)}

    assert values["AccountReady", ""] == "true"
    assert values["CashBalance", "EUR"] == "20000.00"
    assert float(values["ExchangeRate", "EUR"]) == pytest.approx(1.14, abs=0.02)
    assert values["NetLiquidation", "USD"] == f"{summary_value(trader.world, 'NetLiquidation'):.2f}"
    total = float(values["CashBalance", "USD"]) + 20_000 * float(values["ExchangeRate", "EUR"])
    assert float(values["CashBalance", "BASE"]) == pytest.approx(total, abs=1)


@pytest.mark.trial("F1")
@pytest.mark.parametrize(
    ("tags", "told"),
    [
        ("", []),
        ("NoSuchTag", []),
        ("NoSuchTag, NetLiquidation ,ReqTEquity,ReqTMargin", ["NetLiquidation", "ReqTEquity"]),
    ],
)
def test_unknown_tags_have_no_rows(quiet: World, tags: str, told: list[str]) -> None:
    assert [row.tag for row in quiet.account_summary("All", tags)] == told
