"""The rule for which event of the log meets which condition. Pure: a wait, an alert and a stream decide alike."""

from base64 import b32encode
from hashlib import sha256

from bridge.bus.events.event import Cursor, SessionEvent
from bridge.order_references import order_ref
from bridge.text.contract_name import bare_name
from bridge.tools.events import APPROVALS, ORDER_EVENTS, WATCHED, WaitCondition

SESSION = {"session_ready": True, "session_lost": False}


TAG_LENGTH = 8
DIGEST_LENGTH = 16


def meets(event: SessionEvent, condition: WaitCondition, principal: str = "") -> bool:
    """Return whether the event is one that the condition of this principal waits for."""
    wanted = condition.event
    if wanted in WATCHED:
        return event.kind == "alert" and event.details.get("watch") == watch_id(principal, condition)
    if wanted == "alert":
        fired = event.kind == "alert" and event.details.get("watch") == condition.alertId
        return fired and (condition.alertId or "").startswith(f"{owner_tag(principal)}-")
    if wanted in ORDER_EVENTS:
        return event.kind == "order" and _about(event, condition) and _order(event, wanted)
    if wanted in APPROVALS:
        return (
            event.kind == "approval" and event.key == condition.orderKey and event.details["state"] in APPROVALS[wanted]
        )
    if wanted == "execution":
        return event.kind == "execution" and _about(event, condition)
    if wanted in SESSION:
        return event.kind == "session" and (event.details.get("state") == "ready") == SESSION[wanted]
    return event.kind == wanted


def watch_id(principal: str, *conditions: WaitCondition, kind: str = "wait", terms: str = "") -> str:
    """Return the name of a principal's watch for these conditions: whoever asks for the same gets the same watch."""
    written = "\0".join(each.model_dump_json(exclude_none=True) for each in conditions)
    return f"{owner_tag(principal)}-{_short(f'{kind}/{principal}/{terms}/{written}', DIGEST_LENGTH)}"


def owner_tag(principal: str) -> str:
    """Return the letters by which a principal's watches and cursors are told from others'. They guard no secret."""
    return _short(f"cursor\0{principal}", TAG_LENGTH)


def sealed_event_cursor(cursor: Cursor, principal: str) -> str:
    """Return a cursor of the event log as its principal gets it."""
    return f"{cursor}.{owner_tag(principal)}"


def _short(text: str, length: int) -> str:
    return b32encode(sha256(text.encode()).digest()).decode().lower()[:length]


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
