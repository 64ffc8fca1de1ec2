"""Positions in the account's base currency, whichever currency TWS tells their figures in."""

from datetime import UTC, datetime, timedelta
from typing import Any

import ib_async
import pytest

from bridge.tools.account import AccountUpdate, PnL, Position
from ib_worker.account.exchange_rates import AccountRow, account_rates
from ib_worker.account.portfolio import (
    AccountPicture,
    PricedPosition,
    currency_of,
    picture,
    row,
    same_in_all,
    with_pnl,
)
from ib_worker.tws.values import convert
from ib_worker.tws.values.unset import UNSET_DOUBLE

NOW = datetime(2025, 6, 11, 14, 30, tzinfo=UTC)
ROWS = [
    AccountRow("DU1", "NetLiquidation", "100000.00", "EUR"), AccountRow("DU1", "TotalCashValue", "5000.00", "EUR"),
    AccountRow("DU1", "TotalCashValue", "7000.00", "USD"), AccountRow("DU1", "ExchangeRate", "1.00", "EUR"),
    AccountRow("DU1", "ExchangeRate", "0.80", "USD"), AccountRow("DU1", "AccountType", "INDIVIDUAL", ""),
]  # fmt: skip


def contract(conId: int = 1, **fields: Any) -> ib_async.Contract:
    return ib_async.Contract(conId=conId, **({"symbol": "SPY", "secType": "STK", "currency": "USD"} | fields))


def line(on: ib_async.Contract, price: float = 500.0, cost: float = 400.0) -> AccountUpdate:
    item = ib_async.PortfolioItem(on, 10.0, price, price * 10, cost, (price - cost) * 10, 0.0, "DU1")
    return convert.portfolio_update(item, NOW)


def held(*lines: AccountUpdate | Position) -> AccountPicture:
    return picture("DU1", ROWS, lines)


def first(on: ib_async.Contract | None = None) -> PricedPosition:
    return held(line(on or contract())).holdings[0]


def test_amounts_are_in_the_base_currency_and_prices_in_the_contracts() -> None:
    one = first()

    told = row(one, 100_000.0, NOW + timedelta(seconds=7.4))
    assert (told["currency"], told["avgPrice"], told["marketPrice"]) == ("USD", 400, 500)
    assert (told["marketValue"], told["unrealizedPnL"], told["weight"], told["age_s"]) == (4000, 800, 4, 7)


def test_totals_are_of_the_base_currency_and_name_the_rates_of_what_is_held() -> None:
    pnl = PnL(account="DU1", modelCode="", dailyPnL=1.239, unrealizedPnL=None, realizedPnL=0.0)

    told = held(line(contract()), line(contract(2, currency="EUR"))).totals(pnl, NOW)
    assert (told.currency, told.netLiquidation, told.cash, told.grossPositionValue) == ("EUR", 100_000, 5_000, None)
    assert (told.dailyPnL, told.unrealizedPnL, told.realizedPnL, told.rates) == (1.24, None, 0, {"USD": 0.8})


@pytest.mark.parametrize("rate", [1.0, 0.8], ids=["contract's currency", "base currency"])
def test_figures_of_one_position_are_converted_only_where_they_are_in_the_contracts_currency(rate: float) -> None:
    told = with_pnl(first(), [10.0, 50.0 * rate, 1100.0 * rate, 5.0 * rate, 5100.0 * rate], NOW)

    assert told.marketPrice == 510
    assert (told.marketValue, told.dailyPnL, told.unrealizedPNL, told.realizedPNL) == pytest.approx((4080, 40, 880, 4))


@pytest.mark.parametrize(("factor", "currency"), [(1.0, "USD"), (0.8, "EUR"), (0.5, None)])
def test_currency_of_one_positions_figures_is_the_one_that_its_cost_agrees_with(
    factor: float, currency: str | None
) -> None:
    position = convert.position("DU1", contract(), 10.0, 400.0)
    figures = [10.0, 50.0 * factor, 1100.0 * factor, 5.0 * factor, 5100.0 * factor]

    assert currency_of(position, figures, account_rates(ROWS, "DU1")) == currency


def test_figures_whose_currency_is_uncertain_are_left() -> None:
    one = first()

    assert with_pnl(one, [10.0, 50.0, 1100.0, 5.0, 9999.0], NOW) is one
    assert with_pnl(one, [10.0, 50.0, UNSET_DOUBLE, 5.0, UNSET_DOUBLE], NOW) is one


def test_figures_of_another_quantity_tell_only_the_days_profit() -> None:
    told = with_pnl(first(), [8.0, 50.0, 880.0, 5.0, 4880.0], NOW + timedelta(seconds=1))

    assert (told.dailyPnL, told.marketPrice, told.priced) == (40.0, 500.0, NOW)


def test_a_contracts_price_is_without_its_multiplier_and_a_bonds_stays() -> None:
    option = first(contract(secType="OPT", multiplier="100", currency="EUR"))
    bond = first(contract(secType="BOND", currency="EUR"))

    assert with_pnl(option, [10.0, 1.0, 2000.0, 0.0, 6000.0], NOW).marketPrice == 6.0
    assert with_pnl(bond, [10.0, 1.0, 2000.0, 0.0, 6000.0], NOW).marketPrice == 500.0


def test_a_position_without_a_rate_or_a_price_is_told_without_its_value() -> None:
    yen = first(contract(currency="JPY"))
    bare = held(convert.position("DU1", contract(), 10.0, 400.0)).holdings[0]

    assert with_pnl(yen, [10.0, 50.0, 1100.0, 5.0, 5100.0], NOW) is yen
    told = row(yen, 100_000.0, NOW)
    assert (told["marketPrice"], told["marketValue"], told["weight"], told["unrealizedPnL"]) == (500, None, None, None)
    assert (row(bare, None, NOW)["age_s"], bare.size) == (None, 3200)


def test_a_currency_pair_is_no_share_of_net_liquidation_and_its_price_keeps_its_digits() -> None:
    pair = held(line(contract(secType="CASH", symbol="EUR"), price=1.343175, cost=1.34335)).holdings[0]
    cheap = held(line(contract(), price=0.0124, cost=0.012345)).holdings[0]

    told = row(pair, 100_000.0, NOW)
    assert (told["avgPrice"], told["marketPrice"], told["weight"]) == (1.34335, 1.343175, None)
    assert row(cheap, 100_000.0, NOW)["avgPrice"] == 0.012345
    assert row(first(), 100_000.0, NOW)["weight"] == 4


@pytest.mark.parametrize(("valued", "age_s"), [(NOW - timedelta(seconds=42), 42), (None, None)])
def test_totals_tell_the_age_of_net_liquidation(valued: datetime | None, age_s: int | None) -> None:
    pnl = PnL(account="DU1", modelCode="", dailyPnL=None, unrealizedPnL=None, realizedPnL=None)

    assert picture("DU1", ROWS, [], valued).totals(pnl, NOW).age_s == age_s


def test_what_is_equal_in_all_rows_is_told_once() -> None:
    rows = [row(each, 100_000.0, NOW) for each in held(line(contract()), line(contract(2), 600)).holdings]

    assert same_in_all(rows) == {"account": "DU1", "currency": "USD", "realizedPnL": 0, "age_s": 0}
    assert same_in_all([]) == {}


@pytest.mark.parametrize("net", [0.0, -2_500.0, None])
def test_a_position_is_no_share_of_what_is_owed(net: float | None) -> None:
    (one,) = held(line(contract())).holdings

    told = row(one, net, NOW)

    assert told["marketValue"] is not None
    assert told["weight"] is None
