"""The events that are pushed, and their words for people. Pure."""

from collections.abc import Collection
from typing import Any
from urllib.parse import quote

from bridge.bus.events.event import SessionEvent
from ib_worker.pushes.target import PushGroup

TOLD_STATES = frozenset({"ready", "failed", "link_down", "login_pending"})
STATE = ("status", "filled", "price", "cause")
VALUES = ("price", "dailyPnL", "unrealizedPnL", "value", "due", "trading")


def is_for(event: SessionEvent, target: str, groups: Collection[str]) -> bool:
    """Return whether an event goes to the target: an alert that names it, or one of the operator's own choice."""
    if event.kind == "alert":
        return target in (event.details.get("targets") or ())
    return group_of(event) in groups


def group_of(event: SessionEvent) -> PushGroup | None:
    if event.kind == "execution":
        return None if event.details.get("corrected") else "fills"
    if event.kind == "order":
        return "rejections" if event.details.get("rejected") else None
    if event.kind in ("halt", "resume"):
        return "halts"
    if event.kind == "session":
        return "session" if event.details.get("state") in TOLD_STATES else None
    return "approvals" if event.kind == "approval" else None


def push_text(event: SessionEvent, session: str, console: str = "") -> str:
    """Return one line on the event. An order that waits has a link to its page at the console, if there is one.

    The link carries no right: the page asks for a sign-in, and changes nothing by itself.
    """
    link = f" {console}/orders/{quote(event.key)}" if console and _waits(event) else ""
    return f"[{session}] {_said(event)}{link}"


def _waits(event: SessionEvent) -> bool:
    return event.kind == "approval" and event.details.get("state") == "asked"


def _said(event: SessionEvent) -> str:
    details = event.details
    if event.kind == "alert":
        return _alert(event)
    if event.kind == "execution":
        shares, price = _number(details.get("shares")), _number(details.get("price"))
        return f"Filled: {details.get('action')} {shares} {event.symbol} at {price}"
    if event.kind == "order":
        why = details.get("message") or details.get("status")
        return f"Order rejected: {details.get('action')} {event.symbol}: {why}"
    if event.kind in ("halt", "resume"):
        word = "Trading is halted" if event.kind == "halt" else "Trading goes on"
        return f"{word}, by {details.get('by')}: {details.get('reason') or 'no reason given'}"
    if event.kind == "session":
        why = " ".join(str(each) for each in (details.get("cause"), details.get("remedy")) if each)
        return f"The session is {details.get('state')}. {why}".strip()
    state = "waits for a person" if _waits(event) else str(details.get("state"))
    by = f" by {details['by']}" if details.get("by") else ""
    why = " ".join(str(details[each]) for each in ("summary", "reason") if details.get(each))
    return f"Approval of {event.key}: {state}{by}. {why}".strip()


def _alert(event: SessionEvent) -> str:
    details = event.details
    values = [f"{name} {_number(details[name])}" for name in VALUES if details.get(name) is not None]
    state = details.get("state")
    known: dict[str, Any] = state if isinstance(state, dict) else {}
    values += [f"{name} {known[name]}" for name in STATE if known.get(name) is not None]
    about = " of ".join(filter(None, (str(details.get("event")), event.symbol)))
    note = f" Note: {details['note']}" if details.get("note") else ""
    return f"Alert: {about}, {', '.join(values) or 'it has come'}.{note}"


def _number(value: Any) -> str:
    return f"{value:,.10g}" if isinstance(value, (int, float)) else str(value)
