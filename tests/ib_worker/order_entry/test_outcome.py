"""How long a call waits for TWS's answer about the order that it sent."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest

from bridge.bus.server.request import RequestContext
from bridge.tool import ToolError
from bridge.tools.types import Contract
from ib_worker.order_entry.outcome import await_first_status, await_placement
from ib_worker.orders.events import ErrorReported, Event, OpenOrderReported, Sent, Status, Terms
from ib_worker.orders.state import OrderState
from ib_worker.orders.timing import USUAL, OrderTiming
from ib_worker.orders.tracker import OrderTracker, TrackedOrder
from ib_worker.session.session import Session

AT = datetime(2025, 6, 11, 14, 30, tzinfo=UTC)
KEY = "a-key-of-the-caller"
LMT = Terms(Contract(conId=265598, symbol="AAPL", secType="STK"), "DU1", "BUY", 10.0, "LMT", 100.0, None, "DAY")
MKT = replace(LMT, orderType="MKT", lmtPrice=None)
REJECTS = ErrorReported(AT, 201, "Order rejected - reason: no margin")


def session(order_timing: OrderTiming = USUAL) -> Session:
    """Only its waits are read: it would be asked for an order list, but that follows silence."""
    return cast(Session, SimpleNamespace(order_timing=order_timing))


@dataclass
class Call:
    """The part of a request that a wait reads."""

    left_s: float = 60.0
    key: str = KEY

    def remaining_s(self) -> float:
        return self.left_s


def sent(terms: Terms, *events: Event) -> tuple[TrackedOrder, Callable[[Event], None]]:
    tracker = OrderTracker(1)
    entry = tracker.add(7, terms, "mcpref")
    for event in (Sent(AT, terms), *events):
        tracker.take(entry, event)
    return entry, lambda event: tracker.take(entry, event)


def shown(terms: Terms, status: str) -> OpenOrderReported:
    return OpenOrderReported(AT, 99, "mcpref", terms, status)


async def waiting(entry: TrackedOrder, order_timing: OrderTiming = USUAL) -> asyncio.Task[OrderState]:
    """A wait that has begun: a few turns of the loop show whether it ends by itself."""
    call = cast(RequestContext, Call())
    task = asyncio.create_task(await_first_status(session(order_timing), entry, call))
    for _ in range(5):
        await asyncio.sleep(0)
    return task


async def test_silence_is_no_answer() -> None:
    entry, take = sent(LMT)

    task = await waiting(entry)
    assert not task.done()
    take(shown(LMT, "Submitted"))

    assert (await task).status == "Submitted"


@pytest.mark.parametrize(
    ("terms", "status", "ends"),
    [
        (MKT, "Submitted", False),  # its fill follows
        (LMT, "Submitted", True),
        (LMT, "PreSubmitted", False),  # an early rejection may follow
        (MKT, "Filled", True),
        (LMT, "Cancelled", True),
    ],
)
async def test_an_answer_waits_a_moment_for_what_often_follows(terms: Terms, status: str, ends: bool) -> None:
    entry, take = sent(terms, shown(terms, status))

    task = await waiting(entry, OrderTiming(fill_wait_s=30, settle_wait_s=20))

    assert task.done() is ends
    take(Status(AT, 99, "Filled", 10.0, 0.0, 99.0, 99.0))
    assert (await task).filled == (0.0 if ends else 10.0)


@pytest.mark.parametrize("left_s", [0.0, -1.0])
async def test_a_call_whose_time_is_up_answers_what_is_known(left_s: float) -> None:
    entry, _ = sent(MKT, shown(MKT, "PreSubmitted"))
    call = cast(RequestContext, Call(left_s))

    state = await await_first_status(session(OrderTiming(fill_wait_s=3600)), entry, call)

    assert state.status == "PreSubmitted"


async def test_an_order_that_lives_on_in_spite_of_an_error_is_not_rejected() -> None:
    entry, take = sent(LMT, REJECTS)

    task = await waiting(entry, OrderTiming(rejection_wait_s=30))
    assert not task.done()
    take(shown(LMT, "Submitted"))

    assert (await task).rejected is None


async def test_a_rejection_that_tws_has_shown_itself_is_answered_at_once() -> None:
    entry, _ = sent(LMT, shown(LMT, "Inactive"), REJECTS)
    call = cast(RequestContext, Call())

    state = await await_first_status(session(OrderTiming(rejection_wait_s=3600)), entry, call)

    assert state.rejected == REJECTS


@pytest.mark.parametrize("replayed", [False, True])
async def test_a_placement_is_answered_under_the_key_of_its_call(replayed: bool) -> None:
    entry, _ = sent(LMT, shown(LMT, "Submitted"))

    report = await await_placement(session(), entry, cast(RequestContext, Call()), replayed)

    assert (report.idempotencyKey, report.status, report.replayed) == (KEY, "Submitted", replayed)


async def test_a_placement_that_was_rejected_is_an_error() -> None:
    entry, _ = sent(LMT, REJECTS)
    request: Any = Call()

    with pytest.raises(ToolError, match="no margin") as refused:
        await await_placement(session(OrderTiming(rejection_wait_s=0.01)), entry, request)

    assert (refused.value.code, refused.value.details["idempotencyKey"]) == ("rejected", KEY)
