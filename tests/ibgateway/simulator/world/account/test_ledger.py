"""One account's books: cash, cost and profit to the last decimal."""

from __future__ import annotations

from decimal import Decimal

from ibgateway.simulator.world.account.ledger import Ledger
from ibgateway.simulator.world.instruments.directory import Directory
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
