"""The reports on an order and on an execution, as a client reads them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import ib_async
import pytest

from bridge.order_references import order_ref
from bridge.tools.order_report import Notice
from bridge.tools.types import Contract
from ib_worker.orders.events import Commission, ErrorReported, Fill, OpenOrderReported, Sent, Status, Terms
from ib_worker.orders.report import execution, order_report, shown_by_ibkr
from ib_worker.orders.state import OrderState
from ib_worker.orders.tracker import OrderTracker, TrackedOrder

REF = order_ref("a-key-0001")
AT = datetime(2025, 6, 11, 14, 30, tzinfo=UTC)
TERMS = Terms(Contract(conId=265598, symbol="AAPL", secType="STK"), "DU1", "BUY", 10.0, "LMT", 100.0, None, "DAY")
EXECUTION = ib_async.Execution(
    execId="a.b.01.01", time=AT, acctNumber="DU1", exchange="IEX", side="SLD", shares=2.0, price=3.5, permId=9,
    clientId=1, orderId=4, cumQty=5.0, avgPrice=3.25, orderRef="ref",
)  # fmt: skip


def test_a_report_says_what_is_known() -> None:
    ledger = OrderTracker(1)
    entry = ledger.add(7, TERMS, REF, "a-key-0001")
    ledger.take(entry, Sent(AT, TERMS))
    ledger.take(entry, OpenOrderReported(AT, 99, REF, TERMS, "Submitted"))
    ledger.take(entry, Status(AT, 99, "Submitted", 4.0, 6.0, 99.5, 99.0, "locate"))
    ledger.take(entry, ErrorReported(AT, 399, "held"))
    ledger.take(entry, Fill(AT, "a.b.01.01", 4.0, 99.0, 4.0, 99.5, 99, REF))
    ledger.add_commission(Commission(AT, "a.b.01.01", 1.0, "USD", None))

    told = order_report(entry, "message", replayed=True)

    assert told.model_dump(exclude={"contract"}) == {
        "orderId": 7, "permId": 99, "clientId": 1, "orderRef": REF, "idempotencyKey": "a-key-0001", "account": "DU1",
        "action": "BUY", "totalQuantity": 10.0, "orderType": "LMT", "lmtPrice": 100.0, "tif": "DAY", "placed_at": AT,
        "status": "Submitted", "filled": 4.0, "remaining": 6.0, "avgFillPrice": 99.5, "lastFillPrice": 99.0,
        "whyHeld": "locate", "commission": 1.0, "commissionCurrency": "USD",
        "notices": [Notice(code=399, message="held", time=AT).model_dump()], "message": "message", "replayed": True,
    }  # fmt: skip


def test_a_cancels_notice_is_told_only_with_a_reason() -> None:
    said = ("Order Canceled - reason:", "Order Canceled - reason: held too long")
    entry = TrackedOrder(OrderState(7, 1, TERMS, notices=tuple(ErrorReported(AT, 202, each) for each in said)))

    assert [each.message for each in order_report(entry).notices] == [said[1]]


def test_what_remains_is_computed_until_tws_says() -> None:
    assert order_report(TrackedOrder(OrderState(7, 1, TERMS))).remaining == 10.0
    assert order_report(TrackedOrder(OrderState(7, 1, TERMS, filled=12.0))).remaining == 0.0


def test_a_report_is_no_replay_and_has_no_message_unless_it_is_said() -> None:
    told = order_report(TrackedOrder(OrderState(7, 1, replace(TERMS, orderType="STP", lmtPrice=None, auxPrice=90.0))))

    assert (told.message, told.replayed, told.auxPrice, told.lmtPrice) == ("", False, 90.0, None)


def test_times_of_an_order_are_of_the_gateways_clock() -> None:
    entry = TrackedOrder(OrderState(7, 1, TERMS, sent_at=AT, notices=(ErrorReported(AT, 399, "held"),)))
    entry.ahead = timedelta(days=2)

    told = order_report(entry)

    assert (told.placed_at, told.notices[0].time) == (AT + entry.ahead,) * 2
    assert shown_by_ibkr(entry).endswith("known since 2025-06-13 14:30:00 UTC.")


def test_an_order_of_an_earlier_worker_has_the_time_of_that_worker() -> None:
    entry = TrackedOrder(OrderState(7, 1, TERMS))
    unknown = order_report(entry).placed_at
    entry.placed_at = AT

    assert (unknown, order_report(entry).placed_at) == (None, AT)


def test_fields_that_tws_reports_beside_the_terms_are_shown() -> None:
    entry = TrackedOrder(OrderState(8, 1, replace(TERMS, orderType="TRAIL", lmtPrice=None)))
    order = ib_async.Order(
        orderType="TRAIL", trailStopPrice=95.5, outsideRth=True, goodTillDate="", parentId=7, ocaGroup="exits"
    )
    entry.told(ib_async.Contract(), order)

    told = order_report(entry)

    assert (told.trailStopPrice, told.outsideRth, told.goodTillDate) == (95.5, True, None)
    assert (told.parentId, told.ocaGroup) == (7, "exits")


@pytest.mark.parametrize(("message", "shown"), [("", "reported as Cancelled, and TWS shows it open"), ("own", "own")])
def test_an_end_that_a_list_contradicts_is_remarked_unless_there_is_a_message(message: str, shown: str) -> None:
    entry = TrackedOrder(OrderState(7, 1, TERMS, status="Submitted", contradicted="Cancelled"))

    assert shown in order_report(entry, message).message


def test_an_execution_keeps_every_field() -> None:
    paid = Commission(AT, "a.b.01.01", 1.0, "USD", -4.0)

    known = execution(EXECUTION, ib_async.Contract(conId=7, symbol="IBM", secType="STK"), paid).model_dump()

    assert known.pop("contract")["conId"] == 7
    assert known == {
        "execId": "a.b.01.01", "time": AT, "account": "DU1", "side": "SLD", "shares": 2.0, "price": 3.5, "cumQty": 5.0,
        "avgPrice": 3.25, "exchange": "IEX", "orderId": 4, "permId": 9, "clientId": 1, "orderRef": "ref",
        "commission": 1.0, "commissionCurrency": "USD", "realizedPNL": -4.0,
    }  # fmt: skip


def test_an_execution_whose_commission_is_not_told_says_so() -> None:
    bought = ib_async.Execution(time=AT, side="BOT", orderId=2**31 - 1)

    known = execution(bought, ib_async.Contract(), None)

    assert (known.side, known.orderId, known.orderRef) == ("BOT", 0, None)
    assert (known.commission, known.commissionCurrency, known.realizedPNL) == (None,) * 3


def test_an_order_that_ibkr_shows_is_told_with_the_time_of_its_first_call() -> None:
    tracker = OrderTracker(1)
    entry = tracker.add(7, TERMS, REF, "a-key")
    unknown = shown_by_ibkr(entry)
    tracker.take(entry, Sent(AT, TERMS))

    assert "since an unknown time" in unknown
    assert "since 2025-06-11 14:30:00 UTC" in shown_by_ibkr(entry)
