"""One order's state under every mixture of messages that TWS is known to send: statuses, fills and names."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.tools.types import Contract
from ib_worker.orders.events import (
    CancelSent,
    Completed,
    ErrorReported,
    Event,
    NotListed,
    OpenOrderReported,
    Status,
    Terms,
)
from ib_worker.orders.state import OrderState, apply
from ib_worker.tws.values.codes import REJECTS
from tests.stacks.order_events import AT, TERMS, after, fill, fresh, opened, said, status


def test_an_order_is_unknown_until_tws_speaks() -> None:
    state = fresh()

    assert (state.status, state.acknowledged, state.done, state.permId) == ("unknown", False, False, None)
    assert [each.source for each in state.life] == ["sent"]


def test_an_acknowledged_order_has_its_permid_and_status() -> None:
    state = after(opened("PreSubmitted"), status("Submitted"))

    assert (state.status, state.permId, state.working, state.acknowledged, state.done) == (
        "Submitted",
        99,
        True,
        True,
        False,
    )


def test_the_orders_contract_keeps_what_openorder_leaves_out() -> None:
    bare = Terms(Contract(conId=265598, symbol="AAPL", secType="STK"), "DU1", "BUY", 10.0, "LMT", 101.0)

    state = after(OpenOrderReported(AT, 99, "ref", bare, "Submitted"))

    assert state.terms.contract.primaryExchange == "NASDAQ"
    assert state.terms.lmtPrice == 101.0


def test_another_contract_replaces_the_first() -> None:
    other = Terms(Contract(conId=5, symbol="X", secType="STK"), "DU1", "BUY", 10.0, "LMT")

    assert after(OpenOrderReported(AT, 99, "ref", other, "Submitted")).terms.contract.conId == 5


@pytest.mark.parametrize("word", ["Cancelled", "ApiCancelled"])
def test_a_cancelled_order_is_done(word: str) -> None:
    assert after(opened(), status(word)).done


def test_a_status_that_comes_three_times_is_one_event() -> None:
    once = after(opened(), status("Submitted"))

    assert after(status("Submitted"), status("Submitted"), of=once) is once


@pytest.mark.fault(43)
def test_a_late_status_does_not_revive_a_cancelled_order() -> None:
    assert after(opened(), status("Cancelled"), status("Submitted"), opened("PreSubmitted")).status == "Cancelled"


def test_a_late_status_does_not_undo_a_fill() -> None:
    state = after(opened(), status("Filled", 10.0, 99.5), status("Submitted", 4.0, 99.0), status("Cancelled", 4.0))

    assert (state.status, state.filled, state.remaining, state.avgFillPrice) == ("Filled", 10.0, 0.0, 99.5)


def test_a_fill_after_the_cancel_wins() -> None:
    state = after(opened(), status("Cancelled"), fill(shares=10, cumQty=10))

    assert (state.status, state.filled, state.done) == ("Filled", 10.0, True)


def test_a_partial_fill_after_the_cancel_is_counted() -> None:
    state = after(opened(), status("Cancelled"), fill(cumQty=4))

    assert (state.status, state.filled, state.remaining) == ("Cancelled", 4.0, 6.0)


def test_executions_alone_fill_an_order() -> None:
    state = after(opened("PreSubmitted"), fill("a.b.01.01", 4, 4), fill("a.b.02.01", 6, 10, 101.0))

    assert (state.status, state.filled, state.remaining, state.avgFillPrice, state.lastFillPrice) == (
        "Filled", 10.0, 0.0, 101.0, 101.0,
    )  # fmt: skip


def test_a_status_alone_fills_an_order() -> None:
    state = after(status("Filled", 10.0, 99.0))

    assert (state.status, state.filled, state.fills) == ("Filled", 10.0, {})


def test_an_order_of_which_all_is_filled_is_filled_whatever_the_status_says() -> None:
    assert after(opened(), status("Submitted", 10.0, 99.0)).status == "Filled"


def test_executions_out_of_order_keep_the_largest_count() -> None:
    state = after(opened(), fill("a.b.02.01", 3, 7, 101.0), fill("a.b.01.01", 4, 4, 100.0))

    assert (state.filled, state.avgFillPrice, state.status) == (7.0, 101.0, "Submitted")


def test_a_correction_replaces_its_execution() -> None:
    state = after(opened(), fill("a.b.01.01", 4, 4, 100.0), fill("a.b.01.02", 4, 4, 90.0))

    assert (state.filled, state.avgFillPrice, len(state.fills)) == (4.0, 90.0, 1)
    assert state.life[-1].what == "4 @ 90 (correction)"


@pytest.mark.parametrize("again", ["a.b.01.01", "a.b.01.02"])
def test_an_execution_that_is_known_or_corrected_is_no_news(again: str) -> None:
    state = after(opened(), fill("a.b.01.02", 4, 4, 90.0))

    assert after(fill(again, 4, 4, 100.0), of=state) is state


def test_what_was_not_filled_has_no_price() -> None:
    state = after(opened(), status("Submitted", 0.0, 0.0))

    assert (state.avgFillPrice, state.lastFillPrice, state.remaining) == (None, None, 10.0)


@pytest.mark.parametrize("shares", [0.25, 1.0])
def test_an_execution_of_the_whole_of_a_small_order_fills_it(shares: float) -> None:
    small = OrderState(7, 1, replace(TERMS, totalQuantity=shares), orderRef="ref")
    state = after(fill(shares=shares, cumQty=shares), of=small)

    assert (state.status, state.filled, state.remaining, state.working) == ("Filled", shares, 0.0, True)


def test_executions_of_an_order_for_an_amount_of_money_fill_it_only_when_tws_says_so() -> None:
    terms = replace(TERMS, totalQuantity=0.0)
    taken = OpenOrderReported(AT, 99, "ref", terms, "Submitted")
    state = after(taken, fill(shares=0.5, cumQty=0.5), of=OrderState(7, 1, terms, orderRef="ref"))
    assert (state.status, state.filled, state.remaining) == ("Submitted", 0.5, None)

    assert after(Status(AT, 99, "Filled", 0.5, 0.0, 100.0, 100.0), of=state).status == "Filled"


@pytest.mark.fault(50)
def test_one_order_may_have_two_permids() -> None:
    state = after(opened(permId=99), opened(permId=100))

    assert (state.permIds, state.permId) == ((99, 100), 100)


def test_the_reference_of_an_order_stays() -> None:
    state = after(OpenOrderReported(AT, 99, "other", TERMS, "Submitted"))

    assert state.orderRef == "ref"


def test_a_foreign_order_gets_its_reference_from_its_messages() -> None:
    assert after(fill(), of=OrderState(7, 2, TERMS)).orderRef == "ref"


def test_an_order_that_tws_names_no_more_is_unknown_not_cancelled() -> None:
    state = after(opened(), NotListed(AT))

    assert (state.status, state.done, state.acknowledged, state.not_found) == ("unknown", False, False, False)


def test_only_two_looks_say_that_it_does_not_exist() -> None:
    once = after(NotListed(AT))
    assert not once.not_found

    assert after(NotListed(AT), of=once).not_found


def test_an_order_that_tws_has_shown_was_named_whatever_is_known_of_it_now() -> None:
    assert not fresh().named
    assert after(opened()).named
    assert after(opened(), NotListed(AT)).named


@pytest.mark.parametrize("event", [opened(), status(), fill(), Completed(AT, 99, "ref", TERMS, "Cancelled", 0.0, None)])
def test_an_order_that_is_named_again_was_not_missed(event: Event) -> None:
    state = after(NotListed(AT), event, NotListed(AT + timedelta(seconds=60)))

    assert not state.not_found
    assert state.misses <= 1


def test_a_finished_order_can_not_vanish() -> None:
    done = after(status("Filled", 10.0))

    assert after(NotListed(AT), of=done) is done


EVENTS = st.one_of(
    st.builds(
        opened, st.sampled_from(["PendingSubmit", "PreSubmitted", "Submitted", "Inactive", "Cancelled", "Filled"])
    ),
    st.builds(
        status,
        st.sampled_from(["PreSubmitted", "Submitted", "PendingCancel", "Inactive", "Cancelled"]),
        st.sampled_from([0.0, 4.0]),
    ),
    st.builds(
        fill, st.sampled_from(["a.b.01.01", "a.b.01.02", "a.b.02.01"]), st.just(4.0), st.sampled_from([4.0, 8.0, 10.0])
    ),
    st.builds(said, st.sampled_from([201, 202, 399, 2109, 10147, 161, 110])),
    st.just(CancelSent(AT)),
    st.just(NotListed(AT)),
)


@given(st.lists(EVENTS, max_size=12))
def test_quantities_never_go_back_and_a_fill_is_final(events: list[Event]) -> None:
    state = fresh()
    for event in events:
        before, state = state, apply(state, event)

        assert state.filled >= before.filled
        assert before.status != "Filled" or state.status == "Filled"
        assert not (before.status == "Cancelled" and state.status not in ("Cancelled", "Filled"))
        assert state.filled < 10 or state.status == "Filled"
        assert set(before.permIds) <= set(state.permIds)


@given(st.lists(EVENTS, max_size=8))
def test_every_message_twice_is_the_same_as_once(events: list[Event]) -> None:
    once, twice = fresh(), fresh()
    for event in events:
        once = apply(once, event)
        twice = apply(apply(twice, event), event)

    assert (once.status, once.filled, once.rejected, once.permIds) == (
        twice.status,
        twice.filled,
        twice.rejected,
        twice.permIds,
    )


@given(st.lists(EVENTS, max_size=12))
def test_only_a_rejecting_code_rejects(events: list[Event]) -> None:
    state = after(*events)

    assert state.rejected is None or any(isinstance(event, ErrorReported) and event.code in REJECTS for event in events)
