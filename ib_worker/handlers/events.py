"""Handlers behind the tools about events."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta

import msgspec

from bridge.bus.controls.approval_events import approval_draft
from bridge.bus.events.event import SessionEvent
from bridge.bus.server.request import RequestContext
from bridge.conditions import ENDING, Endings, require_own_alert, watch_id
from bridge.tool import ToolError
from bridge.tools.events import (
    AlertCancelled,
    AlertList,
    AlertReport,
    AlertState,
    CancelAlert,
    CreateAlert,
    GetAlerts,
    GetAlertState,
    GetApprovalState,
    GetOrderState,
    KeepWatches,
    MarkAlertTold,
    WaitCondition,
    WatchesKept,
)
from bridge.tools.types import Happened
from ib_worker.alerts.clocks import milliseconds
from ib_worker.alerts.registration import new_watch
from ib_worker.alerts.reports import active_message, alert_report, creation_message
from ib_worker.events.order_events import state_event
from ib_worker.handlers.dispatch import handles
from ib_worker.handlers.order_lookup import require_order
from ib_worker.orders.history import Source
from ib_worker.orders.state import FILLED
from ib_worker.orders.tracker import TrackedOrder
from ib_worker.session.session import Session, utcnow
from ib_worker.session.sync import refresh, todays_executions
from ib_worker.tws.errors import TwsError
from ib_worker.tws.values import unset
from ib_worker.watches.table import LINGER_MS

FILLS_S = 2.0  # for the times of an order's fills
LISTS: frozenset[Source] = frozenset({"completedOrder", "vanished", "open order list"})  # tell an end after it was


@handles(GetOrderState)
async def get_order_state(request: GetOrderState, session: Session) -> Happened:
    """Read the order as ibkr_get_order does."""
    entry = await require_order(session, 0, request)
    await refresh(session, entry)
    return _told(state_event(entry.state, entry.key, session.now()), await _since(session, entry))


async def _since(session: Session, entry: TrackedOrder) -> datetime | None:
    """Return since when the order's state holds: the latest fill's time by TWS, or when TWS told the order's end. None
    where TWS has told the end in a list alone, after it."""
    state = entry.state
    if state.done and state.status != FILLED:
        at = state.ended_at
        listed = any(each.at == at and each.source in LISTS for each in state.life)
        return at + entry.ahead if at is not None and not listed else None
    if not state.filled:
        return None
    with suppress(TimeoutError, TwsError, ToolError):
        async with asyncio.timeout(FILLS_S):
            fills = await todays_executions(session)
        times = [unset.execution_time(each.execution.time) for each in fills if each.entry is entry]
        return max((each for each in times if each is not None), default=None)
    return None


@handles(GetApprovalState)
async def get_approval_state(request: GetApprovalState, session: Session, context: RequestContext) -> Happened:
    """Raises ToolError not_found where nothing waits under the key, so that nobody waits for it in vain, and forbidden
    where another client's order waits."""
    owner = await session.services.approvals.owner(request.orderKey)
    if owner not in ("", context.caller):
        raise ToolError("forbidden", f"orderKey: {request.orderKey} is another client's. Give a key of your own.")
    now = await session.services.approvals.state(request.orderKey)
    if now.state == "none":
        raise ToolError(
            "not_found",
            f"No live order waits for approval under {request.orderKey}: it never did, its time is over, or the kill "
            "switch was set since. Call the order's tool again with this idempotencyKey, then wait.",
        )
    at = session.now() - timedelta(milliseconds=now.age_ms)
    draft = approval_draft(request.orderKey, now.state, now.by, at, now.reason, now.summary)
    return _told(draft.event, at)


def _told(event: SessionEvent, at: datetime | None) -> Happened:
    return Happened(
        kind=event.kind,
        time=at,
        symbol=event.symbol,
        orderKey=event.key or None,
        orderRef=event.orderRef or None,
        orderId=event.orderId,
        permId=event.permId,
        account=event.account or None,
        conId=event.conId,
        details=event.details,
    )


@handles(GetAlertState)
async def get_alert_state(request: GetAlertState, session: Session, context: RequestContext) -> AlertState:
    """Raises ToolError not_found for an alert that can't fire and did not within a day, and forbidden for another
    client's. The firing that it returns is in the log already."""
    return await _state(request.alertId, session, context)


async def _state(alertId: str, session: Session, context: RequestContext) -> AlertState:
    require_own_alert(alertId, context.caller)
    table = session.services.watches
    await table.written()
    watch = table.alert(alertId)
    if watch is None or watch.principal != context.caller:
        raise ToolError(
            "not_found",
            f"alertId: there is no alert {alertId}. It was cancelled, has expired, fired over a day ago or "
            "never was. ibkr_get_alerts lists yours.",
        )
    seen = watch.told is not None and table.may_see(context.caller, watch.told.account)
    if watch.told is None or not seen:
        return AlertState(fired=None)
    fired = _told(watch.told, datetime.fromisoformat(watch.told.time))
    return AlertState(fired=fired, untold=watch.mode == "fired" and not watch.heard)


