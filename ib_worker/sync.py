"""Reads the state of the account anew: a session is ready only after all of it has come with its end markers."""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

from ib_worker import standing
from ib_worker.errors import RequestRefused, is_read_only
from ib_worker.order_events import Vanished
from ib_worker.receiver import COMPLETED_ORDERS, OPEN_ORDERS, POSITIONS
from ib_worker.session import Session, utcnow
from ib_worker.standing import Failure

log = logging.getLogger("ib_worker.sync")


async def synchronize(session: Session, within_s: float) -> None:
    """Positions, orders and executions; then the session is ready, or its link is down. Raises Failure."""
    session.record.set(standing.SYNCING)
    session.orders_readable = True
    session.order_messages.look()
    for what, look in (
        ("positions", _positions),
        ("open orders", _open_orders),
        ("completed orders", _completed_orders),
        ("executions", _executions),
    ):
        try:
            async with asyncio.timeout(within_s):
                await look(session)
        except TimeoutError:
            raise Failure(standing.NO_SYNC, what) from None
    _synced(session)


def _synced(session: Session) -> None:
    if session.orders_readable:
        session.ledger.reconcile(session.order_messages.seen, Vanished(utcnow()))
    wire = session.require_connection()
    wire.skip_ids(session.order_messages.highest)
    if session.link.down_by is None:
        session.record.ready()
        log.info("the session is ready, at server version %s", wire.greeted)
    else:
        session.record.set(standing.LINK_DOWN, session.link.down_by)


async def _positions(session: Session) -> None:
    await session.ask_kind(POSITIONS, lambda wire: wire.reqPositions())


async def _open_orders(session: Session) -> None:
    """Those of this client, whose changes TWS then sends by itself, and those of everybody."""
    await _unless_read_only(session, session.ask_kind(OPEN_ORDERS, lambda wire: wire.reqOpenOrders()))
    if session.orders_readable:
        await _unless_read_only(session, session.ask_kind(OPEN_ORDERS, lambda wire: wire.reqAllOpenOrders()))


async def _completed_orders(session: Session) -> None:
    if session.orders_readable:
        look = session.ask_kind(COMPLETED_ORDERS, lambda wire: wire.reqCompletedOrders(False))
        await _unless_read_only(session, look)


async def _executions(session: Session) -> None:
    await session.ask_executions()


async def _unless_read_only(session: Session, look: Coroutine[Any, Any, Any]) -> None:
    """A gateway whose API is read-only refuses to list orders; positions and prices are to be had all the same."""
    try:
        await look
    except RequestRefused as refused:
        if not is_read_only(refused.code, refused.text):
            raise
        session.orders_readable = False
