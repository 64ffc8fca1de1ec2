"""What a person approves and what a report says has every digit of a price and a quantity."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import ib_async
import pytest

from ib_worker.order_entry.outcome import change_message, placed_message
from ib_worker.orders.events import ErrorReported, ModifySent, Sent, Status
from ib_worker.orders.messages import terms_of
from ib_worker.orders.state import OrderState, apply
from ib_worker.pre_trade.describe import approval_text
from ib_worker.risk.intent import OrderIntent, RiskInputs

AT = datetime(2025, 6, 11, 14, 30, tzinfo=UTC)
CONTRACT = ib_async.Contract(conId=1, symbol="BRK A", secType="STK", currency="USD", exchange="SMART")
ORDER = ib_async.Order(
    action="BUY", totalQuantity=2_000_000, orderType="STP LMT", lmtPrice=741234.56, auxPrice=740987.65, account="DU1"
)


@pytest.mark.trial("A3", "A25")
def test_who_approves_an_order_reads_its_prices_to_the_last_digit() -> None:
    intent = OrderIntent(
        "BRK A", "STK", "USD", Decimal(1), "BUY", Decimal(2_000_000), "STP LMT", lmtPrice=741234.56, auxPrice=740987.65
    )
    facts = RiskInputs(741100.12, 741200.34, 741150.1, 0.0, Decimal(0), Decimal(0), 0, 0.0, base="USD")

    told = approval_text(intent, facts, CONTRACT, ORDER)

    assert "BUY 2000000 BRK A" in told
    assert "lmtPrice 741234.56, auxPrice 740987.65" in told
    assert "bid/ask/last 741100.12/741200.34/741150.1" in told
    assert "The trigger of 740987.65 is met" in told


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
