"""TWS's messages about orders, as the tracker takes them."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import ib_async
import pytest

from bridge.order_references import order_ref
from bridge.tools.types import Contract
from ib_worker.orders.events import OpenOrderReported, Sent, Status, Terms
from ib_worker.orders.messages import OrderMessageHandler, terms_of
from ib_worker.orders.tracker import KEPT_DONE, OrderTracker, TrackedOrder
from ib_worker.tws.values.unset import UNSET_DOUBLE

AT = datetime(2025, 6, 11, 14, 30, tzinfo=UTC)
TERMS = Terms(Contract(conId=265598, symbol="AAPL", secType="STK"), "DU1", "BUY", 10.0, "LMT", 100.0, None, "DAY")
AAPL = ib_async.Contract(conId=265598, symbol="AAPL", secType="STK")


def test_a_forgotten_order_is_not_brought_back_by_tws_archive() -> None:
    ledger = OrderTracker(1)
    messages = OrderMessageHandler(ledger, lambda: AT)
    for number in range(KEPT_DONE * 2):
        entry = ledger.add(number + 1, TERMS, f"ref{number}", None)
        ledger.take(entry, OpenOrderReported(AT, 1000 + number, f"ref{number}", TERMS, "Submitted"))
        ledger.take(entry, Status(AT, 1000 + number, "Filled", 10, 0))
    known = len(ledger)

    archived = ib_async.Order(permId=1000, orderRef="ref0", action="BUY", totalQuantity=10, orderType="MKT")
    found = messages.completedOrder(ib_async.Contract(symbol="AAPL"), archived, ib_async.OrderState(status="Filled"))

    assert ledger.by_perm(1000) is None
    assert found is None
    assert len(ledger) == known


def test_an_order_entered_by_hand_takes_no_id() -> None:
    """TWS names it to client 0, with the highest number that there is for its orderId."""
    tracker = OrderTracker(0)
    messages = OrderMessageHandler(tracker, lambda: AT)

    messages.orderStatus(2**31 - 1, "Submitted", 0.0, 1.0, 0.0, 99, 0, 0.0, 0, "")
    messages.orderStatus(7, "Submitted", 0.0, 1.0, 0.0, 100, 0, 0.0, 0, "")

    assert tracker.highest_id == 7


@pytest.mark.trial("C1")
@pytest.mark.parametrize(
    ("orderType", "secType", "told", "meant"),
    [
        ("LMT", "BAG", 0.0, 0.0),
        ("LMT", "FUT", -2.5, -2.5),
        ("LMT", "STK", 10.0, 10.0),
        ("REL", "STK", 0.0, None),
        ("MIDPRICE", "STK", 0.0, None),
        ("MKT", "STK", 0.0, None),
        ("TRAIL LIMIT", "STK", 0.0, None),
        ("STP", "STK", UNSET_DOUBLE, None),
    ],
)
def test_a_limit_price_of_zero_counts_only_where_the_type_needs_one(
    orderType: str, secType: str, told: float, meant: float | None
) -> None:
    order = ib_async.Order(orderType=orderType, lmtPrice=told, action="BUY", totalQuantity=1)

    assert terms_of(ib_async.Contract(secType=secType), order).lmtPrice == meant


def opened(
    messages: OrderMessageHandler, orderId: int = 7, status: str = "Submitted", clientId: int = 1
) -> TrackedOrder:
    order = ib_async.Order(
        clientId=clientId, permId=90 + orderId, orderRef=order_ref(f"key-{orderId}"), action="BUY", totalQuantity=10,
        orderType="LMT", lmtPrice=100.0, account="DU1",
    )  # fmt: skip
    found = messages.openOrder(orderId, AAPL, order, ib_async.OrderState(status="Submitted"))
    assert found is not None
    return found


def test_an_open_order_is_known_by_its_names_and_terms() -> None:
    ledger = OrderTracker(1)

    entry = opened(OrderMessageHandler(ledger, lambda: AT))

    assert (ledger.by_id(7), ledger.by_perm(97), ledger.by_ref(order_ref("key-7"))) == (entry, entry, entry)
    assert (entry.state.terms.lmtPrice, entry.state.terms.account, entry.state.status) == (100.0, "DU1", "Submitted")


def test_a_status_without_what_remains_leaves_what_is_not_filled() -> None:
    messages = OrderMessageHandler(OrderTracker(1), lambda: AT)
    entry = opened(messages)

    messages.orderStatus(7, "Submitted", 4.0, UNSET_DOUBLE, 99.0, 97, 0, 99.0, 1, "")

    assert (entry.state.filled, entry.state.remaining, entry.state.avgFillPrice) == (4.0, 6.0, 99.0)


def test_a_status_before_its_order_is_kept_until_the_order_is_told() -> None:
    messages = OrderMessageHandler(OrderTracker(1), lambda: AT)

    messages.orderStatus(7, "Filled", 10.0, 0.0, 99.0, 97, 0, 99.0, 1, "")

    assert opened(messages).state.status == "Filled"


def test_an_order_of_another_client_takes_no_id_of_this_one() -> None:
    tracker = OrderTracker(1)
    messages = OrderMessageHandler(tracker, lambda: AT)

    opened(messages, 500, clientId=2)
    opened(messages, 8)

    assert tracker.highest_id == 8


def test_an_id_that_is_taken_leaves_out_a_thousand() -> None:
    ledger = OrderTracker(1)
    messages = OrderMessageHandler(ledger, lambda: AT)
    ledger.add(7, TERMS, "ref7", None)

    assert messages.error(7, 103, "Duplicate order id")
    assert ledger.highest_id == 1007
    assert not messages.error(8, 103, "Duplicate order id")


def test_an_error_without_an_id_decides_nothing_of_an_order() -> None:
    ledger = OrderTracker(1)
    messages = OrderMessageHandler(ledger, lambda: AT)
    entry = ledger.add(7, TERMS, "ref7", None)
    ledger.take(entry, Sent(AT, TERMS))

    messages.unnamed_error(321, "Error validating request")

    assert entry.state.said is not None
    assert not entry.state.done


def test_a_complete_list_brings_an_ended_order_back_that_it_names() -> None:
    tracker = OrderTracker(1)
    messages = OrderMessageHandler(tracker, lambda: next(clock))
    clock = iter(AT + timedelta(seconds=number) for number in range(100))
    entry = opened(messages)
    messages.orderStatus(7, "Cancelled", 0.0, 10.0, 0.0, 97, 0, 0.0, 1, "")
    assert entry.state.done

    tracker.open_list.begin(next(clock))
    opened(messages)
    messages.openOrderEnd()

    assert not entry.state.done


def test_an_execution_of_a_leg_fills_nothing_of_its_combination() -> None:
    """A leg's cumQty is the leg's: of a ratio of 2 it is twice the combination's."""
    ledger = OrderTracker(1)
    messages = OrderMessageHandler(ledger, lambda: AT)
    legs = [ib_async.ComboLeg(11, 1, "BUY"), ib_async.ComboLeg(12, 2, "SELL")]
    bag = ib_async.Contract(conId=28812380, symbol="AAPL", secType="BAG", comboLegs=legs)
    order = ib_async.Order(clientId=1, permId=99, action="SELL", totalQuantity=2, orderType="LMT", lmtPrice=3.0)
    entry = messages.openOrder(7, bag, order, ib_async.OrderState(status="Submitted"))

    def execution(execId: str, quantity: float, price: float, secType: str) -> None:
        told = ib_async.Execution(
            execId=execId, orderId=7, clientId=1, permId=99, shares=quantity, cumQty=quantity, price=price
        )
        messages.execDetails(told, secType)

    execution("a.1.01", 1, 3.0, "BAG")
    execution("a.2.01", 1, 9.0, "OPT")
    execution("a.3.01", 2, 6.0, "OPT")

    assert entry is not None
    assert (entry.state.status, entry.state.filled, entry.state.lastFillPrice) == ("Submitted", 1, 3.0)
    assert len(entry.state.fills) == 3


def test_a_combinations_fill_is_one_of_each_leg() -> None:
    filled: list[tuple[str, int, Decimal, object]] = []
    ledger = OrderTracker(1, on_fill=lambda *fill: filled.append((fill[0], fill[1].conId, *fill[2:])))
    messages = OrderMessageHandler(ledger, lambda: AT)
    legs = [ib_async.ComboLeg(11, 1, "BUY"), ib_async.ComboLeg(12, 2, "SELL")]
    bag = ib_async.Contract(conId=28812380, symbol="AAPL", secType="BAG", comboLegs=legs)
    order = ib_async.Order(
        clientId=1, permId=99, account="DU1", action="SELL", totalQuantity=2, orderType="LMT", lmtPrice=3.0
    )
    entry = messages.openOrder(7, bag, order, ib_async.OrderState(status="Submitted"))

    messages.orderStatus(7, "Submitted", 2, 0, 3.0, 99, 0, 3.0, 1, "")

    assert filled == [("DU1", 11, Decimal(-2), entry), ("DU1", 12, Decimal(4), entry)]
