"""All accounts: their books, what they are worth, and their profit."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from ibgateway.simulator.model.account import AccountValue
from ibgateway.simulator.model.contracts import Contract
from ibgateway.simulator.model.errors import Refusal
from ibgateway.simulator.model.orders import CommissionReport
from ibgateway.simulator.world.world import World
from tests.stacks.ibgateway.world_and_trader import (
    ACCOUNT,
    ES,
    EURUSD,
    START,
    Trader,
    at,
    new_world,
    stock,
    summary_value,
)


def test_a_paper_account_begins_with_a_million_and_a_small_portfolio(quiet: World) -> None:
    assert summary_value(quiet, "NetLiquidation") == pytest.approx(1_000_000, rel=0.02)
    assert {each.contract.symbol for each in quiet.positions(None)} == {"MSFT", "IBM", "SPY"}
    assert all(each.position > 0 and each.avgCost > 0 for each in quiet.positions(None))


def test_an_account_in_euros_is_worth_its_dollars_at_the_pairs_price(quiet: World) -> None:
    euros = World(replace(quiet.config, base_currency="EUR"))
    rates = {each.currency: float(each.value) for each in euros.account_values(ACCOUNT) if each.tag == "ExchangeRate"}
    net = {each.currency: float(each.value) for each in euros.account_values(ACCOUNT) if each.tag == "NetLiquidation"}
    price = 1 / quiet._broker.rate("EUR", quiet.now)

    assert rates == {"BASE": 1.0, "EUR": 1.0, "USD": pytest.approx(price, abs=1e-5)}
    assert net == {"EUR": pytest.approx(summary_value(quiet, "NetLiquidation") * price, rel=1e-6)}
    assert euros.pnl(ACCOUNT, "").dailyPnL == pytest.approx(quiet.pnl(ACCOUNT, "").dailyPnL * price, rel=1e-6)  # type: ignore[operator]


def test_selling_what_is_held_is_possible_without_means(trader: Trader) -> None:
    ledger = trader.world._broker.ledgers[ACCOUNT]
    ledger.deposit("USD", -ledger.cash["USD"] - Decimal(60_000))
    assert summary_value(trader.world, "AvailableFunds") < 0

    trader.place("BUY", 1, "MKT")
    assert trader.statuses()[-1] == "Inactive"
    trader.place("SELL", 10, "MKT", stock("IBM"))
    assert trader.statuses()[-1] == "Filled"


def test_profit_is_told_alike_in_portfolio_pnl_and_commission_report(trader: Trader) -> None:
    world = trader.world
    trader.place("BUY", 10, "MKT")
    bought = trader.fills()[0].price
    trader.wait(START + 600)
    trader.place("SELL", 4, "MKT")

    report = trader.of(CommissionReport)[0]
    expected = 4 * (trader.fills()[0].price - bought - 0.1) - report.commission
    assert report.realizedPNL == pytest.approx(expected, abs=1e-6)
    assert world.pnl(ACCOUNT, "").realizedPnL == pytest.approx(expected, abs=1e-4)
    single = world.pnl_single(ACCOUNT, "", 265598)
    item = next(each for each in world.portfolio(ACCOUNT) if each.contract.symbol == "AAPL")
    assert single.realizedPnL == pytest.approx(item.realizedPNL, abs=0.01)
    assert single.unrealizedPnL == pytest.approx(item.unrealizedPNL, abs=0.01)
    assert single.value == pytest.approx(item.marketValue, abs=0.01)


def test_daily_profit_is_the_change_of_net_liquidation_since_the_close(trader: Trader) -> None:
    world = trader.world
    trader.wait(at(4, day=12))
    before = summary_value(world, "NetLiquidation")
    trader.wait(at(11, day=12))
    trader.place("BUY", 10, "MKT")
    trader.wait(at(12, day=12))
    trader.place("SELL", 10, "MKT")

    # the day's books begin with the closes of liquid hours; trading after them is in the difference
    after_hours = sum(
        float(each.position)
        * ((world.snapshot(each.contract, at(3, 59, day=12)).last or 0) - close(world, each.contract))
        for each in world.positions(None)
    )
    daily = world.pnl(ACCOUNT, "").dailyPnL
    assert daily == pytest.approx(summary_value(world, "NetLiquidation") - before + after_hours, abs=0.5)


def close(world: World, contract: Contract) -> float:
    return world.snapshot(world.resolve(contract), at(10, day=12)).close or 0.0


def test_a_position_that_is_closed_stays_for_the_day(trader: Trader) -> None:
    trader.place("BUY", 1, "MKT")
    trader.place("SELL", 1, "MKT")
    assert [float(each.position) for each in trader.world.positions(None) if each.contract.symbol == "AAPL"] == [0.0]

    trader.wait(at(5, day=12))
    assert "AAPL" not in {each.contract.symbol for each in trader.world.positions(None)}


def test_a_fill_tells_the_accounts_values_after_it(trader: Trader) -> None:
    trader.place("BUY", 1, "MKT")
    told = {(each.tag, each.currency): each.value for each in trader.of(AccountValue)}

    assert told == {(each.tag, each.currency): each.value for each in trader.world.account_values(ACCOUNT)}
    trader.place("BUY", 1, "LMT", lmtPrice=300.0)
    assert trader.of(AccountValue) == []


def test_unknown_accounts_are_refused(quiet: World) -> None:
    with pytest.raises(Refusal):
        quiet.pnl("U1", "")
    assert quiet.pnl_single(ACCOUNT, "", 42).value is None


def test_a_short_sale_makes_a_negative_position(trader: Trader) -> None:
    trader.place("SELL", 10, "MKT")

    assert trader.position("AAPL") == -10
    assert trader.fills()[0].side == "SLD"


def test_forex_moves_cash_of_both_currencies(trader: Trader) -> None:
    before = {(x.tag, x.currency): x.value for x in trader.world.account_summary("All", "$LEDGER:ALL")}
    trader.place("BUY", 20_000, "MKT", EURUSD)
    after = {(x.tag, x.currency): x.value for x in trader.world.account_summary("All", "$LEDGER:ALL")}

    assert after["CashBalance", "EUR"] == "20000.00"
    paid = float(before["CashBalance", "USD"]) - float(after["CashBalance", "USD"])
    assert paid == pytest.approx(20_000 * trader.fills()[0].price + 2.0, abs=0.01)


def test_a_future_costs_only_its_commission(trader: Trader) -> None:
    before = trader.world.account_summary("All", "TotalCashValue")[0].value
    trader.place("BUY", 1, "MKT", ES)
    after = trader.world.account_summary("All", "TotalCashValue")[0].value

    assert float(before) - float(after) == pytest.approx(2.25)


def test_two_accounts_have_books_of_their_own() -> None:
    trader = Trader(new_world(accounts=("DU1", "DU2")))
    trader.place("BUY", 1, "MKT")
    assert trader.errors() == [(435, "You must specify an account.")]

    trader.place("BUY", 1, "MKT", account="DU2")
    held = {each.account for each in trader.world.positions(None) if each.contract.symbol == "AAPL"}
    assert held == {"DU2"}
    assert {each.account for each in trader.world.positions("DU1")} == {"DU1"}
