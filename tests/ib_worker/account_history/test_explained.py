"""The part of a change of net liquidation that nothing explains: a table of accounts by hand."""

import pytest

from bridge.bus.history.records import AccountSnapshot, CurrencyFigures, TradeExecution
from ib_worker.account_history.dealings import dealings
from ib_worker.account_history.explained import tolerance, unexplained
from tests.stacks.account_records import BOUGHT_AND_SOLD, execution, held, snapshot, trades

EUR = {"EUR": CurrencyFigures(1.10, 100.0, 1_000.0)}
EUR_LATER = {"EUR": CurrencyFigures(1.20, 100.0, 1_000.0)}


def rest(before: AccountSnapshot, after: AccountSnapshot, *executed: TradeExecution, paid: float = 1.0) -> float | None:
    return unexplained(before, after, dealings(trades(*executed, paid=paid)))


def test_a_price_explains_a_gain() -> None:
    assert rest(snapshot(11, 10_000, held(10, 100)), snapshot(12, 10_050, held(10, 105))) == 0


def test_a_deposit_is_what_is_left() -> None:
    assert rest(snapshot(11, 10_000, held(10, 100)), snapshot(12, 15_050, held(10, 105))) == 5_000


def test_a_withdrawal_is_below_zero() -> None:
    assert rest(snapshot(11, 10_000), snapshot(12, 9_000)) == -1_000


def test_a_purchase_gains_from_its_own_price_and_costs_a_commission() -> None:
    after = snapshot(12, 10_000 + 10 * 5 + 4 * 2 - 1, held(14, 105))

    assert rest(snapshot(11, 10_000, held(10, 100)), after, execution(shares=4, price=103)) == 0


def test_a_position_that_was_opened_and_closed_between() -> None:
    bought, sold = execution(price=100), execution("e6.01.01", side="SLD", price=110)

    assert rest(snapshot(11, 10_000), snapshot(12, 10_098), bought, sold) == 0


def test_a_short_position() -> None:
    after = snapshot(12, 10_000 + 5 * 3 - 1, held(-5, 97))

    assert rest(snapshot(11, 10_000), after, execution(side="SLD", shares=5, price=100)) == 0


@pytest.mark.parametrize("secType", ["OPT", "FUT", "FOP"])
def test_a_contract_with_a_multiplier(secType: str) -> None:
    after = snapshot(12, 10_000 + 50 * 2 - 1, held(1, 12, secType=secType, units=50))

    assert rest(snapshot(11, 10_000), after, execution(shares=1, price=10, secType=secType, multiplier="50")) == 0


def test_a_bond_is_priced_in_percent_as_its_position_shows() -> None:
    after = snapshot(12, 10_000 + 20 - 1, held(2_000, 101, secType="BOND", units=0.01))

    assert rest(snapshot(11, 10_000), after, execution(shares=2_000, price=100, secType="BOND")) == 0


def test_a_bond_that_was_opened_and_closed_between_can_not_be_told() -> None:
    bought, sold = (execution(f"e{each}.01.01", side=side, price=100 + each, secType="BOND")
                    for each, side in BOUGHT_AND_SOLD)  # fmt: skip

    assert rest(snapshot(11, 10_000), snapshot(12, 10_000), bought, sold) is None


def test_another_currency_gains_by_its_rate_and_its_prices() -> None:
    before = snapshot(11, 11_000, held(9, 100, currency="EUR"), currencies=EUR)
    # what was there gains 1,000 times 0.10, and nine shares of 110 another 90 euros at 1.20
    after = snapshot(12, 11_000 + 100 + 108, held(9, 110, currency="EUR"), currencies=EUR_LATER)

    assert rest(before, after) == 0


def test_a_commission_in_another_currency() -> None:
    before, after = snapshot(11, 11_000, currencies=EUR), snapshot(12, 11_096.4, currencies=EUR_LATER)
    bought, sold = (execution(f"e{each}.01.01", side=side, currency="EUR")
                    for each, side in BOUGHT_AND_SOLD)  # fmt: skip

    assert rest(before, after, bought, sold, paid=1.5) == 0


def test_a_currency_pair_moves_cash_in_two_currencies() -> None:
    pair = execution(shares=1_000, price=1.15, secType="CASH", symbol="EUR", name="EUR.USD")
    before = snapshot(11, 11_000, currencies=EUR)
    after = snapshot(12, 11_000 + 100 + 50 - 1, held(1_000, 1.2, secType="CASH"), currencies=EUR_LATER)

    assert rest(before, after, pair) == 0


@pytest.mark.parametrize(
    "after",
    [
        snapshot(12, 10_000, held(20, 50)),  # a split
        snapshot(12, 10_000),  # sold, and nobody recorded it
        snapshot(12, 10_000, held(10, None)),  # no price
        snapshot(12, 10_000, held(10, 100), base="EUR"),
    ],
)
def test_what_can_not_be_told_is_none(after: AccountSnapshot) -> None:
    assert rest(snapshot(11, 10_000, held(10, 100)), after) is None


def test_a_rate_that_was_not_told_makes_it_unknown() -> None:
    assert rest(snapshot(11, 11_000, currencies=EUR), snapshot(12, 11_000)) is None
    nothing = {"EUR": CurrencyFigures(1.10, 0.0, 0.0)}
    assert rest(snapshot(11, 11_000, currencies=nothing), snapshot(12, 11_000)) == 0


def test_the_tolerance_is_a_part_of_the_net_liquidation() -> None:
    assert (tolerance(1_000_000), tolerance(100), tolerance(-50_000)) == (500, 1, 25)
