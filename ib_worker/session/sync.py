"""Reads the state of the account: a session is ready only after every list has arrived with its end marker."""

import asyncio
import time
from collections.abc import Coroutine, Hashable
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import Any, NoReturn, TypeVar

import structlog

from bridge.runtime import heap
from bridge.tool import ToolError
from bridge.tools.types import OrderNameArguments
from ib_worker.orders.events import NotListed
from ib_worker.orders.tracker import TrackedOrder
from ib_worker.session.session import Session, utcnow
from ib_worker.session.wrapper import ListedExecution
from ib_worker.session_state import state as standing
from ib_worker.session_state.state import ConnectFailed
from ib_worker.tws.client import REQUEST_S, SendKind
from ib_worker.tws.errors import ConnectionLost, TwsError, is_read_only
from ib_worker.tws.requests import COMPLETED_ORDERS, OPEN_ORDERS, POSITIONS, Keep

T = TypeVar("T")

log = structlog.get_logger("ib_worker.session.sync")


async def synchronize(session: Session, silence_s: float) -> None:
    """Read positions, orders and executions; then the session is ready, or its link is down. Raises ConnectFailed if a
    list has no end marker and nothing of it arrives for `silence_s`."""
    session.state.set(standing.SYNCING)
    session.orders.readable = True
    session.orders.unread.clear()
    await _in_time("positions", read_positions(session, silence_s))
    session.orders.sync_complete = await resync_orders(session, silence_s)
    if session.positions.any_unshown:  # fills that the look has told of, of before the positions were told or after
        await _in_time("positions", read_positions(session, silence_s))
    heap.keep()
    wire = session.tws.require_connection()
    wire.skip_ids(session.orders.tracker.highest_id)  # so that an error's id never means a request and an order
    if session.link.down_by is None:
        session.state.ready()
        log.info("session_ready", server_version=wire.greeted)
    else:
        session.state.set(standing.LINK_DOWN, session.link.down_by)


async def read_positions(session: Session, silence_s: float = REQUEST_S) -> None:
    """Read all positions: afterwards they include every fill that was known before."""
    await session.tws.request_list(
        POSITIONS, partial(_ask_positions, session), version=session.positions.fills, silence_s=silence_s
    )
    session.orders.as_of["positions"] = session.now()


def _ask_positions(session: Session, wire: Any) -> None:
    session.positions.asked()
    wire.reqPositions()


async def resync_once(session: Session) -> bool:
    """Resync once for all callers that wait now. A resync may take long as long as messages arrive: with a limit on its
    total time, none would ever end at a slow gateway."""

    async def in_turn() -> bool:
        timing = session.order_timing
        await asyncio.sleep(max(session.orders.resynced_at + timing.resync_gap_s - time.monotonic(), 0))
        return await resync_orders(session, timing.list_silence_s)

    counts: bool = await session.tws.share_at_length("look", in_turn)
    return counts


async def try_resync(session: Session) -> bool:
    """Resync, and return whether the resync was complete. The caller keeps the deadline."""
    with suppress(ConnectFailed, ConnectionLost, TwsError, TimeoutError, ToolError):
        return await resync_once(session)
    return False


async def resync_for_missing(session: Session) -> NoReturn:
    """Resync for as long as an order is missing from a list, or has an error of open meaning, without a request for it.
    Never returns."""
    while True:
        await asyncio.sleep(session.order_timing.looks_apart_s)
        await session.until_ready()
        tracker = session.orders.tracker
        open_here = (each.state for each in tracker.open() if each.gateway == tracker.gateway)
        if any(each.misses or each.said is not None for each in open_here):
            await try_resync(session)


async def find_or_resync(session: Session, orderId: int, named: OrderNameArguments) -> TrackedOrder | None:
    """Return the order that a call names. Resync before an unknown order is reported as missing, since a message may
    have been lost while the orders were read. Raises ToolError not_ready."""
    entry = session.orders.find_order(orderId, named)
    if entry is None and session.orders.tracker.known:
        await _looked_soon(session)
        entry = session.orders.find_order(orderId, named)
    return entry


async def explained(session: Session, entry: TrackedOrder) -> None:
    """Resync at once for the meaning of an error or notice about an order. The meaning stays open without a complete
    resync that began after it."""
    said = entry.state.said
    with suppress(TimeoutError):
        async with asyncio.timeout(session.order_timing.list_wait_s):
            while said is not None and entry.state.said is said and not _looked_since(session, said.at):
                if not await try_resync(session):
                    return


def _looked_since(session: Session, at: datetime) -> bool:
    return session.orders.resync_began is not None and session.orders.resync_began >= at


