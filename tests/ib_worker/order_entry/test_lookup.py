"""The order that a change or a cancel names, and a key that has placed before."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from bridge.order_references import LEGS, order_ref
from bridge.tool import ToolError
from bridge.tools.orders import ModifyOrder
from bridge.tools.types import Contract, OrderNameArguments
from ib_worker.order_entry.lookup import order_names, require_own_order, require_unused, would_change
from ib_worker.orders import tracker as tracking
from ib_worker.orders.events import OpenOrderReported, Sent, Status, Terms
from ib_worker.orders.state import OrderState
from ib_worker.orders.tracker import OrderTracker, TrackedOrder
from ib_worker.orders.view import OrderView
from ib_worker.session.session import Session
from ib_worker.session_state import state as standing
from ibgateway.simulator.server.server import Simulator
from tests.stacks.worker import ready_session

AT = datetime(2025, 6, 11, 14, 30, tzinfo=UTC)
KEY = "a-key-of-the-caller"
TERMS = Terms(Contract(conId=265598, symbol="AAPL", secType="STK"), "DU1", "BUY", 10.0, "LMT", 100.0, None, "DAY")


@dataclass
class Orders:
    """The part of a session that a lookup reads, once its orders are known."""

    orders: OrderView
    clientId: int = 1


def session_of(tracker: OrderTracker) -> Session:
    tracker.known = True
    return cast(Session, Orders(OrderView(tracker)))


def refusal(session: Session, orderId: int, **names: Any) -> str:
    with pytest.raises(ToolError) as refused:
        require_own_order(session, orderId, OrderNameArguments(**names))
    assert refused.value.code == "not_found"
    return refused.value.message


async def test_an_order_is_not_called_missing_while_orders_are_still_read(sim: Simulator) -> None:
    async with ready_session(sim) as stand:
        stand.session.orders.tracker.known = False
        stand.session.state.set(standing.SYNCING)
        with pytest.raises(ToolError) as caught:
            require_own_order(stand.session, 7, OrderNameArguments())

    assert caught.value.code == "not_ready"


def test_an_own_order_is_found_by_its_id_and_by_its_key() -> None:
    tracker = OrderTracker(1)
    entry = tracker.add(7, TERMS, order_ref(KEY), KEY)
    session = session_of(tracker)

    assert require_own_order(session, 7, OrderNameArguments()) is entry
    assert require_own_order(session, 0, OrderNameArguments(orderKey=KEY)) is entry


def test_an_order_of_another_client_is_not_changed_and_its_client_is_named() -> None:
    tracker = OrderTracker(1)
    theirs = tracker.entry(8, 2, 100, None, TERMS)
    assert theirs is not None
    tracker.take(theirs, OpenOrderReported(AT, 100, None, TERMS, "Submitted"))
    session = session_of(tracker)

    assert "That order belongs to client 2; " in refusal(session, 0, permId=100)
    assert "That order belongs to client 2; " in refusal(session, 8)


def test_an_order_that_nobody_has_belongs_to_no_client() -> None:
    tracker = OrderTracker(1)
    theirs = tracker.entry(8, 2, 100, None, TERMS)
    assert theirs is not None
    tracker.take(theirs, OpenOrderReported(AT, 100, None, TERMS, "Submitted"))
    session = session_of(tracker)

    assert refusal(session, 9).startswith("orderId: this session has no open order 9. ibkr_get_open_orders lists")
    assert refusal(session, 0, permId=101).startswith("permId: this session has no open order 101. ibkr_get_open")


@pytest.mark.parametrize(
    ("changes", "differs"),
    [
        ({"lmtPrice": 100}, False),
        ({"lmtPrice": 100, "totalQuantity": 10, "tif": "DAY"}, False),
        ({"lmtPrice": 100.01}, True),
        ({"lmtPrice": 100, "totalQuantity": 11}, True),
        ({"tif": "GTC"}, True),
    ],
)
def test_a_change_to_the_terms_that_tws_has_would_change_nothing(changes: dict[str, Any], differs: bool) -> None:
    entry = TrackedOrder(OrderState(7, 1, TERMS))

    assert would_change(entry, ModifyOrder(orderId=7, idempotencyKey=KEY, **changes)) is differs


@pytest.mark.parametrize("leg", LEGS)
def test_a_key_of_which_an_order_is_known_places_nothing_more(leg: str) -> None:
    tracker = OrderTracker(1)
    tracker.add(7, TERMS, order_ref(KEY, leg), KEY)
    session = session_of(tracker)

    require_unused(session, [order_ref("another-key", each) for each in LEGS])
    with pytest.raises(ToolError, match="this key has placed an order before") as refused:
        require_unused(session, [order_ref(KEY, each) for each in LEGS])

    assert refused.value.code == "idempotency_conflict"


def test_a_key_whose_order_is_forgotten_places_nothing_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracking, "KEPT_DONE", 1)
    tracker = OrderTracker(1)
    for orderId, key in enumerate((KEY, "key-of-8", "key-of-9"), 7):
        entry = tracker.add(orderId, TERMS, order_ref(key), key)
        tracker.take(entry, Sent(AT, TERMS))
        tracker.take(entry, Status(AT, orderId, "Filled", 10.0, 0.0))

    assert tracker.by_ref(order_ref(KEY)) is None
    with pytest.raises(ToolError, match="idempotency_conflict"):
        require_unused(session_of(tracker), [order_ref(KEY)])


def test_names_of_an_order_are_those_that_are_known() -> None:
    state = OrderState(7, 1, TERMS, orderRef=order_ref(KEY))

    assert order_names(TrackedOrder(state)) == {"orderRef": order_ref(KEY)}
    assert order_names(TrackedOrder(replace(state, permIds=(99,)))) == {"orderRef": order_ref(KEY), "permId": "99"}
