"""One order's truth under every mixture of messages that TWS is known to send."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.tools.types import Contract
from ib_worker.orders.events import (
    CancelSent,
    Commission,
    Completed,
    ErrorReported,
    Event,
    Fill,
    ModifySent,
    NotListed,
    OpenOrderReported,
    Sent,
    Status,
    Terms,
    trade_of,
)
from ib_worker.orders.state import LIFE_EVENTS, OrderState, apply
from ib_worker.tws.values.codes import CANCEL_REFUSED, REJECTS

AT = datetime(2025, 6, 11, 14, 30, tzinfo=UTC)
AAPL = Contract(conId=265598, symbol="AAPL", secType="STK", primaryExchange="NASDAQ")
TERMS = Terms(AAPL, "DU1", "BUY", 10.0, "LMT", 100.0, None, "DAY")


def fresh() -> OrderState:
    return after(Sent(AT, TERMS), of=OrderState(7, 1, TERMS, orderRef="ref"))


def after(*events: Event, of: OrderState | None = None) -> OrderState:
    state = fresh() if of is None else of
    for event in events:
        state = apply(state, event)
    return state


def opened(status: str = "Submitted", permId: int = 99) -> OpenOrderReported:
    return OpenOrderReported(AT, permId, "ref", TERMS, status)


def status(word: str = "Submitted", filled: float = 0.0, price: float | None = None) -> Status:
    return Status(AT, 99, word, filled, 10.0 - filled, price, price)


def fill(execId: str = "a.b.01.01", shares: float = 4.0, cumQty: float = 4.0, avgPrice: float = 100.0) -> Fill:
    return Fill(AT, execId, shares, avgPrice, cumQty, avgPrice, 99, "ref")


def said(code: int, text: str = "text") -> ErrorReported:
    return ErrorReported(AT, code, text)


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


@pytest.mark.parametrize("code", [399, 404, 2109, 2161, 10167, 10311, 10349])
def test_a_notice_ends_nothing(code: int) -> None:
    new, live = after(said(code)), after(opened(), said(code))

    assert (new.status, new.done, live.status, live.done) == ("unknown", False, "Submitted", False)
    assert [each.code for each in live.notices] == [code]


def test_an_error_of_no_known_meaning_ends_nothing() -> None:
    assert not after(said(88888)).done


@pytest.mark.parametrize("code", [103, 110, 200, 201, 203, 321, 10318])
def test_a_rejection_of_a_new_order_is_final(code: int) -> None:
    state = after(said(code, "why"))

    assert (state.done, state.acknowledged, state.status) == (True, True, "Inactive")
    assert state.rejected == said(code, "why")


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


@pytest.mark.parametrize("events", list(permutations([opened("Inactive"), status("Inactive"), said(201)])))
def test_a_rejection_with_inactive_in_any_order_is_a_rejection(events: tuple[Event, ...]) -> None:
    state = after(*events)

    assert state.rejected is not None
    assert state.status == "Inactive"


def test_a_rejection_after_presubmitted_waits_for_inactive() -> None:
    doubted = after(opened("PreSubmitted"), said(201, "margin"))
    assert not doubted.done

    rejected = after(status("Inactive"), of=doubted)

    assert (rejected.status, rejected.rejected, rejected.pending_rejection) == ("Inactive", said(201, "margin"), None)


@pytest.mark.fault(49)
def test_a_rejected_modification_leaves_the_order_live() -> None:
    state = after(opened(), said(201, "price"), status("Submitted"), status("Inactive"))

    assert (state.rejected, state.status) == (None, "Inactive")


def test_a_rejection_does_not_undo_a_fill() -> None:
    assert after(opened(), fill(cumQty=4), said(201)).rejected is None
    assert after(status("Filled", 10.0), said(201)).rejected is None


def test_inactive_alone_is_held_and_may_come_alive_again() -> None:
    held = after(opened("Inactive"))
    assert (held.done, held.acknowledged) == (False, True)

    assert after(status("Submitted"), of=held).status == "Submitted"


def test_a_rejected_order_that_works_after_all_is_no_longer_rejected() -> None:
    state = after(said(201), status("Inactive"), status("Submitted"))

    assert (state.rejected, state.done, state.status) == (None, False, "Submitted")


def test_a_rejected_order_that_fills_after_all_is_filled() -> None:
    state = after(said(201), fill(shares=10, cumQty=10))

    assert (state.rejected, state.status) == (None, "Filled")


def test_a_cancel_is_confirmed_by_202_alone() -> None:
    state = after(opened(), CancelSent(AT), said(202, "Order Canceled - reason:"))

    assert (state.status, state.done, state.cancel_asked) == ("Cancelled", True, True)


@pytest.mark.parametrize("code", sorted(CANCEL_REFUSED))
def test_a_refused_cancel_leaves_the_order_as_it_is(code: int) -> None:
    state = after(opened(), CancelSent(AT), said(code, "no"))

    assert (state.status, state.done) == ("Submitted", False)
    assert state.cancel_refused == said(code, "no")


def test_a_second_cancel_forgets_the_first_refusal() -> None:
    once = after(opened(), CancelSent(AT), said(161, "no"))

    again = after(CancelSent(AT), of=once)
    refused = after(said(161, "no"), of=again)

    assert again.cancel_refused is None
    assert refused.cancel_refused is not None


def test_the_same_notice_twice_is_listed_once() -> None:
    once = after(opened(), said(399))

    assert after(said(399), of=once) is once


@pytest.mark.fault(50)
def test_one_order_may_have_two_permids() -> None:
    state = after(opened(permId=99), opened(permId=100))

    assert (state.permIds, state.permId) == ((99, 100), 100)


def test_the_reference_of_an_order_stays() -> None:
    state = after(OpenOrderReported(AT, 99, "other", TERMS, "Submitted"))

    assert state.orderRef == "ref"


def test_a_foreign_order_gets_its_reference_from_its_messages() -> None:
    assert after(fill(), of=OrderState(7, 2, TERMS)).orderRef == "ref"


def test_commissions_add_up_once_all_are_told() -> None:
    paid, more = Commission(AT, "a.b.01.01", 1.0, "USD", None), Commission(AT, "a.b.02.01", 0.5, "USD", 3.0)
    partly = after(opened(), fill("a.b.01.01", 4, 4), fill("a.b.02.01", 6, 10), paid)
    assert partly.commission is None

    assert after(more, of=partly).commission == 1.5
    assert after(Commission(AT, "a.b.02.01", None, None, None), of=partly).commission is None


def test_the_commission_is_not_known_while_an_execution_is_missing() -> None:
    status = Status(AT, 99, "Filled", 10.0, 0.0, 99.0, 99.0, None)
    paid = Commission(AT, "a.b.01.01", 1.0, "USD", None)
    partly = after(opened(), status, fill("a.b.01.01", 4, 4), paid)
    assert partly.commission is None

    assert after(fill("a.b.02.01", 6, 10), replace(paid, execId="a.b.02.01"), of=partly).commission == 2.0


def test_an_order_without_fills_has_no_commission() -> None:
    assert after(Commission(AT, "a.b.01.01", 1.0, "USD", None)).commission is None


def test_a_commission_told_again_is_no_news() -> None:
    once = after(opened(), fill(), Commission(AT, "a.b.01.01", 1.0, "USD", None))

    assert after(Commission(AT + timedelta(1), "a.b.01.01", 1.0, "USD", None), of=once) is once
    assert after(Commission(AT, "a.b.01.02", 1.25, "USD", None), of=once).commission == 1.25


def test_an_archived_order_is_done() -> None:
    cancelled = after(
        Completed(AT, 99, "ref", TERMS, "Cancelled", 4.0, "Cancelled by Trader"), of=OrderState(0, 0, TERMS)
    )

    assert (cancelled.status, cancelled.filled, cancelled.done, cancelled.permId) == ("Cancelled", 4.0, True, 99)
    assert cancelled.life[-1].what == "Cancelled by Trader"


def test_an_archived_inactive_order_was_rejected() -> None:
    state = after(opened("Inactive"), Completed(AT, 99, "ref", TERMS, "Inactive", 0.0, None))

    assert state.rejected == ErrorReported(AT, 201, "Inactive")


def test_an_archive_does_not_take_a_fill_back() -> None:
    state = after(status("Filled", 10.0, 99.0), Completed(AT, 99, "ref", TERMS, "Filled", 0.0, None))

    assert (state.filled, state.avgFillPrice) == (10.0, 99.0)


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


@pytest.mark.parametrize("code", [104, 105])
def test_an_order_that_tws_took_for_a_change_of_an_earlier_one_was_never_placed(code: int) -> None:
    state = after(said(code, "Cannot modify a filled order."))

    assert (state.rejected, state.status) == (said(code, "Cannot modify a filled order."), "Inactive")


LARGER = replace(TERMS, totalQuantity=20.0)


def test_fills_of_a_larger_quantity_that_is_not_confirmed_yet_do_not_make_it_filled() -> None:
    state = after(opened(), ModifySent(AT, LARGER), fill(shares=10, cumQty=10))
    assert (state.status, state.remaining, state.done) == ("Submitted", 10.0, False)

    state = after(OpenOrderReported(AT, 99, "ref", LARGER, "Submitted"), of=state)
    assert (state.status, state.change) == ("Submitted", None)
    assert after(fill("a.b.02.01", shares=10, cumQty=20), of=state).status == "Filled"


def test_a_larger_quantity_that_is_refused_leaves_the_order_filled() -> None:
    state = after(opened(), ModifySent(AT, LARGER), fill(shares=10, cumQty=10), said(201))

    assert (state.status, state.remaining) == ("Filled", 0.0)


@pytest.mark.parametrize(
    "event",
    [OpenOrderReported(AT, 99, "ref", LARGER, "Submitted"), Status(AT, 99, "Submitted", 10.0, 10.0, 100.0, 100.0)],
)
def test_what_only_seemed_filled_is_open_when_tws_shows_a_larger_quantity(event: Event) -> None:
    state = after(opened(), fill(shares=10, cumQty=10))
    assert state.status == "Filled"

    state = after(event, of=state)
    assert (state.status, state.remaining, state.done) == ("Submitted", 10.0, False)


@pytest.mark.parametrize(
    "event",
    [OpenOrderReported(AT, 99, "ref", LARGER, "Submitted"), Status(AT, 99, "Submitted", 10.0, 10.0, 100.0, 100.0)],
)
def test_what_tws_has_called_filled_stays_filled(event: Event) -> None:
    state = after(opened(), fill(shares=10, cumQty=10), status("Filled", 10.0, 100.0), event)

    assert state.status == "Filled"


def test_a_late_message_of_the_first_quantity_does_not_open_a_filled_order() -> None:
    state = after(opened(), fill(shares=10, cumQty=10), opened(), status("Submitted", 4.0, 100.0))

    assert state.status == "Filled"


@pytest.mark.parametrize("event", [opened(), status(), fill(), Completed(AT, 99, "ref", TERMS, "Cancelled", 0.0, None)])
def test_an_order_that_is_named_again_was_not_missed(event: Event) -> None:
    state = after(NotListed(AT), event, NotListed(AT + timedelta(seconds=60)))

    assert not state.not_found
    assert state.misses <= 1


def test_a_finished_order_can_not_vanish() -> None:
    done = after(status("Filled", 10.0))

    assert after(NotListed(AT), of=done) is done


NEW_TERMS = replace(TERMS, totalQuantity=12.0)


def test_a_change_keeps_the_old_terms_until_tws_tells_the_new_ones() -> None:
    asked = after(opened(), status("Submitted"), ModifySent(AT, NEW_TERMS))
    told = apply(asked, replace(opened(), terms=NEW_TERMS))

    assert (asked.terms, asked.change) == (TERMS, NEW_TERMS)
    assert (told.terms, told.change, told.change_refused) == (NEW_TERMS, None, None)
    assert [each.source for each in told.life][-2:] == ["change sent", "openOrder"]


@pytest.mark.parametrize("code", [104, 105, 110, 201, 10148])
def test_a_refused_change_leaves_the_order_as_it_was(code: int) -> None:
    state = after(opened(), status("Submitted"), ModifySent(AT, NEW_TERMS), ErrorReported(AT, code, "no"))

    assert (state.terms, state.change) == (TERMS, None)
    assert state.change_refused == ErrorReported(AT, code, "no")
    assert not state.done
    assert state.cancel_refused is None


def test_a_later_change_forgets_the_refusal() -> None:
    state = after(
        opened(),
        status("Submitted"),
        ModifySent(AT, NEW_TERMS),
        ErrorReported(AT, 110, "no"),
        ModifySent(AT, NEW_TERMS),
    )

    assert state.change_refused is None
    assert state.change == NEW_TERMS


def test_a_life_keeps_its_beginning_and_its_end() -> None:
    words = [status(word) for _ in range(LIFE_EVENTS) for word in ("PreSubmitted", "Submitted")]

    state = after(opened(), *words)

    assert len(state.life) == LIFE_EVENTS
    assert state.life[0].source == "sent"
    assert state.life[-1].what == "Submitted filled 0"


@pytest.mark.parametrize(("execId", "trade"), [("a.b.01.01", "a.b.01"), ("plain", "plain")])
def test_an_execution_belongs_to_a_trade(execId: str, trade: str) -> None:
    assert trade_of(execId) == trade


@pytest.mark.parametrize(("execId", "version"), [("a.b.01.01", 1), ("a.b.01.12", 12), ("a.b.x", 0), ("plain", 0)])
def test_an_execution_has_a_version(execId: str, version: int) -> None:
    assert fill(execId).version == version


def test_codes_of_cancels_and_notices_reject_nothing() -> None:
    assert REJECTS.isdisjoint({202, 399, 404, 434, 10349, 10311, 2109} | CANCEL_REFUSED)


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


def at(second: int) -> datetime:
    return AT + timedelta(seconds=second)


def lived(state: OrderState) -> list[tuple[int, str, str]]:
    return [(int((each.at - AT).total_seconds()), each.source, each.what) for each in state.life]


def test_the_life_tells_each_event_with_its_time_source_and_content() -> None:
    state = after(
        Sent(at(1), TERMS),
        OpenOrderReported(at(2), 99, "ref", TERMS, "Submitted"),
        ModifySent(at(3), replace(TERMS, lmtPrice=101.0)),
        ErrorReported(at(4), 399, "held"),
        Status(at(5), 99, "Submitted", 0.0, 10.0, whyHeld="locate"),
        Fill(at(6), "a.b.01.01", 4.0, 99.5, 4.0, 99.5, 99, "ref"),
        Fill(at(7), "a.b.01.02", 4.0, 99.0, 4.0, 99.0, 99, "ref"),
        Commission(at(8), "a.b.01.02", 1.25, "USD", None),
        Commission(at(9), "a.b.02.01", None, None, None),
        Commission(at(10), "a.b.03.01", 2.0, None, None),
        CancelSent(at(11)),
        Completed(at(12), 99, "ref", TERMS, "Cancelled", 4.0, "by trader"),
        of=OrderState(7, 1, TERMS, orderRef="ref"),
    )

    assert lived(state) == [
        (1, "sent", "order"), (2, "openOrder", "Submitted"), (3, "change sent", "lmtPrice from 100 to 101"),
        (4, "error", "399 held"),
        (5, "orderStatus", "Submitted filled 0"), (6, "execDetails", "4 @ 99.5"),
        (7, "execDetails", "4 @ 99 (correction)"), (8, "commission", "1.25 USD"), (9, "commission", "not computed"),
        (10, "commission", "2"), (11, "cancel sent", "cancel"), (12, "completedOrder", "by trader"),
    ]  # fmt: skip
    assert lived(after(NotListed(at(30))))[-1] == (30, "vanished", "TWS names it neither open nor completed")
    assert lived(after(Completed(at(40), 99, "ref", TERMS, "Filled", 10.0, None)))[-1] == (
        40,
        "completedOrder",
        "Filled",
    )


def test_an_archived_order_tells_its_names_and_leaves_the_prices() -> None:
    partly = after(status(filled=4.0, price=99.5), of=OrderState(7, 1, TERMS))

    known = after(Completed(at(9), 99, "late", TERMS, "Filled", 10.0, None), of=partly)

    assert (known.orderRef, known.permId) == ("late", 99)
    assert (known.status, known.avgFillPrice, known.lastFillPrice) == ("Filled", 99.5, 99.5)


def test_an_archived_order_in_another_status_is_not_rejected_and_an_inactive_one_is() -> None:
    odd = after(Completed(at(9), 99, "ref", TERMS, "PendingCancel", 0.0, None))
    refused = after(Completed(at(9), 99, "ref", TERMS, "Inactive", 0.0, None))

    assert odd.rejected is None
    assert refused.rejected is not None
    assert (refused.rejected.at, refused.rejected.text) == (at(9), "Inactive")


def test_a_fill_names_the_order_and_shows_that_it_works() -> None:
    state = after(fill(), of=OrderState(7, 1, TERMS))
    changed = after(ModifySent(AT, replace(TERMS, lmtPrice=101.0)), fill(), said(201, "no"))

    assert (state.permId, state.working) == (99, True)
    assert changed.change_refused is not None
    assert (changed.rejected, changed.change) == (None, None)


def test_a_change_is_confirmed_however_tws_tells_contract_and_account() -> None:
    wanted = replace(TERMS, lmtPrice=101.0)
    told = replace(wanted, contract=Contract(conId=1, symbol="AAPL", secType="STK"), account="DU1234")

    assert after(opened(), ModifySent(AT, wanted), OpenOrderReported(AT, 99, "ref", told, "Submitted")).change is None
