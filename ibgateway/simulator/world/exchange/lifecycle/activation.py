"""The waits before an order works: for its parent, a time, conditions, or shares to borrow."""

from __future__ import annotations

from collections.abc import Callable

from ibgateway.simulator.world.account.broker import Broker
from ibgateway.simulator.world.exchange.intake import validation as checks
from ibgateway.simulator.world.exchange.lifecycle.next_event import NextEvent
from ibgateway.simulator.world.exchange.orders.conditions import EXECUTION, Conditions
from ibgateway.simulator.world.exchange.orders.working_order import (
    CONDITIONS,
    LOCATE,
    PARENT,
    TIME,
    TRANSMIT,
    WorkingOrder,
)
from ibgateway.simulator.world.instruments.details import HARD_TO_BORROW
from ibgateway.simulator.world.time.instants import instant

ZONE = "US/Eastern"
LOCATE_S = 30.0  # until shares are found


class OrderActivation:
    """The waits of orders, and the times at which they may end."""

    def __init__(self, broker: Broker, conditions: Conditions) -> None:
        self._broker = broker
        self._conditions = conditions
        self._located: dict[int, float] = {}

    def hold(self, order: WorkingOrder, at: float) -> None:
        """Set the order's waits, except for parent and transmission, and TWS's reason for holding it."""
        order.waits -= {TIME, CONDITIONS, LOCATE}
        if starts(order, at) > at:
            order.waits.add(TIME)
        if order.order.conditions and not order.order.conditionsCancelOrder:
            order.waits.add(CONDITIONS)
        if self._must_locate(order) and self._located.setdefault(order.permId, at + LOCATE_S) > at:
            order.waits.add(LOCATE)
        triggered = checks.order_type(order.order) in checks.STOPPED | checks.TRAILING
        reasons = {"child": PARENT in order.waits, "trigger": triggered, "locate": LOCATE in order.waits}
        order.why_held = ",".join(reason for reason, holds in reasons.items() if holds)

    def _must_locate(self, order: WorkingOrder) -> bool:
        """Report if it sells short a stock that is hard to borrow."""
        if order.buy or order.combination or order.instruments[0].symbol not in HARD_TO_BORROW:
            return False
        if order.instruments[0].secType != "STK":
            return False
        return self._broker.ledgers[order.parts[0].account].quantity(order.instruments[0].conId) < order.remaining

    def release(self, order: WorkingOrder, at: float) -> None:
        """Remove the waits that are over."""
        if TIME in order.waits and starts(order, at) <= at:
            order.waits.discard(TIME)
        if LOCATE in order.waits and self._located[order.permId] <= at:
            order.waits.discard(LOCATE)
        if order.waits == {CONDITIONS} and self._conditions.hold(order, at):
            order.waits.discard(CONDITIONS)

    def plans(self, order: WorkingOrder, at: float, cancel: Callable[[WorkingOrder, float], None]) -> list[NextEvent]:
        """Return the events that may end a wait; `cancel` is for conditions that cancel."""
        if TIME in order.waits:
            return [NextEvent(starts(order, at), _look)]
        if LOCATE in order.waits:
            return [NextEvent(self._located[order.permId], _look)]
        if order.order.conditionsCancelOrder and self._conditions.hold(order, at):
            return [NextEvent(at, lambda: cancel(order, at))]
        if order.waits == {CONDITIONS} or order.order.conditionsCancelOrder:
            time = self._conditions.look_again(order, at)
            return [] if time is None else [NextEvent(time, _look)]
        return []


def starts(order: WorkingOrder, at: float) -> float:
    """Return the time from which the order is good."""
    return instant(order.order.goodAfterTime, ZONE, at) or 0.0


def waits_for_executions(order: WorkingOrder) -> bool:
    """Report if a trade of another order may activate this one, or cancel it."""
    if order.waits & {TRANSMIT, PARENT}:
        return False
    return CONDITIONS in order.waits or (
        order.order.conditionsCancelOrder and any(each.condType == EXECUTION for each in order.order.conditions)
    )


def _look() -> None:
    """Do nothing: time has passed, so the order is looked at again."""
