"""The exchange: it takes orders, modifications and cancellations, and refuses as TWS does.

`drain` returns the events, in the order of a real gateway.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from ibgateway.simulator.model.contracts import Contract
from ibgateway.simulator.model.errors import Refusal
from ibgateway.simulator.model.events import Event
from ibgateway.simulator.model.orders import Order
from ibgateway.simulator.world.account.broker import Broker
from ibgateway.simulator.world.exchange.intake.error_texts import NOT_CANCELLABLE
from ibgateway.simulator.world.exchange.intake.intake import OrderIntake
from ibgateway.simulator.world.exchange.intake.revisions import revision_refusal
from ibgateway.simulator.world.exchange.intake.what_if import margin_refusal, preview
from ibgateway.simulator.world.exchange.lifecycle.expiry import Expiries
from ibgateway.simulator.world.exchange.lifecycle.order_lifecycle import OrderLifecycle
from ibgateway.simulator.world.exchange.orders.working_order import FILLED, INACTIVE, PARENT, TRANSMIT, WorkingOrder
from ibgateway.simulator.world.instruments.directory import Directory


class Exchange:
    """All orders of a world. `at` is always the current time."""

    def __init__(self, seed: int, broker: Broker, directory: Directory) -> None:
        self.lifecycle = OrderLifecycle(seed, broker, directory)
        self.registry = self.lifecycle.registry
        self.expiries = Expiries(broker, directory, self.registry, self.lifecycle.report)
        self._broker = broker
        self._intake = OrderIntake(broker, directory, self.lifecycle.conditions)

    def drain(self) -> list[Event]:
        """Return the events since the last call, and forget them."""
        events, self.lifecycle.events = self.lifecycle.events, []
        return events

    # --- placing -------------------------------------------------------------------------------------------------

    def place(self, clientId: int, orderId: int, contract: Contract, order: Order, at: float) -> None:
        """Take a new order, a what-if, or a modification of the client's order of this id."""
        existing = self.registry.get(clientId, orderId)
        try:
            if existing is not None and not order.whatIf:
                self._modify(existing, contract, order, at)
            else:
                self._place_new(clientId, orderId, contract, order, at)
        except Refusal as refusal:
            self.lifecycle.error(clientId, orderId, refusal.code, refusal.text)

    def _place_new(self, clientId: int, orderId: int, contract: Contract, order: Order, at: float) -> None:
        working = self._intake.read(WorkingOrder(clientId, orderId, contract, order, at), contract, order, at)
        if order.whatIf:
            self.lifecycle.report([preview(self._broker, self.lifecycle.feed_of(working), working, at)])
        else:
            working.sent = order
            self._admit(working, at)

    def _admit(self, working: WorkingOrder, at: float) -> None:
        """Give the order its numbers and send it on, unless it or its parent waits to be transmitted."""
        parent = self.registry.parent(working)
        if working.order.parentId and parent is None:
            raise Refusal(135, f"Can't find order with ID ={working.order.parentId}")
        if parent is not None and parent.done and parent.status != FILLED:
            raise Refusal(201, "Order rejected - reason:Parent order is being cancelled")
        working.permId = self.registry.next_perm_id()
        if parent is not None:
            group = working.order.ocaGroup or str(parent.permId)
            working.order = replace(working.order, ocaGroup=group, ocaType=working.order.ocaType or 3)
            if parent.status != FILLED:
                working.waits.add(PARENT)
        self.registry.add(working)
        working.waits.add(TRANSMIT)
        if working.order.transmit:
            self.lifecycle.transmit(parent or working, at)

    # --- modifying -----------------------------------------------------------------------------------------------

    def _modify(self, working: WorkingOrder, contract: Contract, order: Order, at: float) -> None:
        if working.status == FILLED:
            raise Refusal(104, "Cannot modify a filled order.")
        if working.done:
            raise Refusal(103, "Duplicate order id")
        parent = self.registry.get(working.clientId, order.parentId)
        refused = revision_refusal(working.sent, order, held=parent is not None and not parent.done)
        if refused is not None:
            raise Refusal(*refused)
        changed = self._intake.read(working, contract, order, at)
        same = (working.order.action, working.order.account) == (changed.order.action, changed.order.account)
        if changed.instruments != working.instruments or not same:
            raise Refusal(105, "Order being modified does not match original order.")
        if changed.quantity <= working.filled:
            raise Refusal(201, "Order rejected - reason:The quantity is not larger than what is filled already.")
        if not working.waits & {TRANSMIT, PARENT}:
            margin = margin_refusal(self._broker, self.lifecycle.feed_of(working), changed, at)
            if margin:
                raise Refusal(201, margin)
        kept = working.order  # groups can't be left by a modification
        working.order = replace(changed.order, parentId=kept.parentId, ocaGroup=kept.ocaGroup, ocaType=kept.ocaType)
        working.quantity, working.contract, working.sent = changed.quantity, changed.contract, order
        working.expires, working.adjusted = changed.expires, False
        if TRANSMIT in working.waits:
            if order.transmit:
                self.lifecycle.transmit(self.registry.parent(working) or working, at)
            return
        self.lifecycle.changed(working, at)

    def fill(self, clientId: int, orderId: int, size: Decimal | None, price: float | None, at: float) -> None:
        """Fill an order as a fault script asks, whatever the market does; do nothing if it is done."""
        order = self.registry.get(clientId, orderId)
        if order is not None and not order.done:
            self.lifecycle.fill(order, size or order.remaining, price, at)

    # --- cancelling ----------------------------------------------------------------------------------------------

    def cancel(self, clientId: int, orderId: int, at: float) -> None:
        order = self.registry.get(clientId, orderId)
        if order is None:
            self.lifecycle.error(
                clientId, orderId, 10147, f"OrderId {orderId} that needs to be cancelled is not found."
            )
        elif order.status == INACTIVE:
            self.lifecycle.error(clientId, orderId, 161, NOT_CANCELLABLE.format(order.permId))
        elif order.done:
            text = f"OrderId {orderId} that needs to be cancelled cannot be cancelled, state: {order.status}."
            self.lifecycle.error(clientId, orderId, 10148, text)
        else:
            self.lifecycle.cancel(order, at)

    def cancel_all(self, at: float) -> None:
        for order in list(self.registry.active.values()):
            if not order.done:
                self.lifecycle.cancel(order, at)
