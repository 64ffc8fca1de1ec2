"""Reads the state of the account anew: a session is ready only after all of it has come with its end markers."""

import asyncio
import logging
from collections.abc import Coroutine, Hashable
from typing import Any, TypeVar

from ib_worker import standing
from ib_worker.errors import RequestRefused, is_read_only
from ib_worker.ledger import Entry
from ib_worker.order_events import Vanished
from ib_worker.receiver import COMPLETED_ORDERS, OPEN_ORDERS, POSITIONS
from ib_worker.session import SendKind, Session, utcnow
from ib_worker.standing import Failure

T = TypeVar("T")

log = logging.getLogger("ib_worker.sync")


async def synchronize(session: Session, within_s: float) -> None:
    """Positions, orders and executions; then the session is ready, or its link is down. Raises Failure."""
    session.record.set(standing.SYNCING)
    session.orders_readable = True
    session.unread.clear()
    await _in_time("positions", session.ask_kind(POSITIONS, lambda wire: wire.reqPositions()), within_s)
    await look(session, within_s)
    wire = session.require_connection()
    wire.skip_ids(session.order_messages.highest)
    if session.link.down_by is None:
        session.record.ready()
        log.info("the session is ready, at server version %s", wire.greeted)
    else:
        session.record.set(standing.LINK_DOWN, session.link.down_by)


async def look(session: Session, within_s: float) -> None:
    """A full look at the orders: what was open, and is nowhere in it, is unknown from now on. Raises Failure."""
    expected = session.ledger.open()
    seen: set[Entry | None] = set()
    for what, ask in (
        ("open orders", _own_open_orders),
        ("open orders", all_open_orders),
        ("completed orders", _completed_orders),
        ("executions", _executions),
    ):
        seen.update(await _in_time(what, ask(session), within_s))
    if session.orders_readable:
        session.ledger.reconcile(expected, seen, Vanished(utcnow()))


async def _in_time(what: str, asked: Coroutine[Any, Any, T], within_s: float) -> T:
    try:
        async with asyncio.timeout(within_s):
            return await asked
    except TimeoutError:
        raise Failure(standing.NO_SYNC, what) from None


async def _own_open_orders(session: Session) -> list[Entry | None]:
    """Those of this client, whose changes TWS then sends by itself."""
    return await _unless_read_only(session, OPEN_ORDERS, lambda wire: wire.reqOpenOrders(), "own")


async def all_open_orders(session: Session) -> list[Entry | None]:
    version = session.ledger.placed
    return await _unless_read_only(session, OPEN_ORDERS, lambda wire: wire.reqAllOpenOrders(), version)


async def _completed_orders(session: Session) -> list[Entry | None]:
    return await _unless_read_only(session, COMPLETED_ORDERS, lambda wire: wire.reqCompletedOrders(False))


async def _executions(session: Session) -> list[Entry | None]:
    return [each.entry for each in await session.ask_executions()]


async def _unless_read_only(
    session: Session, kind: str, send: SendKind, version: Hashable = None
) -> list[Entry | None]:
    """A gateway whose API is read-only refuses to list orders; positions and prices are to be had all the same."""
    if not session.orders_readable:
        return []
    try:
        found: list[Entry | None] = await session.ask_kind(kind, send, version)
    except RequestRefused as refused:
        if not is_read_only(refused.code, refused.text):
            raise
        session.orders_readable = False
        return []
    return found
