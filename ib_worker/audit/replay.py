"""Rebuilds every order's state from the audit log: the same events through the same rules. Pure."""

from collections.abc import Iterable, Mapping
from typing import Any, get_args

import msgspec

from bridge.audit_chain import AuditEntry
from bridge.order_references import is_ours
from bridge.tools.types import Contract
from ib_worker.orders.events import Event
from ib_worker.orders.state import OrderState, apply

EVENTS: dict[str, type[Any]] = {each.kind: each for each in get_args(Event)}


class OrderReplay:
    """The states of a log's orders, entry by entry, by their names: an order of ours has its orderRef."""

    def __init__(self) -> None:
        self.states: dict[str, OrderState] = {}

    def take(self, entry: AuditEntry) -> None:
        """Apply an entry; one that is about no order's event is passed over. Raises ValueError or msgspec.MsgspecError
        for one that is damaged."""
        if entry.event not in EVENTS:
            return
        states = self.states
        event = msgspec.convert(entry.details, type=EVENTS[entry.event], dec_hook=_contract)
        name, unnamed = _name(entry, states), f"client {entry.clientId}, orderId {entry.orderId}"
        if name not in states and unnamed in states and not states[unnamed].permIds:
            states[name] = states.pop(unnamed)  # TWS has named it now
        state = states.get(name)
        if state is None:
            state = _begun(entry, event)
        if state is not None:
            states[name] = apply(state, event)


def replay_orders(lines: Iterable[bytes]) -> list[OrderState]:
    """The orders of a log, in the order they first appear."""
    replay = OrderReplay()
    for line in lines:
        replay.take(msgspec.json.decode(line, type=AuditEntry))
    return list(replay.states.values())


def _name(entry: AuditEntry, states: Mapping[str, OrderState]) -> str:
    """The name of the order's state: that of its reference, unless another order has that already."""
    name = _known_as(entry)
    other = states.get(name)
    if other is None or not is_ours(entry.orderRef) or not entry.permId or entry.permId in other.permIds:
        return name
    same_client = entry.clientId == other.clientId or not entry.orderId  # an archived order tells neither
    same_id = (entry.clientId, entry.orderId) == (other.clientId, other.orderId)
    return name if same_id or (same_client and not other.permIds) else f"permId {entry.permId}"


def _known_as(entry: AuditEntry) -> str:
    """An order placed elsewhere has no reference of its own; then its first permId tells, which comes with TWS's first
    word."""
    if is_ours(entry.orderRef):
        return entry.orderRef
    return f"permId {entry.permId}" if entry.permId else f"client {entry.clientId}, orderId {entry.orderId}"


def _begun(entry: AuditEntry, event: Event) -> OrderState | None:
    terms = getattr(event, "terms", None)
    if terms is None:
        return None
    return OrderState(entry.orderId or 0, entry.clientId, terms, orderRef=entry.orderRef or None)


def _contract(kind: type[Any], value: Any) -> Any:
    if kind is Contract:
        return Contract.model_validate(value)
    raise NotImplementedError(kind)
