"""What an answer says of an order that was sent."""

from dataclasses import replace
from datetime import UTC, datetime

import ib_async
import pytest

from ib_worker.order_entry.outcome_texts import change_message, doubt_of_day, not_found, placed_message
from ib_worker.orders.events import ErrorReported, ModifySent, Sent, Status
from ib_worker.orders.messages import terms_of
from ib_worker.orders.state import OrderState, apply

CONTRACT = ib_async.Contract(conId=1, symbol="BRK A", secType="STK", currency="USD", exchange="SMART")
ORDER = ib_async.Order(
    action="BUY", totalQuantity=2_000_000, orderType="STP LMT", lmtPrice=741234.56, auxPrice=740987.65, account="DU1"
)
AT = datetime(2025, 6, 11, 14, 30, tzinfo=UTC)


@pytest.mark.trial("C12")
def test_a_quantity_of_millions_is_told_in_digits() -> None:
    state = OrderState(1, 1, terms_of(CONTRACT, ORDER))
    for event in (Sent(AT, state.terms), Status(AT, 7, "Submitted", 1_234_567.0, 765_433.0)):
        state = apply(state, event)

    assert placed_message(state) == "1234567 of 2000000 are filled."
    assert state.life[-1].what == "Submitted filled 1234567"


@pytest.mark.trial("A13")
def test_a_change_of_an_order_that_has_ended_is_not_told_to_be_awaited() -> None:
    state = OrderState(1, 1, terms_of(CONTRACT, ORDER))
    changed = replace(state.terms, totalQuantity=1.0)
    for event in (
        Sent(AT, state.terms),
        Status(AT, 7, "Submitted", 0.0, 2_000_000.0),
        ModifySent(AT, changed),
        ErrorReported(AT, 202, "Order Canceled - reason:"),
    ):
        state = apply(state, event)

    assert change_message(state) == 'The order was cancelled. TWS said (202): "Order Canceled - reason:".'


@pytest.mark.parametrize(
    ("sent", "looked", "certain"),
    [
        ("2025-06-11T14:00Z", "2025-06-11T15:00Z", True),
        ("2025-06-11T23:59Z", "2025-06-12T00:01Z", False),  # midnight of a gateway in UTC
        ("2025-06-12T03:59Z", "2025-06-12T04:01Z", False),  # and of one in New York
    ],
)
def test_a_look_of_another_day_does_not_show_that_an_order_was_not_filled(
    sent: str, looked: str, certain: bool
) -> None:
    doubt = doubt_of_day(datetime.fromisoformat(sent), datetime.fromisoformat(looked))

    assert not_found(doubt).code == ("not_found" if certain else "not_confirmed")
