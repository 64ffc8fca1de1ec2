"""The rule for which event of the log meets which condition. Pure: a wait, an alert and a stream decide alike."""

from bridge.bus.events.event import SessionEvent
from bridge.order_references import order_ref
from bridge.text.contract_name import bare_name
from bridge.tools.events import ORDER_EVENTS, WaitCondition

SESSION = {"session_ready": True, "session_lost": False}


def meets(event: SessionEvent, condition: WaitCondition) -> bool:
    """Return whether the event is one that the condition waits for."""
    wanted = condition.event
    if wanted in ORDER_EVENTS:
        return event.kind == "order" and _about(event, condition) and _order(event, wanted)
    if wanted == "execution":
        return event.kind == "execution" and _about(event, condition)
    if wanted in SESSION:
        return event.kind == "session" and (event.details.get("state") == "ready") == SESSION[wanted]
    return event.kind == wanted


def _order(event: SessionEvent, wanted: str) -> bool:
    details = event.details
    if wanted == "order_filled":
        return bool(details.get("status") == "Filled")
    if wanted == "order_rejected":
        return bool(details.get("rejected"))
    if wanted == "order_done":
        return bool(details.get("done") or details.get("not_found"))
    return bool(details.get("filled"))


def _about(event: SessionEvent, condition: WaitCondition) -> bool:
    """Tell whether the event is about the order and the contract that the condition names. A new leader knows an order
    by its reference alone, so its key is compared as that."""
    if condition.orderKey is not None and event.orderRef != order_ref(condition.orderKey):
        return False
    if condition.permId is not None and event.permId != condition.permId:
        return False
    if condition.conId is not None and event.conId != condition.conId:
        return False
    return condition.symbol is None or bare_name(condition.symbol) in _names(event)


def _names(event: SessionEvent) -> set[str]:
    """Return the names that a condition may give the event's contract: the whole one, or its symbol."""
    return {bare_name(event.symbol), bare_name(event.symbol.partition(" ")[0])}
