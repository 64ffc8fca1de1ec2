"""The equity curve: which snapshot counts for a session, returns without flows, and what is suspected."""

from bridge.bus.history.records import AccountSnapshot, CashFlow, CoveredDays, TradeExecution
from bridge.bus.history.store import Flows
from ib_worker.account_history.curve import EquityRow, sessions
from ib_worker.account_history.dealings import dealings
from tests.stacks.account_records import execution, held, snapshot, trades

UNKNOWN = Flows([], [])
WEEK = CoveredDays("DU1", "2025-06-09", "2025-06-15")


def curve(
    *snapshots: AccountSnapshot, flows: Flows = UNKNOWN, executed: TradeExecution | None = None
) -> list[EquityRow]:
    dealt = dealings(trades(executed)) if executed is not None else []
    return sessions(snapshots, dealt, flows)


def test_a_return_is_against_the_session_before() -> None:
    first, second = curve(snapshot(11, 10_000, held(10, 100)), snapshot(12, 10_050, held(10, 105)))

    assert (first.returnPercent, first.unexplained) == (None, None)
    assert (second.returnPercent, second.unexplained, second.suspected) == (0.5, 0, False)


def test_a_suspected_deposit_is_no_return() -> None:
    _, second = curve(snapshot(11, 10_000), snapshot(12, 15_000))

    assert (second.returnPercent, second.unexplained, second.suspected, second.flow) == (0, 5_000, True, None)


def test_a_small_rest_is_a_return() -> None:
    _, second = curve(snapshot(11, 10_000), snapshot(12, 10_004))

    assert (second.returnPercent, second.unexplained, second.suspected) == (0.04, 4, False)


def test_a_statement_tells_a_deposit() -> None:
    flows = Flows([CashFlow("1", "DU1", "2025-06-12", 5_000, "USD")], [WEEK])

    _, second = curve(snapshot(11, 10_000), snapshot(12, 15_000), flows=flows)

    assert (second.flow, second.unexplained, second.suspected, second.returnPercent) == (5_000, 0, False, 0)


def test_a_covered_session_without_a_flow_has_none() -> None:
    _, second = curve(snapshot(11, 10_000), snapshot(12, 10_000), flows=Flows([], [WEEK]))

    assert second.flow == 0


def test_a_flow_over_a_weekend_belongs_to_the_session_after() -> None:
    weekend = CashFlow("1", "DU1", "2025-06-14", 100, "EUR", rate=1.1)
    covered = [WEEK, CoveredDays("DU1", "2025-06-16", "2025-06-16")]

    _, monday = curve(snapshot(13, 10_000), snapshot(16, 10_110), flows=Flows([weekend], covered))

    assert (monday.flow, monday.returnPercent) == (110, 0)


def test_a_flow_without_a_rate_is_unknown() -> None:
    flows = Flows([CashFlow("1", "DU1", "2025-06-12", 100, "EUR")], [WEEK])

    assert curve(snapshot(11, 10_000), snapshot(12, 10_110), flows=flows)[1].flow is None


def test_a_close_counts_before_a_statement_and_that_before_nothing() -> None:
    rows = curve(
        snapshot(10, 9_000, kind="flex"), snapshot(11, 9_500, kind="flex"), snapshot(11, 9_400),
        snapshot(12, 9_450, kind="late"), snapshot(12, 9_460, kind="start"), snapshot(13, 9_470, kind="start"),
    )  # fmt: skip

    assert [(each.date, each.snapshot.kind) for each in rows] == [
        ("2025-06-10", "flex"), ("2025-06-11", "close"), ("2025-06-12", "late"),
    ]  # fmt: skip


def test_the_record_may_begin_with_a_start() -> None:
    rows = curve(snapshot(11, 10_000, kind="start"), snapshot(12, 10_100, kind="start"), snapshot(13, 10_200))

    assert [each.snapshot.kind for each in rows] == ["start", "close"]


def test_an_execution_of_the_snapshots_own_second_is_on_the_side_that_its_positions_show() -> None:
    bought = execution(time="2025-06-11T20:05:00+00:00", shares=1, price=100)

    _, after = curve(snapshot(11, 10_000), snapshot(12, 9_999, held(1, 100)), executed=bought)
    assert after.unexplained == 0
    _, within = curve(snapshot(11, 9_999, held(1, 100)), snapshot(12, 9_999, held(1, 100)), executed=bought)
    assert within.unexplained == 0


def test_no_snapshot_is_no_curve() -> None:
    assert curve() == []
