"""The events that an order adds to the session's log: each thing once, whatever TWS repeats."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from bridge.bus.events.event import EventDraft
from bridge.order_references import order_ref
from bridge.tools.types import Contract
from ib_worker.events.order_events import order_drafts
from ib_worker.orders.events import (
    Commission,
    ErrorReported,
    Event,
    Fill,
    NotListed,
    OpenOrderReported,
    Sent,
    Status,
    Terms,
)
from ib_worker.orders.state import OrderState, apply

AT = datetime(2025, 6, 11, 14, 30, tzinfo=UTC)
AHEAD = timedelta(days=-100)
KEY = "key-0001"
REF = order_ref(KEY)
SPY = Contract(
    conId=756733, symbol="SPY", secType="OPT", lastTradeDateOrContractMonth="20250718", strike=400.0, right="P"
)
TERMS = Terms(SPY, "DU1234567", "BUY", 10.0, "LMT", 1.5, None, "DAY")


def drafts(*events: Event, orderRef: str | None = REF) -> list[EventDraft]:
    """Return what a history adds to an empty log, by the log's own rule."""
    state = OrderState(7, 1, TERMS, orderRef=orderRef)
    known: dict[str, tuple[float, str]] = {}
    logged: list[EventDraft] = []
    for event in events:
        state = apply(state, event)
        for draft in order_drafts(state, KEY, event, AHEAD):
            before = known.get(draft.subject)
            if before == (draft.progress, draft.state) or (before and draft.progress < before[0]):
                continue
            known[draft.subject] = (draft.progress, draft.state)
            logged.append(draft)
    return logged


def opened(word: str = "Submitted", terms: Terms = TERMS) -> OpenOrderReported:
    return OpenOrderReported(AT, 99, REF, terms, word)


def status(word: str, filled: float = 0.0) -> Status:
    return Status(AT, 99, word, filled, 10.0 - filled, 1.5, 1.5)


def fill(execId: str = "a.b.01.01", shares: float = 10.0, cumQty: float = 10.0) -> Fill:
    return Fill(AT, execId, shares, 1.45, cumQty, 1.45, 99, REF)


def kinds(found: list[EventDraft]) -> list[tuple[str, object]]:
    return [(each.event.kind, each.event.details.get("status")) for each in found]


def test_an_order_that_fills_tells_each_state_its_execution_and_its_commission_once() -> None:
    paid = Commission(AT, "a.b.01.01", 1.05, "USD", None)
    found = drafts(
        Sent(AT, TERMS), opened(), status("Submitted"), opened(), fill(), status("Filled", 10), fill(), paid, paid
    )

    assert kinds(found) == [
        ("order", "unknown"),
        ("order", "Submitted"),
        ("execution", None),
        ("order", "Filled"),
        ("commission", None),
    ]


def test_an_event_names_its_order_in_every_way_and_is_told_by_the_clock_of_answers() -> None:
    event = drafts(Sent(AT, TERMS), opened())[-1].event

    assert (event.key, event.orderRef, event.orderId, event.permId, event.clientId) == (KEY, REF, 7, 99, 1)
    assert (event.account, event.conId, event.symbol) == ("DU1234567", 756733, "SPY 18JUL25 400 P")
    assert event.time == "2025-03-03T14:30:00.000+00:00"
    assert event.details == {
        "action": "BUY", "totalQuantity": 10.0, "orderType": "LMT", "lmtPrice": 1.5, "auxPrice": None,
        "trailingPercent": None, "tif": "DAY", "status": "Submitted", "done": False, "filled": 0.0, "remaining": None,
        "avgFillPrice": None, "rejected": False, "not_found": False, "code": None, "message": None,
    }  # fmt: skip


def test_the_same_order_read_again_by_a_new_leader_is_no_event() -> None:
    first = drafts(Sent(AT, TERMS), opened(), status("Submitted", 4), fill(shares=4, cumQty=4))
    again = drafts(opened(), status("Submitted", 4), fill(shares=4, cumQty=4))

    known = {each.subject: (each.progress, each.state) for each in first}
    news = [each for each in again if each.progress >= known[each.subject][0] and known[each.subject][1] != each.state]
    assert news == []


def test_a_change_of_terms_is_an_event() -> None:
    found = drafts(opened(), opened(terms=replace(TERMS, lmtPrice=1.6)))

    assert [each.event.details["lmtPrice"] for each in found] == [1.5, 1.6]


def test_a_rejection_says_what_tws_said() -> None:
    event = drafts(Sent(AT, TERMS), ErrorReported(AT, 201, "no margin"))[-1].event

    details = event.details
    assert (details["status"], details["rejected"], details["done"]) == ("Inactive", True, True)
    assert (details["code"], details["message"]) == (201, "no margin")


def test_silence_is_an_event_only_once_it_is_sure_that_the_order_is_not_there() -> None:
    found = drafts(Sent(AT, TERMS), NotListed(AT), NotListed(AT + timedelta(seconds=20)))

    assert [(each.event.details["status"], each.event.details["not_found"]) for each in found] == [
        ("unknown", False),
        ("unknown", True),
    ]


def test_a_correction_is_an_execution_of_its_own() -> None:
    found = [each.event for each in drafts(opened(), fill(), fill("a.b.01.02", 8, 8)) if each.event.kind == "execution"]

    assert [(each.details["execId"], each.details["corrected"]) for each in found] == [
        ("a.b.01.01", False),
        ("a.b.01.02", True),
    ]


def test_an_order_of_another_program_is_named_by_its_first_perm_id() -> None:
    theirs = drafts(OpenOrderReported(AT, 99, "mine", TERMS, "Submitted"), orderRef="mine")

    assert [each.subject for each in theirs] == ["order 99"]
