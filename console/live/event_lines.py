"""Events and audit entries as one line of text each, as the pages show them. Pure."""

from collections.abc import Callable, Iterable
from typing import Any

from bridge.audit_chain import AuditEntry
from bridge.bus.events.event import SessionEvent
from bridge.text.plain_text import one_line

LONGEST = 300  # characters
IN_COLUMNS = frozenset({"at", "permId", "orderRef", "status"})  # fields of an entry's details that are beside them
QUIET = frozenset({"commission"})  # kinds that say nothing to who looks at a list of events


def news(events: Iterable[SessionEvent]) -> list[SessionEvent]:
    """Return the events that a person wants to see: of each order the last state alone, and of a fill its execution."""
    told, kept = set[str](), list[SessionEvent]()
    for event in events:
        of = event.orderRef or str(event.permId or event.orderId)
        if event.kind == "order" and (of in told or event.details.get("status") == "Filled"):
            told.add(of)
            continue
        if event.kind == "order":
            told.add(of)
        if event.kind not in QUIET:
            kept.append(event)
    return kept


def number(value: object) -> str:
    """Return a number with thousands apart and no needless zeros; a dash for None."""
    if not isinstance(value, int | float):
        return "–"
    written = f"{value:,.8f}".rstrip("0").rstrip(".")
    return written.replace("-", "−")


def price(value: object) -> str:
    """Return a price with at least two digits after the point; a dash for None."""
    written = number(value)
    whole, _, digits = written.partition(".")
    return f"{whole}.{digits.ljust(2, '0')}" if isinstance(value, int | float) else written


def event_text(event: SessionEvent) -> str:
    """Return what happened, in one line."""
    return one_line(_TEXTS[event.kind](event), LONGEST)


def event_tone(event: SessionEvent) -> str:
    """Return how the line is coloured: good, bad, ask or plain."""
    details = event.details
    if event.kind in ("halt", "data_loss") or details.get("rejected") or details.get("not_found"):
        return "bad"
    if event.kind == "session":
        return {"ready": "good", "connecting": "plain", "syncing": "plain"}.get(str(details.get("state")), "bad")
    if event.kind == "approval":
        return {"asked": "ask", "approved": "good"}.get(str(details.get("state")), "bad")
    if event.kind in ("execution", "resume") or details.get("status") == "Filled":
        return "good"
    return "ask" if event.kind == "alert" else "plain"


def _order(event: SessionEvent) -> str:
    told = event.details
    limit = next((f" at {price(told[name])}" for name in ("lmtPrice", "auxPrice") if told.get(name) is not None), "")
    terms = f"{told.get('action', '')} {number(told.get('totalQuantity'))} {event.symbol} {told.get('orderType', '')}"
    status = "not at IBKR" if told.get("not_found") else told.get("status", "")
    status = "sent" if status == "unknown" else status
    filled = f", {number(told['filled'])} filled" if told.get("filled") and status != "Filled" else ""
    return f"{terms}{limit}: {status}{filled}{_said(told)}"


def _said(told: dict[str, Any]) -> str:
    return f". TWS {told.get('code')}: {told['message']}" if told.get("message") else ""


def _execution(event: SessionEvent) -> str:
    told = event.details
    verb = {"BUY": "Bought", "SELL": "Sold"}.get(str(told.get("action")), "Traded")
    again = " (corrected)" if told.get("corrected") else ""
    return f"{verb} {number(told.get('shares'))} {event.symbol} at {price(told.get('price'))}{again}"


def _commission(event: SessionEvent) -> str:
    told = event.details
    return f"Commission {number(told.get('commission'))} {told.get('currency', '')} on {event.symbol}"


def _session(event: SessionEvent) -> str:
    told = event.details
    cause = f": {told['cause']}" if told.get("cause") else ""
    return f"Session {told.get('state', 'unknown')}{cause}"


def _halt(event: SessionEvent) -> str:
    return f"Kill switch set ({event.details.get('level')}) by {event.details.get('by')}: {_reason(event)}"


def _resume(event: SessionEvent) -> str:
    return f"Kill switch released by {event.details.get('by')}"


def _approval(event: SessionEvent) -> str:
    told = event.details
    state = str(told.get("state"))
    if state == "asked":
        return f"Waits for approval: {told.get('summary', '')}"
    reason = f": {told['reason']}" if told.get("reason") else ""
    by = f" by {told['by']}" if told.get("by") else ""
    return f"Approval {state}{by}{reason} ({event.key})"


def _alert(event: SessionEvent) -> str:
    told = event.details
    note = told.get("note") or ""
    figures = ", ".join(
        f"{name} {number(each) if isinstance(each, int | float) else each}"
        for name, each in told.items()
        if isinstance(each, int | float | str) and name not in ("note", "alertId", "principal", "watch")
    )
    return f"Alert {event.symbol} {note} {figures}"


def _data_loss(_: SessionEvent) -> str:
    return "Redis has lost data. Compare with IBKR before trading goes on."


def _reason(event: SessionEvent) -> str:
    return str(event.details.get("reason") or "no reason given")


_TEXTS: dict[str, Callable[[SessionEvent], str]] = {
    "order": _order,
    "execution": _execution,
    "commission": _commission,
    "session": _session,
    "halt": _halt,
    "resume": _resume,
    "approval": _approval,
    "alert": _alert,
    "data_loss": _data_loss,
}


def entry_text(entry: AuditEntry) -> str:
    """Return what an audit entry says beside its columns: the message, the terms, the answer of TWS."""
    told = entry.details
    if told.get("message"):
        return one_line(str(told["message"]), LONGEST)
    parts = [
        _terms(each) if name == "terms" and isinstance(each, dict) else f"{name} {_value(each)}"
        for name, each in told.items()
        if name not in IN_COLUMNS and each is not False and each not in (None, "", [], {})
    ]
    return one_line("; ".join(parts), LONGEST)


def _terms(terms: dict[str, Any]) -> str:
    """Return an order's terms as people write them."""
    contract = terms.get("contract")
    of = contract if isinstance(contract, dict) else {}
    names = ("lmtPrice", "auxPrice", "trailingPercent")
    prices = (f" {name} {number(terms[name])}" for name in names if terms.get(name) is not None)
    name = of.get("localSymbol") or of.get("symbol") or of.get("conId") or ""
    head = f"{terms.get('action', '')} {number(terms.get('totalQuantity'))} {name} {terms.get('orderType', '')}"
    return f"{head}{''.join(prices)} {terms.get('tif', '')}".strip()


def _value(value: object) -> str:
    if isinstance(value, dict):
        return " ".join(f"{name}={_value(each)}" for name, each in value.items() if each not in (None, "", [], {}))
    return number(value) if isinstance(value, float) else str(value)


def entry_tone(entry: AuditEntry) -> str:
    """Return how an entry's line is coloured."""
    if entry.event in ("refused", "halt", "data_loss") or "rejected" in entry.event:
        return "bad"
    return "good" if entry.event in ("fill", "resume") else "plain"