@handles(MarkAlertTold)
async def mark_alert_told(request: MarkAlertTold, session: Session, context: RequestContext) -> AlertState:
    """An alert that was created anew and fired since is not marked: nobody has told that firing."""
    now = await _state(request.alertId, session, context)
    if now.fired is not None and now.fired.time == datetime.fromisoformat(request.time):
        await session.services.watches.hear(request.alertId)
    return await _state(request.alertId, session, context)


@handles(KeepWatches)
async def keep_watches(request: KeepWatches, session: Session, context: RequestContext) -> WatchesKept:
    """Keep a watch for each condition, so that the same condition of another wait shares it."""
    table = session.services.watches
    until_ms = milliseconds(utcnow()) + LINGER_MS
    kept = []
    for each in request.events:
        id = watch_id(context.caller, each)
        watch = table.get(id) or await new_watch(session, id, context.caller, "wait", [each])
        kept.append(await table.keep(msgspec.structs.replace(watch, until_ms=until_ms)))
    return WatchesKept(watches=[each.id for each in kept], levels=[active_message(each, session) for each in kept])


@handles(CreateAlert)
async def create_alert(request: CreateAlert, session: Session, context: RequestContext) -> AlertReport:
    _require_known(request.targets, session)
    until_ms = _until_ms(request.expires_at, session)
    for each in request.events:
        require_own_alert(each.alertId, context.caller)
    terms = repr((request.repeat, request.expires_at, request.targets, request.note))
    id = watch_id(context.caller, *request.events, kind="alert", terms=terms)
    table = session.services.watches
    known, vain = table.get(id), _in_vain(request.events, session)
    if known is not None:
        said = ("There already, and unchanged.", creation_message(known, session), vain)
        return alert_report(known, session, " ".join(filter(None, said)))
    start = await table.newest()
    watch = await new_watch(
        session,
        id,
        context.caller,
        "repeat" if request.repeat else "once",
        request.events,
        until_ms=until_ms,
        targets=request.targets,
        note=request.note or "",
        read=start.number,
        cursor=str(start),
    )
    figures = await table.first_figures(watch)
    kept = await table.keep(watch)
    table.figures.update(figures)
    return alert_report(kept, session, " ".join(filter(None, (creation_message(kept, session), vain))))


def _in_vain(events: Sequence[WaitCondition], session: Session) -> str:
    """Return which of the events come no more, since their order has ended: an alert tells what comes after it."""
    told, accounts = [], session.account_set(None)
    for each in events:
        if each.event not in ENDING or (each.orderKey is None and each.permId is None):
            continue
        entry = session.orders.find_order(0, GetOrderState(orderKey=each.orderKey, permId=each.permId))
        if entry is None or entry.state.terms.account not in accounts:
            continue
        event, endings = state_event(entry.state, entry.key, session.now()), Endings([each])
        endings.take(event, {"kind": event.kind, "details": event.details})
        if endings.complete:
            told.append(f"{endings.told()} It does not fire this alert.")
    return " ".join(told)


@handles(GetAlerts, always=True)
async def get_alerts(_: GetAlerts, session: Session, context: RequestContext) -> AlertList:
    table = session.services.watches
    await table.loaded.wait()
    own = [each for each in (*table.all(), *table.fired()) if each.mode != "wait" and each.principal == context.caller]
    own.sort(key=lambda each: (each.created_ms, each.id))
    alerts = [
        alert_report(each, session, "" if each.mode == "fired" else active_message(each, session)) for each in own
    ]
    return AlertList(count=len(alerts), truncated=False, alerts=alerts, targets=_names(session))


@handles(CancelAlert)
async def cancel_alert(request: CancelAlert, session: Session, context: RequestContext) -> AlertCancelled:
    require_own_alert(request.alertId, context.caller)
    table = session.services.watches
    await table.loaded.wait()
    watch = table.get(request.alertId)
    if watch is None or watch.mode == "wait":
        return AlertCancelled(
            alertId=request.alertId, cancelled=False, message="There is none: it has fired, expired or was cancelled."
        )
    await table.remove(request.alertId)
    return AlertCancelled(alertId=request.alertId, cancelled=True)


def _require_known(targets: list[str], session: Session) -> None:
    """Raises ToolError for a target that the operator has not set. An address is none: only the operator has those."""
    known = _names(session)
    if unknown := [each for each in targets if each not in known]:
        has = f"It has {', '.join(known)}." if known else "It has none: the operator sets them in ALERT_TARGETS."
        raise ToolError("invalid_arguments", f"targets: this worker has no {', '.join(unknown)}. {has}")


def _names(session: Session) -> list[str]:
    return [each.name for each in session.settings.alert_targets]


def _until_ms(written: str | None, session: Session) -> int | None:
    """Return when an alert ends, by this machine's clock. Raises ToolError for a time that is over."""
    if written is None:
        return None
    try:
        at = datetime.fromisoformat(written)
    except ValueError as wrong:
        raise ToolError("invalid_arguments", f"expires_at: {written} is no time: {wrong}.") from None
    now = session.now()
    if at <= now:
        raise ToolError(
            "invalid_arguments", f"expires_at: {written} is over: it is {now.isoformat(timespec='seconds')}."
        )
    return milliseconds(at - session.clock.ahead)
