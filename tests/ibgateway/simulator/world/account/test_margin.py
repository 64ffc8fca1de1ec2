"""What an account is worth and the margin that it needs, from what is held."""

from __future__ import annotations

from decimal import Decimal

import pytest

from ibgateway.simulator.world.account import margin
from ibgateway.simulator.world.account.margin import INDEX_FUTURES, AccountWorth, Prices
from ibgateway.simulator.world.instruments.directory import Directory
from ibgateway.simulator.world.instruments.instrument import Instrument
from tests.stacks.ibgateway.world_and_trader import AAPL, Trader, summary_value

DIRECTORY = Directory()
FLAT = Prices(of=lambda _: 100.0, rate=lambda currency: 1.25 if currency == "EUR" else 1.0, under=lambda _: 100.0)


def test_margin_follows_from_what_is_held(trader: Trader) -> None:
    world = trader.world
    before = summary_value(world, "InitMarginReq"), summary_value(world, "MaintMarginReq")
    trader.place("BUY", 100, "MKT")
    price = world.snapshot(world.resolve(AAPL)).last or 0.0

    assert summary_value(world, "InitMarginReq") - before[0] == pytest.approx(50 * price, abs=1)
    assert summary_value(world, "MaintMarginReq") - before[1] == pytest.approx(25 * price, abs=1)
    available = summary_value(world, "EquityWithLoanValue") - summary_value(world, "InitMarginReq")
    assert summary_value(world, "AvailableFunds") == pytest.approx(available, abs=0.02)
    assert summary_value(world, "BuyingPower") == pytest.approx(4 * available, abs=0.1)


def instrument(conId: int) -> Instrument:
    found = DIRECTORY.get(conId) or DIRECTORY.derivatives.future(conId)
    assert found is not None
    return found


IBM, EURO, FUTURE = instrument(8314), instrument(12087792), instrument(1_870_000_308)


@pytest.mark.parametrize(
    ("held", "quantity", "initial", "maintenance"),
    [(IBM, 10, 500.0, 250.0), (IBM, -10, 500.0, 300.0), (EURO, 1000, 3000.0, 3000.0)],
    ids=["long shares", "short shares", "currency"],
)
def test_margin_is_a_share_of_what_is_held(held: Instrument, quantity: int, initial: float, maintenance: float) -> None:
    found = margin.value({}, [(held, Decimal(quantity), Decimal(100))], FLAT)

    assert (found.initial, found.maintenance) == pytest.approx((initial, maintenance))


def test_a_future_is_worth_its_profit_and_needs_a_share_of_its_notional() -> None:
    notional = 100.0 * FUTURE.units

    found = margin.value({}, [(FUTURE, Decimal(1), Decimal(repr(notional - 30)))], FLAT)

    assert (found.futures, found.gross, found.net) == (30.0, 0.0, 30.0)
    assert found.initial == pytest.approx(notional * (0.066 if FUTURE.symbol in INDEX_FUTURES else 0.088))


def test_cash_of_another_currency_counts_at_its_rate() -> None:
    assert margin.value({"EUR": Decimal(1000), "USD": Decimal(10)}, [], FLAT).cash == 1260.0


def test_what_is_available_follows_from_equity_and_margin() -> None:
    found = AccountWorth(cash=1000.0, stock=500.0, option=200.0, initial=250.0, maintenance=125.0)

    assert (found.net, found.with_loan) == (1700.0, 1500.0)  # options are no collateral
    assert (found.available, found.excess, found.buying_power) == (1250.0, 1375.0, 5000.0)
    assert found.cushion == pytest.approx(1375 / 1700)
    assert (AccountWorth(initial=1.0).buying_power, AccountWorth().cushion) == (0.0, 0.0)
