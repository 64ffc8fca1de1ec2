"""Handlers behind the tools about events."""

from bridge.tools.events import GetOrderState
from bridge.tools.types import Happened
from ib_worker.events.order_events import state_event
from ib_worker.handlers.dispatch import handles
from ib_worker.handlers.order_lookup import require_order
from ib_worker.session.session import Session
from ib_worker.session.sync import refresh


@handles(GetOrderState)
async def get_order_state(request: GetOrderState, session: Session) -> Happened:
    """Read the order as ibkr_get_order does."""
    entry = await require_order(session, 0, request)
    await refresh(session, entry)
    event = state_event(entry.state, entry.key, session.now())
    return Happened(
        kind=event.kind,
        time=session.now(),
        symbol=event.symbol,
        orderKey=event.key or None,
        orderRef=event.orderRef or None,
        orderId=event.orderId,
        permId=event.permId,
        account=event.account or None,
        conId=event.conId,
        details=event.details,
    )
