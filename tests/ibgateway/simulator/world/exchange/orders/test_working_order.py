"""One order during its life: which status may follow which, and what TWS shows of it."""

from __future__ import annotations

from decimal import Decimal

import pytest

from ibgateway.simulator.model.contracts import Contract
from ibgateway.simulator.model.orders import OpenOrder, Order, OrderStatus
from ibgateway.simulator.world.account.allocation import AccountShare
from ibgateway.simulator.world.exchange.orders.working_order import (
    CANCELLED,
    DONE,
    FILLED,
    INACTIVE,
    LEGAL,
    PENDING,
    PRESUBMITTED,
    SUBMITTED,
    WorkingOrder,
)


def working(**fields: object) -> WorkingOrder:
    order = Order("SELL", Decimal(10), "LMT", 100.0)
    return WorkingOrder(1, 7, Contract(symbol="AAPL", secType="STK"), order, 0.0, quantity=Decimal(10), **fields)  # type: ignore[arg-type]


def test_a_life_takes_legal_steps_and_remembers_them() -> None:
    order = working()
    for status in (PRESUBMITTED, SUBMITTED, SUBMITTED, PRESUBMITTED, SUBMITTED, FILLED):
        order.move(status)

    assert order.history == [PRESUBMITTED, SUBMITTED, PRESUBMITTED, SUBMITTED, FILLED]
    assert order.done


@pytest.mark.parametrize("after", [PENDING, PRESUBMITTED, SUBMITTED, CANCELLED])
def test_nothing_follows_a_fill(after: str) -> None:
    order = working(status=FILLED)

    with pytest.raises(AssertionError, match=f"Filled -> {after}"):
        order.move(after)


def test_what_is_done_stays_so() -> None:
    assert {status for status, following in LEGAL.items() if not following} == DONE


def test_what_remains_and_the_average_follow_from_what_is_filled() -> None:
    order = working(filled=Decimal(4), value=Decimal(410))

    assert (order.remaining, order.average, working().average) == (Decimal(6), 102.5, 0.0)
    assert (order.buy, order.sign) == (False, -1)


def test_fees_are_those_of_all_its_accounts() -> None:
    order = working(parts=[AccountShare("DU1", fees=Decimal("1.5")), AccountShare("DU2", fees=Decimal("0.5"))])

    assert order.fees == Decimal(2)


@pytest.mark.parametrize(("orderType", "outside"), [("LMT", True), ("mkt", False), ("MOC", False), ("STP", True)])
def test_market_orders_trade_in_liquid_hours_only(orderType: str, outside: bool) -> None:
    order = working()
    order.order = Order("SELL", Decimal(10), orderType, outsideRth=True)

    assert order.outside is outside


def test_a_trailing_stop_is_shown_where_it_stands() -> None:
    order = working(stop=98.1234567)
    assert order.shown() is order.order

    order.order = Order("SELL", Decimal(10), "TRAIL")
    assert order.shown().trailStopPrice == 98.123457


def test_a_change_is_told_as_open_order_and_status() -> None:
    order = working(status=INACTIVE, reason="no margin", why_held="trigger", permId=9001)

    shown, status = order.events()

    assert isinstance(shown, OpenOrder)
    assert isinstance(status, OrderStatus)
    assert (shown.state.status, shown.state.rejectReason, shown.permId) == (INACTIVE, "no margin", 9001)
    assert status.whyHeld == ""  # it is done, and held by nothing any more


def test_a_reason_is_shown_of_a_rejected_order_alone() -> None:
    assert working(status=SUBMITTED, reason="no margin").open_order().state.rejectReason == ""