async def refresh(session: Session, entry: TrackedOrder) -> None:
    """Resync for an order of another client: TWS sends changes only to the client that placed the order."""
    if entry.state.clientId != session.clientId and not entry.state.done:
        await _looked_soon(session)


async def listed_soon(session: Session) -> None:
    """Request the open orders of all clients: the list corrects the known orders. Without an answer in time they
    stay."""
    with suppress(ConnectionLost, TwsError, TimeoutError, ToolError):
        async with asyncio.timeout(session.order_timing.list_wait_s):
            await all_open_orders(session, session.order_timing.list_wait_s)


async def _looked_soon(session: Session) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(session.order_timing.list_wait_s):
            await try_resync(session)


async def resync_orders(session: Session, silence_s: float) -> bool:
    """Read all order lists: an open order that none of them contains is unknown from now on. Return whether the resync
    was complete: a gateway without its link to IBKR or with a read-only API may not list all orders, and a message that
    could not be decoded may have shown any. Raises ConnectFailed, or ConnectionLost if the connection has changed
    meanwhile."""
    wire, link, began = session.tws.require_connection(), session.link, utcnow()
    losses, down, misread = link.losses, link.down_by is not None, session.orders.misread
    expected = session.orders.tracker.open()
    asked = frozenset(expected)
    seen: set[TrackedOrder | None] = set()

    def entry(found: TrackedOrder | ListedExecution | None) -> TrackedOrder | None:
        """Keep only the known order of a list entry: a day may have twenty thousand entries."""
        one = found.entry if isinstance(found, ListedExecution) else found
        return one if one in asked else None

    for what, ask in (
        ("open orders", _own_open_orders),
        ("open orders", all_open_orders),
        ("completed orders", completed_orders),
        ("executions", _executions),
    ):
        seen.update(await _in_time(what, ask(session, silence_s, entry)))
        session.orders.as_of[what] = session.now()
    if session.tws.wire is not wire:
        raise ConnectionLost("the gateway was another one in between")
    whole = (link.losses, session.orders.misread) == (losses, misread)
    counts = session.orders.readable and not down and whole
    if session.orders.readable:
        session.orders.tracker.reconcile(expected if counts else [], seen, NotListed(utcnow(), began))
    session.orders.resynced_at = time.monotonic()
    if counts:
        session.orders.resync_began = began
    return counts


async def _in_time(what: str, asked: Coroutine[Any, Any, T]) -> T:
    try:
        return await asked
    except TimeoutError:
        raise ConnectFailed(standing.NO_SYNC, what) from None


async def _own_open_orders(session: Session, silence_s: float, keep: Keep) -> list[TrackedOrder | None]:
    """Request the open orders of this client; TWS then sends their changes without a request."""

    def ask(wire: Any) -> None:
        session.orders.tracker.open_list.begin(utcnow())
        wire.reqOpenOrders()

    return await _unless_read_only(session, OPEN_ORDERS, ask, "own", silence_s, keep)


async def all_open_orders(
    session: Session, silence_s: float = REQUEST_S, keep: Keep | None = None
) -> list[TrackedOrder | None]:
    def ask(wire: Any) -> None:
        session.orders.tracker.open_list.begin(utcnow())
        wire.reqAllOpenOrders()

    tracker = session.orders.tracker
    version = (tracker.placed, tracker.errors)  # what TWS says of an order makes an older answer stale
    return await _unless_read_only(session, OPEN_ORDERS, ask, version, silence_s, keep)


async def todays_executions(session: Session) -> list[ListedExecution]:
    """Return today's executions as TWS lists them, of all accounts; callers share one request."""
    listed: list[ListedExecution] = await session.tws.share(
        ("executions", session.orders.tracker.placed),
        partial(session.caches.executions.read, session.tws.ask_executions),
    )
    return listed


async def completed_orders(
    session: Session, silence_s: float = REQUEST_S, keep: Keep | None = None
) -> list[TrackedOrder | None]:
    return await _unless_read_only(
        session, COMPLETED_ORDERS, lambda wire: wire.reqCompletedOrders(False), None, silence_s, keep
    )


async def _executions(session: Session, silence_s: float, keep: Keep) -> list[TrackedOrder | None]:
    return await session.tws.ask_executions(silence_s, keep)


async def _unless_read_only(
    session: Session, kind: str, send: SendKind, version: Hashable, silence_s: float, keep: Keep | None
) -> list[TrackedOrder | None]:
    """Return the list, or an empty one from a gateway whose API is read-only: it lists no orders, but positions and
    prices."""
    if not session.orders.readable:
        return []
    try:
        found: list[TrackedOrder | None] = await session.tws.request_list(kind, send, version, silence_s, keep)
    except TwsError as refused:
        if not is_read_only(refused.code, refused.text):
            raise
        session.orders.readable = False
        return []
    return found
