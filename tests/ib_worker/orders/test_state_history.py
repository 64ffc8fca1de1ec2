"""One order's commissions, its place in TWS's archive, and its history."""

from dataclasses import replace
from datetime import datetime, timedelta

from ib_worker.orders.events import (
    CancelSent,
    Commission,
    Completed,
    ErrorReported,
    Fill,
    ModifySent,
    NotListed,
    OpenOrderReported,
    Sent,
    Status,
)
from ib_worker.orders.history import LIFE_EVENTS
from ib_worker.orders.state import OrderState
from tests.stacks.order_events import AT, TERMS, after, fill, opened, said, status


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


def test_a_life_keeps_its_beginning_and_its_end() -> None:
    words = [status(word) for _ in range(LIFE_EVENTS) for word in ("PreSubmitted", "Submitted")]

    state = after(opened(), *words)

    assert len(state.life) == LIFE_EVENTS
    assert state.life[0].source == "sent"
    assert state.life[-1].what == "Submitted filled 0"


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
