"""The moment before a frame: what stops an order there, and that nothing was sent then."""

import math
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast

import ib_async
import pytest

from bridge.bus.server.request import RequestContext
from bridge.bus.transport.errors import Fenced
from bridge.tool import ToolError
from ib_worker.order_entry.send import outgoing_order, require_changeable, send_cancel, send_orders, send_what_if
from ib_worker.orders.messages import terms_of
from ib_worker.orders.state import OrderState
from ib_worker.orders.timing import USUAL
from ib_worker.orders.tracker import TrackedOrder
from ib_worker.session.session import Session, utcnow
from ib_worker.session_state import state as standing
from ibgateway.simulator.server.server import Simulator
from tests.stacks.sent_orders import AAPL, Leader, asked, place, resting
from tests.stacks.worker import Stand, ready_session
from tests.waiting import until


async def nothing_was_sent(sim: Simulator, msgId: int) -> None:
    assert sim.journal.entries("in", msgId) == []


@pytest.mark.fault(68)
async def test_a_worker_that_leads_no_more_sends_nothing(sim: Simulator) -> None:
    async with ready_session(sim) as stand:
        with pytest.raises(Fenced):
            place(stand, leads=False)

        assert stand.session.orders.tracker.by_id(50) is None
    await nothing_was_sent(sim, 3)


def lose(stand: Stand) -> None:
    stand.session.tws.require_connection()._lose("the test says so")


def take_the_link_down(stand: Stand) -> None:
    stand.session.state.set(standing.LINK_DOWN, 1100)


@pytest.mark.fault(9)
@pytest.mark.parametrize(("happens", "reason"), [(lose, "retry"), (take_the_link_down, "link_down")])
async def test_an_order_whose_session_ends_before_the_frame_is_certainly_not_sent(
    sim: Simulator, happens: Callable[[Stand], None], reason: str
) -> None:
    async with ready_session(sim) as stand:
        happens(stand)
        leader = Leader()

        with pytest.raises(ToolError) as refused:
            send_orders(stand.session, cast(RequestContext, leader), AAPL, [outgoing_order(50, AAPL, resting())])

        assert (refused.value.code, refused.value.details["reason"]) == ("not_executed", reason)
        assert leader.taken_back
        assert stand.session.orders.tracker.by_id(50) is None
    await nothing_was_sent(sim, 3)


@pytest.mark.parametrize(("localSymbol", "auxPrice"), [("A\u00e9", 40.0), ("", math.nan)], ids=["contract", "leg"])
async def test_orders_that_can_not_all_be_encoded_are_certainly_not_sent(
    sim: Simulator, localSymbol: str, auxPrice: float
) -> None:
    entry = replace(resting(), transmit=False)
    stop = replace(resting(), orderType="STP", auxPrice=auxPrice, orderRef="stop")
    contract = replace(AAPL, localSymbol=localSymbol)
    async with ready_session(sim) as stand:
        leader = Leader()
        legs = [outgoing_order(50, contract, entry), outgoing_order(51, contract, stop)]

        with pytest.raises(ToolError) as refused:
            send_orders(stand.session, cast(RequestContext, leader), contract, legs)
        place(stand)
        await until(lambda: len(sim.journal.orders()) == 1, "a later order arrives")

        assert (refused.value.code, refused.value.details["reason"]) == ("not_executed", "invalid_arguments")
        assert leader.taken_back
        assert stand.session.orders.tracker.named("stop") == []
        assert len(sim.journal.entries("in", 3)) == 1


async def test_orders_that_belong_together_leave_in_one_write(sim: Simulator) -> None:
    async with ready_session(sim) as stand:
        writes = stand.session.tws.require_connection().conn.numMsgSent
        entry, leg = replace(resting(), transmit=False), replace(resting(), orderRef="exit", parentId=50)
        orders = [outgoing_order(50, AAPL, entry), outgoing_order(51, AAPL, leg)]

        entries = send_orders(stand.session, asked(), AAPL, orders)
        assert stand.session.tws.require_connection().conn.numMsgSent == writes + 1
        for each in entries:
            await each.until(lambda state: state.acknowledged)

        assert [each.state.orderId for each in entries] == [50, 51]


async def test_a_cancel_is_stopped_alike(sim: Simulator) -> None:
    async with ready_session(sim) as stand:
        entry = place(stand)
        await entry.until(lambda state: state.acknowledged)

        with pytest.raises(Fenced):
            send_cancel(stand.session, asked(leads=False), entry)
        lose(stand)
        with pytest.raises(ToolError, match="not_executed"):
            send_cancel(stand.session, asked(), entry)

        assert not entry.state.cancel_asked
    await nothing_was_sent(sim, 4)


async def test_a_frame_is_followed_by_its_entry_in_the_ledger(sim: Simulator) -> None:
    async with ready_session(sim) as stand:
        placed = stand.session.orders.tracker.placed

        entry = place(stand)

        assert stand.session.orders.tracker.named("ref") == [entry]
        assert stand.session.orders.tracker.placed == placed + 1
        assert entry.state.status == "unknown"
        assert stand.session.tws.require_connection().getReqId() == 51
        await until(lambda: len(sim.journal.orders()) == 1, "the frame arrives")


TERMS = terms_of(AAPL, resting())
OTHER = replace(TERMS, lmtPrice=51.0)


def check_change(changed_before_s: float | None = None, **state: Any) -> None:
    if changed_before_s is not None:
        state |= {"change": TERMS, "changed_at": utcnow() - timedelta(seconds=changed_before_s)}
    entry = TrackedOrder(replace(OrderState(50, 1, TERMS, "Submitted"), **state))
    require_changeable(cast(Session, SimpleNamespace(order_timing=USUAL)), entry, TERMS)


@pytest.mark.parametrize(
    ("state", "code"),
    [
        ({"status": "Filled"}, "not_open"),
        ({"status": "unknown", "misses": 2}, "not_found"),
        ({"status": "unknown"}, "not_ready"),
        ({"terms": OTHER}, "not_ready"),
        ({"changed_before_s": USUAL.change_hold_s / 3}, "not_ready"),
    ],
    ids=["ended", "not at IBKR", "not shown yet", "of other terms", "in a change"],
)
def test_an_order_that_may_not_be_changed_is_refused(state: dict[str, Any], code: str) -> None:
    with pytest.raises(ToolError) as refused:
        check_change(**state)

    assert refused.value.code == code


@pytest.mark.parametrize(
    "state", [{}, {"changed_before_s": 2 * USUAL.change_hold_s}], ids=["working", "of an old change"]
)
def test_an_order_that_is_open_may_be_changed(state: dict[str, Any]) -> None:
    check_change(**state)


def test_a_preview_has_its_what_if_flag_and_no_reference() -> None:
    frames = list[ib_async.Order]()
    wire = SimpleNamespace(placeOrder=lambda orderId, contract, order: frames.append(order))
    tws = SimpleNamespace(require_connection=lambda: wire)

    send_what_if(cast(Session, SimpleNamespace(tws=tws)), 50, AAPL, replace(resting(), transmit=False))

    assert [(each.whatIf, each.orderRef, each.transmit) for each in frames] == [(True, "", True)]
