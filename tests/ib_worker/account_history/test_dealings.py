"""Executions and their corrections, as they changed the account."""

from bridge.bus.history.records import TradeCommission
from bridge.bus.history.store import Trades, seconds
from ib_worker.account_history.dealings import dealings, newest_executions
from tests.stacks.account_records import execution, trades

LATER = "2025-06-13T15:00:00+00:00"


def test_an_execution_changes_the_account_at_its_time() -> None:
    sold = execution(side="SLD", shares=4.0)

    (found,) = dealings(trades(sold, paid=1.5))

    assert (found.at, found.quantity, found.cost) == (seconds(sold.time), -4.0, 1.5)


def test_a_correction_takes_its_original_back_when_it_comes() -> None:
    original, corrected = execution(price=100.0), execution("e5.01.02", price=101.0, heard=LATER)

    found = dealings(trades(corrected, original))

    assert [(each.at, each.quantity, each.execution.price) for each in found] == [
        (seconds(original.time), 10.0, 100.0), (seconds(LATER), -10.0, 100.0), (seconds(LATER), 10.0, 101.0),
    ]  # fmt: skip


def test_a_correction_whose_original_nobody_has_heard_counts_from_its_own_time() -> None:
    (found,) = dealings(trades(execution("e5.01.02", heard=LATER)))

    assert found.at == seconds("2025-06-12T14:30:00+00:00")


def test_the_newest_version_is_told_with_the_commission_of_its_original() -> None:
    original, corrected = execution(), execution("e5.01.02", price=101.0)
    paid = TradeCommission(original.execId, 1.0, "USD")

    assert newest_executions(Trades([original, corrected], {original.execId: paid})) == [(corrected, paid)]


def test_an_execution_without_a_commission_is_told_without() -> None:
    assert newest_executions(Trades([execution()], {})) == [(execution(), None)]


def test_executions_are_told_by_time() -> None:
    first, second = execution("b.01.01", "2025-06-12T14:00:00+00:00"), execution("a.01.01", LATER)

    assert [each.execId for each, _ in newest_executions(trades(second, first))] == ["b.01.01", "a.01.01"]


def test_a_combination_counts_by_its_legs_alone() -> None:
    whole, leg = execution("e5.01.01", secType="BAG"), execution("e5.02.01")

    assert [each.execution for each in dealings(trades(whole, leg))] == [leg]
