"""Turns TWS's messages about orders into the tracker's events."""
# The methods have TWS's names:
# ruff: noqa: N802

from collections.abc import Callable
from datetime import datetime

import ib_async
import structlog

from ib_worker.orders.events import (
    Commission,
    Completed,
    ErrorReported,
    Fill,
    ListedOpen,
    OpenOrderReported,
    Status,
    Terms,
)
from ib_worker.orders.tracker import OrderTracker, ShownOrder, TrackedOrder
from ib_worker.tws.values import convert, unset
from ib_worker.tws.values.codes import ID_OF_ANOTHER
from ib_worker.tws.values.text import message

ID_TAKEN = ID_OF_ANOTHER | {103}  # an order came under the id of an earlier one
PAST_TAKEN = 1_000  # ids to leave out then: TWS does not tell the ids of orders that were cancelled

log = structlog.get_logger("ib_worker.orders.messages")


def terms_of(contract: ib_async.Contract, order: ib_async.Order) -> Terms:
    """Return an order's terms, as sent or as reported by TWS."""
    return Terms(
        contract=convert.contract(contract),
        account=convert.text(order.account),
        action=order.action,
        totalQuantity=float(order.totalQuantity),
        orderType=order.orderType,
        lmtPrice=unset.order_price("lmtPrice", order, contract.secType),
        auxPrice=unset.order_price("auxPrice", order, contract.secType),
        tif=convert.text(order.tif),
        trailingPercent=unset.order_price("trailingPercent", order),
    )


class OrderMessageHandler:
    """The methods have TWS's names, and return the order that a message was about, if it is known."""

    def __init__(self, tracker: OrderTracker, now: Callable[[], datetime]) -> None:
        self._tracker = tracker
        self._now = now

    def openOrder(
        self, orderId: int, contract: ib_async.Contract, order: ib_async.Order, orderState: ib_async.OrderState
    ) -> TrackedOrder | None:
        """Sent again at every change of the order, so this must be idempotent."""
        terms = terms_of(contract, order)
        permId, orderRef = convert.identity(order.permId), convert.text(order.orderRef)
        entry = self._tracker.entry(orderId, order.clientId, permId, orderRef, terms)
        assert entry is not None  # terms make one
        entry.told(contract, order)
        entry.shown = ShownOrder(orderState.status)
        self._tracker.open_list.entries[entry] = None
        self._taken(order.clientId, orderId)
        self._tracker.take(entry, OpenOrderReported(self._now(), permId, orderRef, terms, orderState.status))
        return entry

    def openOrderEnd(self) -> None:
        """The list is complete: it corrects what was believed of the orders that it names."""
        listed, asked_at = self._tracker.open_list.end()
        if asked_at is None:
            return
        for entry in listed:
            state = entry.state
            if entry.shown is not None and (state.done or state.said is not None):
                self._tracker.take(entry, ListedOpen(self._now(), asked_at, *entry.shown))
            if state.done and not entry.state.done:
                log.warning("order_reopened", orderId=state.orderId, status=state.status)

    def orderStatus(
        self,
        orderId: int,
        status: str,
        filled: float,
        remaining: float,
        avgFillPrice: float,
        permId: int,
        parentId: int,
        lastFillPrice: float,
        clientId: int,
        whyHeld: str,
        mktCapPrice: float = 0.0,
    ) -> None:
        perm = convert.identity(permId)
        self._taken(clientId, orderId)
        entry = self._tracker.entry(orderId, clientId, perm, None, None)
        done, left = convert.number(filled) or 0.0, convert.number(remaining)
        if left is None:
            left = max(entry.state.terms.totalQuantity - done, 0.0) if entry is not None else 0.0
        event = Status(
            self._now(),
            perm,
            status,
            done,
            left,
            unset.value("orderStatus.fillPrice", avgFillPrice, backed=done > 0),
            unset.value("orderStatus.fillPrice", lastFillPrice, backed=done > 0),
            convert.text(whyHeld),
        )
        if entry is None:
            self._tracker.hold_until_known(perm, event)
        else:
            entry.shown = ShownOrder(status, filled, remaining)
            self._tracker.take(entry, event)

    def execDetails(self, execution: ib_async.Execution, secType: str = "") -> TrackedOrder | None:
        """A fill, live or listed on request; the same one may come both ways. A combination has one of its own and one
        of each leg, whose quantity is the leg's and fills nothing of the order."""
        permId, orderRef = convert.identity(execution.permId), convert.text(execution.orderRef)
        self._taken(execution.clientId, execution.orderId)
        entry = self._tracker.entry(execution.orderId, execution.clientId, permId, orderRef, None)
        of_leg = entry is not None and entry.state.terms.contract.secType == "BAG" and secType not in ("BAG", "")
        event = Fill(
            self._now(),
            execution.execId,
            convert.number(execution.shares) or 0.0,
            convert.number(execution.price),
            0.0 if of_leg else convert.number(execution.cumQty) or 0.0,
            convert.number(execution.avgPrice),
            permId,
            orderRef,
        )
        if entry is None:
            self._tracker.hold_until_known(permId, event)
        else:
            self._tracker.take(entry, event)
        return entry

    def commissionReport(self, report: ib_async.CommissionReport) -> None:
        self._tracker.add_commission(
            Commission(
                self._now(),
                report.execId,
                convert.number(report.commission),
                convert.text(report.currency),
                convert.number(report.realizedPNL),
            )
        )

    def is_past(self, permId: int) -> bool:
        """Return whether the order has ended and is forgotten."""
        return self._tracker.is_past(permId)

    def completedOrder(
        self, contract: ib_async.Contract, order: ib_async.Order, orderState: ib_async.OrderState
    ) -> TrackedOrder | None:
        """An archived order. It has neither orderId nor clientId: permId and orderRef tell which it is."""
        permId, orderRef = convert.identity(order.permId), convert.text(order.orderRef)
        if self._tracker.is_past(permId):
            return None
        terms = terms_of(contract, order)
        entry = self._tracker.entry(0, order.clientId, permId, orderRef, terms)
        assert entry is not None  # terms make one
        entry.archived(contract, order)
        filled = convert.number(order.filledQuantity) or 0.0
        text = convert.text(message(orderState.completedStatus))
        self._tracker.take(entry, Completed(self._now(), permId, orderRef, terms, orderState.status, filled, text))
        return entry

    def error(self, orderId: int, code: int, text: str) -> bool:
        """Return whether the error was about an order of this session."""
        entry = self._tracker.by_id(orderId)
        if entry is None:
            return False
        if code in ID_TAKEN and not entry.state.acknowledged:
            self._tracker.highest_id = max(self._tracker.highest_id, orderId + PAST_TAKEN)
        self._tracker.errors += 1
        self._tracker.take(entry, ErrorReported(self._now(), code, text))
        return True

    def unnamed_error(self, code: int, text: str) -> None:
        """An error about something whose id TWS does not tell: it may be each order that waits for a first word."""
        for entry in self._tracker.open():
            state = entry.state
            if state.sent_at is not None and not state.named and state.said is None:
                self._tracker.errors += 1
                self._tracker.take(entry, ErrorReported(self._now(), code, text, unnamed=True))

    def _taken(self, clientId: int, orderId: int) -> None:
        if clientId == self._tracker.clientId and orderId != unset.NO_ORDER_ID:
            self._tracker.highest_id = max(self._tracker.highest_id, orderId)
