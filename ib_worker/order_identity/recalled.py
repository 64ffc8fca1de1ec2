"""The key and time of orders that an earlier worker placed, read from the audit log."""

from collections.abc import Iterable
from contextlib import suppress

from bridge.bus.transport.connection import BusError
from bridge.order_references import is_ours
from bridge.tool import ToolError
from ib_worker.orders.tracker import TrackedOrder
from ib_worker.session.session import Session


async def recall(session: Session, entries: Iterable[TrackedOrder]) -> None:
    """Look them up in one pass, once for each. What the log does not tell, or can't be asked for, stays unknown."""
    unknown = {each.state.orderRef or "": each for each in entries if _unknown(each)}
    if not unknown:
        return
    with suppress(BusError, ToolError):
        for placed in await session.services.history.placed(set(unknown)):
            entry = unknown[placed.orderRef]
            entry.key, entry.placed_at = entry.key or placed.key or None, placed.at
        for entry in unknown.values():
            entry.recalled = True


def _unknown(entry: TrackedOrder) -> bool:
    known = entry.state.sent_at is not None and entry.key is not None
    return is_ours(entry.state.orderRef) and not (known or entry.recalled)
