"""Orders by each of their names, over restarts of the gateway and messages in any order."""

import asyncio
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bridge.order_references import order_ref
from bridge.tools.types import Contract
from ib_worker.orders.events import Commission, Fill, ListedOpen, NotListed, OpenOrderReported, Sent, Status, Terms
from ib_worker.orders.tracker import KEPT_COMMISSIONS, KEPT_DONE, KEPT_EARLY, OrderTracker, TrackedOrder

REF = order_ref("a-key-0001")
AT = datetime(2025, 6, 11, 14, 30, tzinfo=UTC)
TERMS = Terms(Contract(conId=265598, symbol="AAPL", secType="STK"), "DU1", "BUY", 10.0, "LMT", 100.0, None, "DAY")


def placed(ledger: OrderTracker, orderId: int = 7, permId: int | None = None, ref: str = REF) -> TrackedOrder:
    entry = ledger.add(orderId, TERMS, ref, "a-key-0001")
    ledger.take(entry, Sent(AT, TERMS))
    if permId is not None:
        ledger.take(entry, OpenOrderReported(AT, permId, ref, TERMS, "Submitted"))
    return entry


def filled(permId: int | None = 99, execId: str = "a.b.01.01") -> Fill:
    return Fill(AT, execId, 10.0, 99.0, 10.0, 99.0, permId, REF)


def test_an_order_is_found_by_each_of_its_names() -> None:
    ledger = OrderTracker(1)

    entry = placed(ledger, permId=99)

    assert ledger.by_id(7) is entry
    assert ledger.by_id(7, 1) is entry
    assert ledger.by_perm(99) is entry
    assert ledger.by_ref(REF) is entry
    assert (ledger.named(REF), ledger.named(order_ref("another-key"))) == ([entry], [])
    assert ledger.open() == [entry]
    assert len(ledger) == 1


def test_nothing_is_found_by_no_name() -> None:
    ledger = OrderTracker(1)
    placed(ledger, permId=99)

    assert (ledger.by_id(8), ledger.by_id(7, 2), ledger.by_perm(None), ledger.by_ref(None)) == (None,) * 4


def test_an_order_of_another_client_has_its_own_ids() -> None:
    ledger = OrderTracker(1)
    mine = placed(ledger, 7, 99)

    theirs = ledger.entry(7, 2, 100, None, TERMS)

    assert theirs is not mine
    assert ledger.by_id(7, 2) is theirs
    assert ledger.by_id(7) is mine


def test_a_message_without_terms_makes_no_order() -> None:
    assert OrderTracker(1).entry(7, 1, 99, None, None) is None


def test_an_archived_order_is_known_by_its_permid_and_reference() -> None:
    ledger = OrderTracker(1)
    entry = placed(ledger, 7, 99)

    assert ledger.entry(0, 0, 99, None, TERMS) is entry
    assert ledger.entry(0, 0, None, REF, TERMS) is entry
    assert ledger.entry(0, 0, 100, order_ref("another-key"), TERMS) is not entry


def test_an_orderid_issued_again_is_another_order() -> None:
    ledger = OrderTracker(1)
    old = placed(ledger, 7, 99)
    ledger.take(old, filled())

    new = ledger.entry(7, 1, 100, None, TERMS)

    assert new is not None
    assert new is not old
    assert ledger.by_id(7) is new
    ledger.take(old, Commission(AT, "a.b.01.01", 1.0, "USD", None))
    assert ledger.by_id(7) is new


def test_a_live_order_may_get_a_second_permid() -> None:
    ledger = OrderTracker(1)
    entry = placed(ledger, 7, 99)

    assert ledger.entry(7, 1, 100, None, TERMS) is entry


def test_another_reference_is_another_order() -> None:
    ledger = OrderTracker(1)
    entry = placed(ledger, 7, 99)

    assert ledger.entry(7, 1, None, order_ref("another-key"), TERMS) is not entry


def test_orders_of_others_that_share_a_reference_are_several() -> None:
    ledger = OrderTracker(1)

    first = ledger.entry(7, 2, 99, "strategy-1", TERMS)
    second = ledger.entry(8, 2, 100, "strategy-1", TERMS)
    archived = ledger.entry(0, 0, 101, "strategy-1", TERMS)
    assert second is not None
    ledger.take(second, OpenOrderReported(AT, 100, "strategy-1", TERMS, "Submitted"))

    assert len({first, second, archived}) == 3
    assert ledger.by_ref("strategy-1") is None
    assert ledger.named("strategy-1") == [first, second, archived]
    assert ledger.entry(0, 0, 100, "strategy-1", TERMS) is second


