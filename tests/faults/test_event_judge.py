"""The judge of the event runs: it fails on each way in which a reader can miss or mistake what happened."""

from dataclasses import replace

import pytest

from bridge.order_references import order_ref
from tests.faults.event_judge import QuoteEntry, Row, wrong_ends, wrong_events, wrong_executions, wrong_quotes

LOG: list[Row] = [
    ["order", "09:30:00", {"status": "Submitted", "done": False}],
    ["execution", "09:30:01", {"execId": "1"}],
    ["order", "09:30:01", {"status": "Filled", "done": True}],
]
QUOTES = [QuoteEntry("quote", f"09:30:0{second}", "a", 2 * second, 2) for second in range(1, 5)]
TOLD: list[Row] = [[each.kind, each.time, each.updates] for each in QUOTES]
GAP = QuoteEntry("gap", None, "b", 0, 0)


def test_a_reader_with_the_log_passes() -> None:
    assert wrong_events(LOG, LOG) == []
    assert wrong_executions(["1"], ["1"]) == []
    assert wrong_ends([order_ref("key")], ["key"]) == []
    assert wrong_quotes(TOLD, QUOTES, needs_gap=False) == []


@pytest.mark.parametrize(
    ("told", "fault"),
    [
        (LOG[:1] + LOG[2:], "1 events less"),
        (LOG[1:], "1 events less"),
        ([*LOG, LOG[1]], "1 events twice"),
        ([LOG[0], LOG[0], *LOG[1:]], "1 events twice"),
        ([LOG[0], LOG[2], LOG[1]], "another order"),
        ([*LOG, ["halt", "09:31:00", {}]], "1 events that the log has not"),
        ([], "3 events less"),
    ],
)
def test_a_lost_a_doubled_and_a_misplaced_event_fail(told: list[Row], fault: str) -> None:
    wrong = wrong_events(told, LOG)

    assert len(wrong) == 1
    assert fault in wrong[0]


def test_an_event_that_is_lost_and_another_twice_are_both_named() -> None:
    assert len(wrong_events([LOG[0], LOG[0], LOG[1]], LOG)) == 2


@pytest.mark.parametrize("found", [[], ["1", "1"], ["2", "1"], ["1"]])
def test_a_waiter_without_each_execution_once_and_in_order_fails(found: list[str]) -> None:
    assert wrong_executions(found, ["1", "2"])


@pytest.mark.parametrize("ended", [[], [order_ref("key")] * 2, [order_ref("other")]])
def test_an_order_without_its_one_end_fails(ended: list[str]) -> None:
    assert wrong_ends(ended, ["key"])


@pytest.mark.parametrize("told", [TOLD[1:], [*TOLD, TOLD[-1]], TOLD[::-1]], ids=["lost", "doubled", "misplaced"])
def test_a_reader_with_other_quotes_than_the_log_fails(told: list[Row]) -> None:
    assert "others or in another order" in wrong_quotes(told, QUOTES, needs_gap=False)[0]


def test_an_update_that_the_log_lacks_fails_where_no_gap_is_marked() -> None:
    log = [QUOTES[0], *QUOTES[2:]]

    assert "no gap between update 2 and 6" in wrong_quotes([TOLD[0], *TOLD[2:]], log, needs_gap=False)[0]


def test_a_stream_that_was_opened_anew_fails_where_no_gap_is_marked() -> None:
    log = [*QUOTES[:2], *(replace(each, life="b") for each in QUOTES[2:])]

    assert "no gap" in wrong_quotes(TOLD, log, needs_gap=False)[0]


def test_a_marked_gap_stands_for_what_is_lost() -> None:
    log = [QUOTES[0], GAP, replace(QUOTES[2], life="b"), replace(QUOTES[3], life="b")]
    told = [[each.kind, each.time, each.updates] for each in log]

    assert wrong_quotes(told, log, needs_gap=True) == []


def test_a_fault_that_ended_the_subscription_without_a_gap_fails() -> None:
    assert wrong_quotes(TOLD, QUOTES, needs_gap=True) == ["a fault ended TWS's subscription, and no gap is marked"]
