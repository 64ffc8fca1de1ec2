"""One order's state after rejections, cancels and changes, and after errors that are neither."""

from dataclasses import replace
from itertools import permutations

import pytest

from bridge.tools.types import Contract
from ib_worker.orders.events import (
    CancelSent,
    ErrorReported,
    Event,
    ModifySent,
    OpenOrderReported,
    Status,
)
from ib_worker.orders.state import apply
from ib_worker.tws.values.codes import CANCEL_REFUSED, REJECTS
from tests.stacks.order_events import AT, TERMS, after, fill, opened, said, status


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


def test_codes_of_cancels_and_notices_reject_nothing() -> None:
    assert REJECTS.isdisjoint({202, 399, 404, 434, 10349, 10311, 2109} | CANCEL_REFUSED)


def test_a_change_is_confirmed_however_tws_tells_contract_and_account() -> None:
    wanted = replace(TERMS, lmtPrice=101.0)
    told = replace(wanted, contract=Contract(conId=1, symbol="AAPL", secType="STK"), account="DU1234")

    assert after(opened(), ModifySent(AT, wanted), OpenOrderReported(AT, 99, "ref", told, "Submitted")).change is None