@pytest.mark.fault(45)
def test_messages_before_the_terms_are_taken_with_them() -> None:
    ledger = OrderTracker(1)
    ledger.hold_until_known(99, filled())
    ledger.hold_until_known(None, filled(None))

    entry = ledger.entry(7, 2, 99, None, TERMS)
    assert entry is not None
    ledger.take(entry, OpenOrderReported(AT, 99, None, TERMS, "Submitted"))

    assert entry.state.status == "Filled"


def test_early_messages_are_bounded() -> None:
    ledger = OrderTracker(1)
    for permId in range(1, KEPT_EARLY + 2):
        ledger.hold_until_known(permId, filled(permId, f"{permId}.01"))

    def taken(permId: int) -> str:
        entry = ledger.entry(permId, 2, permId, None, TERMS)
        assert entry is not None
        ledger.take(entry, OpenOrderReported(AT, permId, None, TERMS, "Submitted"))
        return entry.state.status

    assert (taken(1), taken(2), taken(KEPT_EARLY + 1)) == ("Submitted", "Filled", "Filled")


@pytest.mark.parametrize("paid_first", [True, False])
def test_a_commission_finds_its_fill_in_either_order(paid_first: bool) -> None:
    ledger = OrderTracker(1)
    entry = placed(ledger, permId=99)
    paid = Commission(AT, "a.b.01.01", 1.25, "USD", None)

    if paid_first:
        ledger.add_commission(paid)
    ledger.take(entry, filled())
    if not paid_first:
        ledger.add_commission(paid)

    assert entry.state.commission == 1.25
    assert ledger.commission("a.b.01.02") == paid


def test_commissions_are_bounded() -> None:
    ledger = OrderTracker(1)
    for number in range(KEPT_COMMISSIONS + 1):
        ledger.add_commission(Commission(AT, f"{number}.01", 1.0, "USD", None))

    assert ledger.commission("0.01") is None
    assert ledger.commission("1.01") is not None


def test_what_is_missing_from_a_full_look_is_unknown() -> None:
    ledger = OrderTracker(1)
    seen, missing = placed(ledger, 7, 99, "one"), placed(ledger, 8, 100, "two")
    expected = ledger.open()
    later = placed(ledger, 9, 101, "three")

    ledger.reconcile(expected, {seen, None}, NotListed(AT))

    assert [each.state.status for each in (seen, missing, later)] == ["Submitted", "unknown", "Submitted"]
    assert ledger.known


def test_a_listener_hears_each_news_once() -> None:
    told: list[str] = []
    ledger = OrderTracker(1, [lambda state, key, event: told.append(state.status)])
    entry = placed(ledger, permId=99)

    ledger.take(entry, Status(AT, 99, "Submitted", 0.0, 10.0))
    ledger.take(entry, Status(AT, 99, "Submitted", 0.0, 10.0))

    assert told == ["unknown", "Submitted", "Submitted"]


def test_finished_orders_are_forgotten_oldest_first() -> None:
    ledger = OrderTracker(1)
    living = placed(ledger, 1, 1, "living")
    many = int(KEPT_DONE * 1.1) + 1
    for orderId in range(2, many + 2):
        ledger.take(placed(ledger, orderId, orderId, order_ref(f"key {orderId}")), filled(orderId, f"{orderId}.01"))

    assert KEPT_DONE <= len(ledger) <= KEPT_DONE * 1.1 + 1
    assert ledger.by_id(1) is living
    assert (ledger.by_id(2), ledger.by_perm(2), ledger.by_ref(order_ref("key 2"))) == (None,) * 3
    assert ledger.by_id(many + 1) is not None


async def test_a_change_wakes_whoever_waits_for_it() -> None:
    ledger = OrderTracker(1)
    entry = placed(ledger)
    waiting = asyncio.create_task(entry.until(lambda state: state.done))
    await asyncio.sleep(0)

    ledger.take(entry, OpenOrderReported(AT, 99, REF, TERMS, "Submitted"))
    await asyncio.sleep(0)
    assert not waiting.done()
    ledger.take(entry, filled())

    assert (await waiting).status == "Filled"


async def test_a_state_that_is_there_already_is_not_waited_for() -> None:
    entry = placed(OrderTracker(1), permId=99)

    assert await entry.until(lambda state: state.acknowledged) is entry.state


def test_orders_that_are_not_done_are_listed_by_account_contract_and_side() -> None:
    ledger = OrderTracker(1)
    done = placed(ledger, 6, 98, "done")
    placed(ledger, 7, 99)
    placed(ledger, 8, 100, "two")
    others = [
        replace(TERMS, account="DU2"),
        replace(TERMS, contract=Contract(conId=1, symbol="IBM", secType="STK")),
        replace(TERMS, action="SELL"),
    ]
    for number, terms in enumerate(others, 9):
        ledger.add(number, terms, f"other-{number}")
    ledger.take(done, filled(98))

    found = [each.state.orderId for each in ledger.of("DU1", 265598, "BUY")]

    assert found == [7, 8]
    assert len(ledger.all()) == 6


