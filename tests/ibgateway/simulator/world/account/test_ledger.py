"""One account's books: cash, cost and profit to the last decimal."""

from __future__ import annotations

from decimal import Decimal

from ibgateway.simulator.world.account.ledger import Ledger
from ibgateway.simulator.world.instruments.directory import Directory
from ibgateway.simulator.world.instruments.instrument import Instrument
from tests.stacks.ibgateway.world_and_trader import ACCOUNT

DIRECTORY = Directory()


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


def ibm() -> Instrument:
    found = DIRECTORY.get(8314)
    assert found is not None
    return found


def test_a_position_costs_what_was_paid_with_its_commission() -> None:
    ledger = Ledger(ACCOUNT)
    assert ledger.trade(ibm(), Decimal(100), Decimal(200), Decimal(1)) is None
    assert ledger.trade(ibm(), Decimal(100), Decimal(210), Decimal(1)) is None

    held = ledger.holdings[8314]
    assert (held.quantity, held.cost, held.basis) == (Decimal(200), Decimal("205.01"), Decimal(205))
    assert (ledger.cash["USD"], ledger.fees["USD"]) == (Decimal(-41_002), Decimal(2))


def test_a_short_brings_what_it_was_sold_for_less_its_commission() -> None:
    ledger = Ledger(ACCOUNT)
    ledger.trade(ibm(), Decimal(-100), Decimal(200), Decimal(1))

    assert ledger.holdings[8314].cost == Decimal("199.99")
    assert ledger.trade(ibm(), Decimal(100), Decimal(190), Decimal(1)) == Decimal(998)
    assert ledger.holdings[8314].cost == 0


def test_currencies_are_cash_on_both_sides() -> None:
    ledger, euro = Ledger(ACCOUNT), DIRECTORY.get(12087792)
    assert euro is not None

    ledger.trade(euro, Decimal(1000), Decimal("1.1"), Decimal(2))

    assert (ledger.cash["EUR"], ledger.cash["USD"]) == (Decimal(1000), Decimal(-1102))


def test_a_day_begins_with_what_is_held_at_the_close_before_it() -> None:
    ledger = Ledger(ACCOUNT)
    ledger.trade(ibm(), Decimal(100), Decimal(200), Decimal(1))
    ledger.trade(ibm(), Decimal(-40), Decimal(210), Decimal(1))

    ledger.begin_day(lambda _: 205.0)

    held = ledger.holdings[8314]
    assert (held.start_quantity, held.start_price) == (Decimal(60), 205.0)
    assert held.realized == held.spent == 0
    assert not ledger.realized


def test_what_was_closed_is_forgotten_the_next_day() -> None:
    ledger = Ledger(ACCOUNT)
    ledger.trade(ibm(), Decimal(1), Decimal(200), Decimal(1))
    ledger.trade(ibm(), Decimal(-1), Decimal(200), Decimal(1))

    ledger.begin_day(lambda _: 205.0)

    assert not ledger.holdings
    assert ledger.quantity(8314) == 0


def test_every_movement_of_cash_is_a_flow_or_a_fee() -> None:
    ledger = Ledger(ACCOUNT)
    ledger.deposit("USD", Decimal(1000))
    ledger.trade(ibm(), Decimal(2), Decimal(200), Decimal(1))

    assert ledger.cash["USD"] == ledger.flows["USD"] - ledger.fees["USD"] == Decimal(599)
