"""The rule for which event of the log meets which condition. Pure: a wait, an alert and a stream decide alike."""

from base64 import b32encode
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from bridge.bus.events.event import Cursor, SessionEvent
from bridge.order_references import order_ref
from bridge.text.contract_name import bare_name
from bridge.tool import ToolError
from bridge.tools.events import APPROVALS, ORDER_EVENTS, WATCHED, WaitCondition

ENDING = ORDER_EVENTS | APPROVALS.keys() | {"execution"}  # of an order that is named: none comes once it has ended
ENDS = ("order_filled", "order_rejected", "order_done")  # the ends of an order, the most exact first
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
        return fired and _is_own(condition.alertId or "", principal)
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


@dataclass(frozen=True)
class Ending:
    """The event that came in a condition's place, which ends it, and what happened as a client sees it."""

    event: str
    happened: dict[str, Any]


class Endings:
    """The conditions of one wait that can't come any more."""

    def __init__(self, conditions: Sequence[WaitCondition]) -> None:
        self._conditions = conditions
        self._found: dict[int, Ending] = {}

    def take(self, event: SessionEvent, happened: dict[str, Any]) -> None:
        """Note what the event ends. A later one that shows the order open, as after TWS's correction, takes it back."""
        for number, condition in enumerate(self._conditions):
            if not _is_about(event, condition):
                continue
            self._found.pop(number, None)
            if (instead := happened_instead(event, condition)) is not None:
                self._found[number] = Ending(instead, happened)

    @property
    def complete(self) -> bool:
        return len(self._found) == len(self._conditions)

    def first(self) -> tuple[int | None, Ending]:
        """Return the place of the first condition that was met before, and what ended it; no place if none was."""
        met = (number for number, each in sorted(self._found.items()) if self._is_met(number, each))
        number = next(met, None)
        return number, self._found[min(self._found) if number is None else number]

    def _is_met(self, number: int, ending: Ending) -> bool:
        return _named_so(self._conditions[number], ending)

    def told(self) -> str:
        """Return in words what has ended: order_filled of key-0001 cannot happen any more: the order is Cancelled."""
        return " ".join(_ended(self._conditions[number], each) for number, each in sorted(self._found.items()))


def happened_instead(event: SessionEvent, condition: WaitCondition) -> str | None:
    """Return the event that has come in place of the one that the condition waits for, where that can't come any more:
    the end of its order, or a person's decision on it. None where it still can.

    An order that nobody approves is never placed, so it never fills either. One that is approved lives on.
    """
    if not _is_about(event, condition):
        return None
    if event.kind == "order":
        return next((each for each in ENDS if _order(event, each)), None)
    decided = next((name for name, states in APPROVALS.items() if event.details["state"] in states), None)
    return decided if condition.event in APPROVALS or decided == "order_refused" else None


def _is_about(event: SessionEvent, condition: WaitCondition) -> bool:
    """Tell whether the event is a state of the order that the condition names, or of its approval."""
    if condition.event not in ENDING or (condition.orderKey is None and condition.permId is None):
        return False
    if event.kind == "approval":
        return event.key == condition.orderKey
    return event.kind == "order" and condition.event not in APPROVALS and _about(event, condition)


def waited_for(conditions: Sequence[WaitCondition]) -> str:
    """Return the conditions as a person reads them: order_filled of key-0001, execution of SPY."""
    return " or ".join(map(described, conditions))


def described(condition: WaitCondition) -> str:
    """Return a condition as a person reads it: order_filled of key-0001."""
    names = (condition.orderKey, condition.permId, condition.symbol, condition.localSymbol, condition.conId)
    about = next((str(each) for each in names if each is not None), "")
    return f"{condition.event} of {about}" if about else condition.event


def _named_so(condition: WaitCondition, ending: Ending) -> bool:
    """Tell whether it ended by the very event that the condition waits for: it was told before, or came before."""
    ends = condition.event == "order_done" and ending.event in ENDS
    return ends or condition.event == ending.event


def _ended(condition: WaitCondition, ending: Ending) -> str:
    details, kind = ending.happened["details"], ending.happened["kind"]
    if _named_so(condition, ending):
        return f"{described(condition)} was so already."
    if kind == "approval":
        why = f"{ending.event.removeprefix('order_')} by {details['by']}" if details.get("by") else details["state"]
        return f"{described(condition)} cannot happen any more: the order is {why}."
    status = "not at IBKR" if details.get("not_found") else details["status"]
    said = f" ({details['code']} {details['message']})" if ending.event == "order_rejected" and details["code"] else ""
    return f"{described(condition)} cannot happen any more: the order is {status}{said}."


def watch_id(principal: str, *conditions: WaitCondition, kind: str = "wait", terms: str = "") -> str:
    """Return the name of a principal's watch for these conditions: whoever asks for the same gets the same watch."""
    written = "\0".join(each.model_dump_json(exclude_none=True) for each in conditions)
    return f"{owner_tag(principal)}-{_short(f'{kind}/{principal}/{terms}/{written}', DIGEST_LENGTH)}"


def owner_tag(principal: str) -> str:
    """Return the letters by which a principal's watches and cursors are told from others'. They guard no secret."""
    return _short(f"cursor\0{principal}", TAG_LENGTH)


def require_own_alert(alertId: str | None, principal: str) -> None:
    """Raise ToolError forbidden for an alert of another principal."""
    if alertId is not None and not _is_own(alertId, principal):
        raise ToolError("forbidden", f"alertId: {alertId} is another client's. Give one of ibkr_get_alerts.")


def _is_own(alertId: str, principal: str) -> bool:
    return alertId.startswith(f"{owner_tag(principal)}-")


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
