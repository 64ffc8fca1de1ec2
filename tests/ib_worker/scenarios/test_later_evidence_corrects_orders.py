"""Later evidence against earlier belief: a complete list of open orders corrects what a status said of an order's end,
and a permId tells apart what one reference names twice."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bridge.order_references import order_ref
from bridge.tools.types import Contract
from ib_worker.orders.events import (
    CancelSent,
    Completed,
    ErrorReported,
    Event,
    Fill,
    ListedOpen,
    NotListed,
    OpenOrderReported,
    Sent,
    Status,
    Terms,
)
from ib_worker.orders.state import OrderState, apply
from ib_worker.orders.tracker import OrderTracker, TrackedOrder
from ib_worker.risk.circuit_breakers import CircuitBreakers, CircuitBreakerSettings
from ibgateway.simulator.server.server import Simulator
from tests.stacks.other_programs import Simulated
from tests.stacks.worker import Caller, order, trading
from tests.waiting import until

AT = datetime(2025, 6, 11, 14, 30, tzinfo=UTC)
LATER = AT + timedelta(seconds=5)
AAPL = Contract(conId=265598, symbol="AAPL", secType="STK")
TERMS = Terms(AAPL, "DU1", "BUY", 10.0, "LMT", 100.0, None, "DAY")
REF = order_ref("a-key-of-the-caller")
RESTING = order(orderType="LMT", lmtPrice=100, totalQuantity=5)


def status(word: str, filled: float = 0.0, at: datetime = AT) -> Status:
    return Status(at, 99, word, filled, 10.0 - filled, 100.0 if filled else None)


def after(*events: Event) -> OrderState:
    state = OrderState(7, 1, TERMS, orderRef=REF)
    for event in (Sent(AT, TERMS), OpenOrderReported(AT, 99, REF, TERMS, "Submitted"), *events):
        state = apply(state, event)
    return state


def listed(word: str = "Submitted", asked_at: datetime = LATER, filled: float = 0.0) -> ListedOpen:
    return ListedOpen(asked_at, asked_at, word, filled, 10.0 - filled)


REJECTED = (Status(AT, 99, "Inactive", 0.0, 10.0), ErrorReported(AT, 201, "margin"))


@pytest.mark.trial("A16")
@pytest.mark.parametrize(
    ("end", "was"),
    [
        ((status("Cancelled"),), "Cancelled"),
        ((status("ApiCancelled"),), "ApiCancelled"),
        ((ErrorReported(AT, 202, "Order Canceled"),), "Cancelled"),
        ((status("Filled", 10.0),), "Filled"),
        (REJECTED, "rejected"),
        ((Completed(AT, 99, REF, TERMS, "Cancelled", 0.0, "by trader"),), "Cancelled"),
        ((CancelSent(AT), status("Cancelled")), "Cancelled"),
    ],
)
@pytest.mark.parametrize("word", ["Submitted", "PreSubmitted", "PendingSubmit", "a word of next year"])
def test_a_list_that_was_requested_after_an_end_contradicts_it(end: tuple[Event, ...], was: str, word: str) -> None:
    state = after(*end, listed(word))

    assert (state.done, state.status, state.contradicted, state.filled) == (False, word, was, 0.0)
    assert apply(state, status("Cancelled", at=LATER)).contradicted is None


@pytest.mark.trial("A16")
@pytest.mark.parametrize(
    "event",
    [
        listed(asked_at=AT - timedelta(seconds=1)),  # requested before the end
        listed("Cancelled"),
        listed("Filled"),
    ],
)
def test_a_list_that_contradicts_nothing_leaves_the_end(event: ListedOpen) -> None:
    ended = after(status("Cancelled"))

    assert apply(ended, event) is ended


@pytest.mark.trial("A16")
def test_executions_are_stronger_than_a_list() -> None:
    fill = Fill(AT, "a.b.01.01", 10.0, 100.0, 10.0, 100.0, 99, REF)
    part = replace(fill, shares=4.0, cumQty=4.0)

    assert after(fill, listed()).status == "Filled"
    assert after(part, status("Filled", 10.0), listed()).filled == 4.0


@pytest.mark.trial("A16")
def test_an_end_holds_again_once_a_look_lists_the_order_no_more() -> None:
    state = after(status("Cancelled"), listed(), NotListed(LATER, LATER))

    assert (state.done, state.status) == (True, "Cancelled")


@pytest.mark.trial("A16")
@pytest.mark.parametrize(
    ("told", "was"),
    [((ErrorReported(AT, 201, "margin"),), "rejected"), ((NotListed(AT, AT), NotListed(AT, AT)), "not at IBKR")],
)
def test_an_order_that_was_told_to_be_nowhere_and_shows_is_open_with_a_warning(
    told: tuple[Event, ...], was: str
) -> None:
    state = OrderState(7, 1, TERMS, orderRef=REF)
    for event in (Sent(AT, TERMS), *told, OpenOrderReported(LATER, 99, REF, TERMS, "Submitted")):
        state = apply(state, event)

    assert (state.done, state.not_found, state.status, state.contradicted) == (False, False, "Submitted", was)


async def ended(front: Caller, sim: Simulator, word: str) -> int:
    placed = await front.submit("place_order", **RESTING)
    sim.fault(f"status {placed['orderId']} {word}")
    number: int = placed["orderId"]

    async def believed() -> bool:
        return bool((await front.ask("get_order", orderId=number))["order"]["status"] == word)

    await until(believed, f"the order is taken for {word}")
    return number


async def by_the_list(front: Caller, number: int) -> None:
    (shown,) = await front.ask("get_open_orders")
    assert (shown["orderId"], shown["status"]) == (number, "Submitted")
    assert "counts as open" in shown["message"]
    assert (await front.ask("get_completed_orders")) == []


async def by_a_cancel(front: Caller, number: int) -> None:
    assert (await front.submit("cancel_order", orderId=number))["message"] == "The order is cancelled."


async def by_a_cancel_of_all(front: Caller, number: int) -> None:
    told = await front.submit("cancel_all_orders")
    assert [(each["orderId"], each["status"]) for each in told["orders"]] == [(number, "Cancelled")]


async def by_a_change(front: Caller, number: int) -> None:
    assert (await front.submit("modify_order", orderId=number, lmtPrice=101))["lmtPrice"] == 101


@pytest.mark.trial("A16")
@pytest.mark.parametrize("word", ["Cancelled", "ApiCancelled"])
@pytest.mark.parametrize("look", [by_the_list, by_a_cancel, by_a_cancel_of_all, by_a_change])
async def test_an_order_that_tws_called_ended_and_lists_open_is_shown_and_cancelled(
    redis_url: str, session: str, sim: Simulator, word: str, look: Callable[[Caller, int], Awaitable[None]]
) -> None:
    async with trading(redis_url, session, sim) as front:
        await look(front, await ended(front, sim, word))


# permId and reference


def opened(ledger: OrderTracker, orderId: int, permId: int | None, clientId: int = 1) -> TrackedOrder:
    entry = ledger.entry(orderId, clientId, permId, REF, TERMS)
    assert entry is not None
    ledger.take(entry, OpenOrderReported(AT, permId, REF, TERMS, "Submitted"))
    return entry


@pytest.mark.trial("A17")
@pytest.mark.parametrize("foreign_first", [False, True])
def test_another_programs_order_with_our_reference_is_another_order(foreign_first: bool) -> None:
    ledger = OrderTracker(1)
    made: list[TrackedOrder] = []
    for foreign in (foreign_first, not foreign_first):
        if foreign:
            made.append(opened(ledger, 7, 50, clientId=9))
        else:
            ours = ledger.add(7, TERMS, REF)
            made.append(opened(ledger, 7, 99))
            assert made[-1] is ours

    assert len(set(made)) == 2
    assert ledger.by_ref(REF) is ours
    assert ledger.by_perm(50) is not ledger.by_perm(99)
    ledger.take(ours, status("Cancelled"))
    assert [each.state.permIds for each in ledger.open()] == [(50,)]


@pytest.mark.trial("A17")
def test_executions_and_archived_orders_go_to_the_order_of_their_permid() -> None:
    ledger = OrderTracker(1)
    ours = ledger.add(7, TERMS, REF)
    assert ledger.entry(7, 1, 99, REF, None) is ours  # an execution before any openOrder
    opened(ledger, 7, 99)

    assert ledger.entry(3, 9, 50, REF, None) is None  # an execution of another client
    assert ledger.entry(8, 1, 51, REF, None) is None  # and one of this client under another orderId
    archived = ledger.entry(0, 0, 50, REF, TERMS)
    assert archived is not None
    assert archived is not ours
    assert ledger.entry(0, 0, 99, REF, TERMS) is ours


@pytest.mark.trial("A17")
async def test_a_key_names_its_own_order_beside_another_programs_also_after_a_restart(
    redis_url: str, session: str, sim: Simulator
) -> None:
    key = "a-key-of-the-caller"

    async def by_key(front: Caller) -> tuple[int, str]:
        shown = (await front.ask("get_order", orderId=0, orderKey=key))["order"]
        return shown["permId"], shown["status"]

    async with Simulated(sim, clientId=9) as other:
        async with trading(redis_url, session, sim) as front:
            placed = await front.submit("place_order", key=key, **RESTING)
            foreign = await other.place(REF)
            assert len(await front.ask("get_open_orders")) == 2
            await front.submit("cancel_order", orderId=0, orderKey=key)
            assert await by_key(front) == (placed["permId"], "Cancelled")
        async with trading(redis_url, session, sim) as front:
            assert [each["orderId"] for each in await front.ask("get_open_orders")] == [foreign]
            assert await by_key(front) == (placed["permId"], "Cancelled")


@pytest.mark.trial("A17")
def test_an_order_that_tws_has_split_is_one_still() -> None:
    ledger = OrderTracker(1)
    ours = ledger.add(7, TERMS, REF)
    opened(ledger, 7, 99)

    assert opened(ledger, 7, 100) is ours  # the same orderId and reference
    ledger.take(ours, status("Filled", 10.0))
    assert ledger.entry(7, 1, 101, REF, TERMS) is ours


@pytest.mark.trial("A17")
def test_forgetting_one_of_two_leaves_the_other() -> None:
    ledger = OrderTracker(1)
    ours, foreign = ledger.add(7, TERMS, REF), opened(ledger, 7, 50, clientId=9)

    ledger._forget(ours)

    assert ledger.by_ref(REF) is foreign


@pytest.mark.trial("A17")
def test_two_orders_under_one_reference_trip_the_breaker() -> None:
    ledger = OrderTracker(1)
    ledger.take(ledger.add(7, TERMS, REF), Sent(AT, TERMS))
    opened(ledger, 7, 99)
    opened(ledger, 7, 50, clientId=9)
    breakers = CircuitBreakers(CircuitBreakerSettings().in_force("live"))

    for _ in range(2):
        breakers.look((each.state for each in ledger.open()), AT)

    assert [each.reason for each in breakers.tripped] == ["IBKR has two orders under one reference, permId 99 and 50"]
