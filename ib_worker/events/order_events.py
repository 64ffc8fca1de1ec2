"""The events of an order in the session's log: each new state, each execution, each commission. Pure."""

from datetime import datetime, timedelta
from typing import Any

from bridge.bus.events.event import EventDraft, EventKind, SessionEvent
from bridge.order_references import is_ours
from bridge.text.contract_name import contract_name
from ib_worker.orders.events import CHANGING, Commission, ErrorReported, Event, Fill, NotListed, Sent, Terms
from ib_worker.orders.state import UNKNOWN, OrderState


def order_drafts(state: OrderState, key: str | None, event: Event, ahead: timedelta) -> list[EventDraft]:
    """Return what an event of an order adds to the log; `state` is the order's after it."""
    at = event.at + ahead
    if isinstance(event, Commission):
        return [_commission(state, key, event, at)]
    drafts = [_execution(state, key, event, at)] if isinstance(event, Fill) else []
    return [*drafts, _state(state, key, at)] if _tells(state, event) else drafts


def _tells(state: OrderState, event: Event) -> bool:
    """Tell whether the state is worth an event: `unknown` is one where the order was just sent, or is not at IBKR."""
    return state.status != UNKNOWN or isinstance(event, Sent) or (isinstance(event, NotListed) and state.not_found)


def _state(state: OrderState, key: str | None, at: datetime) -> EventDraft:
    said = _refusal(state)
    terms = (getattr(state.terms, name) for name in CHANGING)
    told = (state.status, state.not_found, *terms, said and (said.code, said.text))
    return EventDraft(f"order {_name(state)}", repr(told), state_event(state, key, at), progress=state.filled)


def state_event(state: OrderState, key: str | None, at: datetime) -> SessionEvent:
    """Return the event of the state that an order has at this time."""
    terms = {name: getattr(state.terms, name) for name in CHANGING}
    said = _refusal(state)
    details = {
        "action": state.terms.action,
        **terms,
        "status": state.status,
        "done": state.done,
        "filled": state.filled,
        "remaining": state.remaining,
        "avgFillPrice": state.avgFillPrice,
        "rejected": state.rejected is not None,
        "not_found": state.not_found,
        "code": said.code if said else None,
        "message": said.text if said else None,
    }
    return _event("order", state, key, at, details)


def _execution(state: OrderState, key: str | None, fill: Fill, at: datetime) -> EventDraft:
    """A correction of an execution is an event of its own, with the same trade."""
    details = {
        "execId": fill.execId,
        "action": state.terms.action,
        "shares": fill.shares,
        "price": fill.price,
        "cumQty": fill.cumQty,
        "avgPrice": fill.avgPrice,
        "corrected": fill.version > 1,
    }
    event = _event("execution", state, key, at, details)
    return EventDraft(f"execution {fill.trade}", fill.execId, event, progress=fill.version)


def _commission(state: OrderState, key: str | None, report: Commission, at: datetime) -> EventDraft:
    details = {
        "execId": report.execId,
        "commission": report.commission,
        "currency": report.currency,
        "realizedPNL": report.realizedPNL,
    }
    event = _event("commission", state, key, at, details)
    return EventDraft(f"commission {report.trade}", repr(details), event)


def _event(kind: EventKind, state: OrderState, key: str | None, at: datetime, details: dict[str, Any]) -> SessionEvent:
    terms: Terms = state.terms
    return SessionEvent(
        kind=kind,
        time=at.isoformat(timespec="milliseconds"),
        key=key or "",
        orderRef=state.orderRef or "",
        orderId=state.orderId or None,
        permId=state.permId,
        clientId=state.clientId if state.orderId else None,  # TWS's archive has neither
        account=terms.account or "",
        conId=terms.contract.conId or None,
        symbol=contract_name(terms.contract),
        details=details,
    )


def _refusal(state: OrderState) -> ErrorReported | None:
    """Return what TWS said against the order, its change or its cancel."""
    return state.rejected or state.change_refused or state.cancel_refused


def _name(state: OrderState) -> str:
    """The order's name over restarts: our reference, else its first permId, else what TWS called it meanwhile."""
    if is_ours(state.orderRef):
        return str(state.orderRef)
    if state.permIds:
        return str(state.permIds[0])
    return f"{state.clientId}/{state.orderId}"
