"""Books, valuation, margin and commissions."""

from __future__ import annotations

from decimal import Decimal

import pytest

from ibgateway.simulator.model import values as v
from ibgateway.simulator.world.account.commissions import Traded, commission
from ibgateway.simulator.world.account.ledger import Ledger
from ibgateway.simulator.world.instruments.directory import Directory
from ibgateway.simulator.world.world import World
from tests.stacks.ibgateway.world_and_trader import AAPL, ACCOUNT, ES, EURUSD, START, Trader, at, option, stock


def value(world: World, tag: str) -> float:
    return float(next(each.value for each in world.account_summary("All", tag) if each.tag == tag))


def test_a_paper_account_begins_with_a_million_and_a_small_portfolio(quiet: World) -> None:
    assert value(quiet, "NetLiquidation") == pytest.approx(1_000_000, rel=0.02)
    assert {each.contract.symbol for each in quiet.positions(None)} == {"MSFT", "IBM", "SPY"}
    assert all(each.position > 0 and each.avgCost > 0 for each in quiet.positions(None))


def test_net_liquidation_is_cash_and_what_is_held(trader: Trader) -> None:
    trader.place("BUY", 10, "MKT")
    trader.place("SELL", 5, "MKT", stock("IBM"))
    world = trader.world

    held = sum(each.marketValue for each in world.portfolio(ACCOUNT))
    assert value(world, "NetLiquidation") == pytest.approx(value(world, "TotalCashValue") + held, abs=0.05)
    assert value(world, "GrossPositionValue") == pytest.approx(
        sum(abs(each.marketValue) for each in world.portfolio(ACCOUNT)), abs=0.05
    )


def test_margin_follows_from_what_is_held(trader: Trader) -> None:
    world = trader.world
    before = value(world, "InitMarginReq"), value(world, "MaintMarginReq")
    trader.place("BUY", 100, "MKT")
    price = world.snapshot(world.resolve(AAPL)).last or 0.0

    assert value(world, "InitMarginReq") - before[0] == pytest.approx(50 * price, abs=1)
    assert value(world, "MaintMarginReq") - before[1] == pytest.approx(25 * price, abs=1)
    available = value(world, "EquityWithLoanValue") - value(world, "InitMarginReq")
    assert value(world, "AvailableFunds") == pytest.approx(available, abs=0.02)
    assert value(world, "BuyingPower") == pytest.approx(4 * available, abs=0.1)


def test_a_spread_needs_no_more_than_it_can_lose(trader: Trader) -> None:
    world = trader.world
    low, high = world.resolve(option(420.0)), world.resolve(option(430.0))
    before = value(world, "InitMarginReq")
    trader.place("BUY", 2, "MKT", high)
    trader.place("SELL", 2, "MKT", low)
    assert value(world, "InitMarginReq") - before == pytest.approx(2 * 1000, abs=0.02)

    trader.place("SELL", 2, "MKT", high)
    naked = value(world, "InitMarginReq") - before
    assert naked > 2 * 0.2 * 42_000
    trader.place("BUY", 2, "MKT", low)
    assert value(world, "InitMarginReq") == pytest.approx(before, abs=0.02)


def test_shares_cover_a_short_call(trader: Trader) -> None:
    world = trader.world
    trader.place("BUY", 100, "MKT")
    before = value(world, "InitMarginReq")
    trader.place("SELL", 1, "MKT", option(430.0))
    assert value(world, "InitMarginReq") == pytest.approx(before, abs=0.02)

    trader.place("SELL", 1, "MKT", option(400.0, "P"))
    assert value(world, "InitMarginReq") > before + 4_000


def test_selling_what_is_held_is_possible_without_means(trader: Trader) -> None:
    ledger = trader.world._broker.ledgers[ACCOUNT]
    ledger.deposit("USD", -ledger.cash["USD"] - Decimal(60_000))
    assert value(trader.world, "AvailableFunds") < 0

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

    report = trader.of(v.CommissionReport)[0]
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
    before = value(world, "NetLiquidation")
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
    assert daily == pytest.approx(value(world, "NetLiquidation") - before + after_hours, abs=0.5)


def close(world: World, contract: v.Contract) -> float:
    return world.snapshot(world.resolve(contract), at(10, day=12)).close or 0.0


def test_a_position_that_is_closed_stays_for_the_day(trader: Trader) -> None:
    trader.place("BUY", 1, "MKT")
    trader.place("SELL", 1, "MKT")
    assert [float(each.position) for each in trader.world.positions(None) if each.contract.symbol == "AAPL"] == [0.0]

    trader.wait(at(5, day=12))
    assert "AAPL" not in {each.contract.symbol for each in trader.world.positions(None)}