def test_orders_that_are_done_are_not_looked_through_for_those_that_are_not() -> None:
    ledger = OrderTracker(1)
    ended = [placed(ledger, number, number, order_ref(f"ended-{number}")) for number in range(1, 20)]
    for number, entry in enumerate(ended, 1):
        ledger.take(entry, filled(number, f"{number}.01"))
    waits = placed(ledger, 20, 20)
    for entry in ended:
        del entry.state

    assert ledger.open() == [waits]
    assert list(ledger.of("DU1", 265598, "BUY")) == [waits]


def test_an_order_that_tws_has_open_again_takes_its_old_place_among_the_open_ones() -> None:
    ledger = OrderTracker(1)
    first, second = (placed(ledger, number, number, order_ref(f"order-{number}")) for number in (1, 2))
    ledger.take(first, Status(AT, 1, "Cancelled", 0.0, 10.0))
    ended = ledger.open()

    ledger.take(first, ListedOpen(AT + timedelta(seconds=2), AT + timedelta(seconds=1), "Submitted", 0.0, 10.0))

    assert (ended, first.state.done, ledger.open()) == ([second], False, [first, second])


def test_every_news_is_recorded_with_its_key_and_the_state_after_it() -> None:
    written: list[tuple[str, str | None, str]] = []
    ledger = OrderTracker(1, [lambda state, key, event: written.append((event.kind, key, state.status))])
    entry = placed(ledger, permId=99)

    ledger.take(entry, OpenOrderReported(AT, 99, REF, TERMS, "Submitted"))
    ledger.take(entry, filled())

    assert written == [
        ("Sent", "a-key-0001", "unknown"), ("Opened", "a-key-0001", "Submitted"), ("Fill", "a-key-0001", "Filled"),
    ]  # fmt: skip


def test_forgetting_an_order_leaves_a_later_one_of_the_same_id() -> None:
    ledger = OrderTracker(1)
    old = placed(ledger, 7, 7, order_ref("old"))
    ledger.take(old, filled(7, "old.01"))
    new = placed(ledger, 7, 8, order_ref("new"))
    for orderId in range(100, 100 + int(KEPT_DONE * 1.1) + 1):
        ledger.take(placed(ledger, orderId, orderId, order_ref(f"key {orderId}")), filled(orderId, f"{orderId}.01"))

    assert ledger.by_ref(order_ref("old")) is None
    assert ledger.is_past_ref(order_ref("old"))
    assert not ledger.is_past_ref(order_ref("new"))
    assert ledger.by_id(7) is new


def test_an_order_without_a_reference_is_forgotten_as_well() -> None:
    ledger = OrderTracker(1)
    by_hand = ledger.entry(-1, 0, 98, None, TERMS)
    assert by_hand is not None
    ledger.take(by_hand, Status(AT, 98, "Filled", 10, 0))
    for orderId in range(100, 100 + int(KEPT_DONE * 1.1) + 1):
        ledger.take(placed(ledger, orderId, orderId, order_ref(f"key {orderId}")), filled(orderId, f"{orderId}.01"))

    assert ledger.by_perm(98) is None
    assert ledger.is_past(98)


def test_only_looks_some_time_apart_count_by_a_clock_that_nobody_sets(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    ledger = OrderTracker(1)
    entry = placed(ledger, 7, None, REF)
    for at, wall_s in ((0.0, 0), (14.9, 3600), (15.0, -3600)):
        assert not entry.state.not_found
        now = 1000.0 + at
        ledger.reconcile([entry], [], NotListed(AT + timedelta(seconds=wall_s)))

    assert entry.state.not_found
    assert [each.source for each in entry.state.life].count("vanished") == 2


def test_an_execution_of_no_known_order_is_kept_once() -> None:
    ledger = OrderTracker(1)
    fill = Fill(AT, "a.b.01.01", 4.0, 100.0, 4.0, 100.0, 99, REF)
    for _ in range(20):
        ledger.hold_until_known(99, fill)

    assert ledger._early == {99: [fill]}


def test_an_order_has_its_reference_before_tws_says_a_word() -> None:
    ledger = OrderTracker(1)

    mine = ledger.add(7, TERMS, REF, "a-key-0001")
    theirs = ledger.entry(8, 2, 100, "their-ref", TERMS)

    assert (mine.state.orderRef, mine.key, mine.state.clientId) == (REF, "a-key-0001", 1)
    assert theirs is not None
    assert (theirs.state.orderRef, theirs.state.clientId) == ("their-ref", 2)
