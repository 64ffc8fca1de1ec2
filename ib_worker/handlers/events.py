"""Handlers behind the tools about events."""

from datetime import datetime

import msgspec

from bridge.bus.controls.approval_events import approval_draft
from bridge.bus.events.event import SessionEvent
from bridge.bus.server.request import RequestContext
from bridge.conditions import watch_id
from bridge.tool import ToolError
from bridge.tools.events import GetApprovalState, GetOrderState, KeepWatches, WatchesKept
from bridge.tools.types import Happened
from ib_worker.alerts.clocks import milliseconds
from ib_worker.alerts.registration import new_watch
from ib_worker.events.order_events import state_event
from ib_worker.handlers.dispatch import handles
from ib_worker.handlers.order_lookup import require_order
from ib_worker.session.session import Session, utcnow
from ib_worker.session.sync import refresh
from ib_worker.watches.table import LINGER_MS


@handles(GetOrderState)
async def get_order_state(request: GetOrderState, session: Session) -> Happened:
    """Read the order as ibkr_get_order does."""
    entry = await require_order(session, 0, request)
    await refresh(session, entry)
    event = state_event(entry.state, entry.key, session.now())
    return _told(event, session.now())


@handles(GetApprovalState)
async def get_approval_state(request: GetApprovalState, session: Session) -> Happened:
    """Raises ToolError not_found where nothing waits under the key, so that nobody waits for it in vain."""
    now = await session.services.approvals.state(request.orderKey)
    if now.state == "none":
        raise ToolError(
            "not_found",
            f"No live order waits for approval under {request.orderKey}: it never did, its time is over, or the kill "
            "switch was set since. Call the order's tool again with this idempotencyKey, then wait.",
        )
    at = session.now()
    draft = approval_draft(request.orderKey, now.state, now.by, at, now.reason, now.summary)
    return _told(draft.event, at)


def _told(event: SessionEvent, at: datetime) -> Happened:
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


@handles(KeepWatches)
async def keep_watches(request: KeepWatches, session: Session, asked: RequestContext) -> WatchesKept:
    """Keep a watch for each condition, so that the same condition of another wait shares it."""
    table = session.services.watches
    until_ms = milliseconds(utcnow()) + LINGER_MS
    kept = []
    for each in request.events:
        id = watch_id(asked.caller, each)
        watch = table.get(id) or await new_watch(session, id, asked.caller, "wait", [each])
        kept.append(await table.keep(msgspec.structs.replace(watch, until_ms=until_ms)))
    return WatchesKept(watches=[each.id for each in kept])