def test_the_account_window_shows_every_currency(trader: Trader) -> None:
    trader.place("BUY", 20_000, "MKT", EURUSD)
    values = {(each.tag, each.currency): each.value for each in trader.world.account_values(ACCOUNT)}

    assert values["AccountReady", ""] == "true"
    assert values["CashBalance", "EUR"] == "20000.00"
    assert float(values["ExchangeRate", "EUR"]) == pytest.approx(1.14, abs=0.02)
    assert values["NetLiquidation", "USD"] == f"{value(trader.world, 'NetLiquidation'):.2f}"
    total = float(values["CashBalance", "USD"]) + 20_000 * float(values["ExchangeRate", "EUR"])
    assert float(values["CashBalance", "BASE"]) == pytest.approx(total, abs=1)


def test_a_fill_tells_the_accounts_values_after_it(trader: Trader) -> None:
    trader.place("BUY", 1, "MKT")
    told = {(each.tag, each.currency): each.value for each in trader.of(v.AccountValue)}

    assert told == {(each.tag, each.currency): each.value for each in trader.world.account_values(ACCOUNT)}
    trader.place("BUY", 1, "LMT", lmtPrice=300.0)
    assert trader.of(v.AccountValue) == []


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


def test_unknown_accounts_are_refused(quiet: World) -> None:
    with pytest.raises(v.Refusal):
        quiet.pnl("U1", "")
    assert quiet.pnl_single(ACCOUNT, "", 42).value is None


# --- commissions -------------------------------------------------------------------------------------------------

DIRECTORY = Directory()


@pytest.mark.parametrize(
    ("conId", "quantity", "price", "sold", "expected"),
    [
        (265598, 1, 425.0, False, "1.0000"),  # the minimum
        (265598, 1, 40.0, False, "0.4000"),  # at most 1 % of the value
        (265598, 1000, 425.0, False, "5.0000"),  # half a cent a share
        (265598, 1000, 1.0, False, "5.0000"),
        (265598, 10_000, 0.3, False, "30.0000"),  # 1 % again
        (265598, 1000, 425.0, True, "16.9810"),  # and the fees on sales
        (12087792, 20_000, 1.14, False, "2.0000"),
        (12087792, 1_000_000, 1.14, False, "22.8000"),
    ],
)
def test_commissions_are_as_published(conId: int, quantity: int, price: float, sold: bool, expected: str) -> None:
    instrument = DIRECTORY.get(conId)
    assert instrument is not None
    size = Decimal(quantity)

    assert commission(instrument, Traded(size, size * Decimal(repr(price)), sold)) == Decimal(expected)


@pytest.mark.parametrize(
    ("contract", "quantity", "expected"), [(option(430.0), 1, 1.0), (option(430.0), 10, 6.5), (ES, 2, 4.5)]
)
def test_derivatives_cost_by_the_contract(trader: Trader, contract: v.Contract, quantity: int, expected: float) -> None:
    trader.place("BUY", quantity, "MKT", contract)

    assert sum(each.commission for each in trader.of(v.CommissionReport)) == pytest.approx(expected)


def test_the_minimum_is_charged_once_for_an_order(trader: Trader) -> None:
    trader.place("BUY", 1000, "MKT")

    reports = trader.of(v.CommissionReport)
    assert len(reports) > 1
    assert sum(each.commission for each in reports) == pytest.approx(5.0)


# --- the ledger alone --------------------------------------------------------------------------------------------


def test_turning_a_position_realises_only_what_is_closed() -> None:
    ledger, ibm = Ledger(ACCOUNT), DIRECTORY.get(8314)
    assert ibm is not None
    ledger.trade(ibm, Decimal(100), Decimal(200), Decimal(1))
    profit = ledger.trade(ibm, Decimal(-150), Decimal(210), Decimal(3))

    assert profit == Decimal(100) * (Decimal(210) - Decimal("200.01")) - 2
    held = ledger.holdings[8314]
    assert (held.quantity, held.cost) == (Decimal(-50), Decimal("209.98"))
    assert ledger.cash["USD"] == Decimal(-100 * 200 + 150 * 210 - 4)


def test_a_futures_profit_is_paid_when_it_is_closed() -> None:
    ledger, future = Ledger(ACCOUNT), DIRECTORY.derivatives.future(1_870_000_308)
    assert future is not None
    ledger.trade(future, Decimal(2), Decimal(3800), Decimal("4.5"))
    assert ledger.cash["USD"] == Decimal("-4.5")

    profit = ledger.trade(future, Decimal(-1), Decimal(3810), Decimal("2.25"))
    assert profit == Decimal(500) - Decimal("2.25") - Decimal("2.25")
    assert ledger.cash["USD"] == Decimal("493.25")
