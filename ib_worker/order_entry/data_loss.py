"""Compares Redis with the watermark and with IBKR before writes are accepted, and sets the kill switch if Redis has
less."""

from collections.abc import Collection
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Protocol

import msgspec
import structlog

from bridge.audit_chain import AuditEntry as Line
from bridge.bus.controls.audit_log import read_back
from bridge.bus.identity.sign_ins import void_identities
from bridge.bus.server.request import retry_until_answered
from bridge.bus.server.server import BusServer
from bridge.bus.transport.errors import Fenced
from bridge.order_references import is_ours
from bridge.tool import ToolError
from ib_worker.order_entry.lookup import PLACED
from ib_worker.risk.circuit_breakers import apply_trips
from ib_worker.session.session import Session, utcnow

FIRST_ORDER_ID = 1  # what a gateway tells a client that has never placed an order
NEWEST = 1_000  # lines of the log whose intents are held against the records
RECENT = timedelta(days=6)  # records are kept for seven

log = structlog.get_logger("ib_worker.order_entry.data_loss")


class UnansweredOrders(Protocol):
    """The reconciliation of orders that an earlier leader had accepted and never answered."""

    async def begin(self, in_hand: Collection[str]) -> None: ...

    async def look_again(self) -> None: ...


async def reconcile(bus: BusServer, session: Session, orders: UnansweredOrders) -> None:
    """Compare before writes are accepted: at the start of a term, and when Redis has lost data or went back to an older
    copy.

    Redis lacks data in three cases: it has less than the leaders of this machine knew (`bus.lease.loss`); it has no
    history, and this process has led before or IBKR has orders with our references; or it lacks an order that IBKR has.
    Orders that only raised the gateway's next order id may be those of another program, so they only cause a resync.
    """
    loss = bus.lease.loss
    if loss is not None:
        await _stop_trading(bus, session, str(loss))  # at once: the gateway may be away for hours
    await orders.begin(bus.keys_in_hand())
    if loss is None and (lack := await _lack(bus, session)):
        await _stop_trading(bus, session, lack)
    used = session.nextValidId > FIRST_ORDER_ID or bus.has_served or session.redis.data_loss is not None
    if used and not await bus.has_history():
        await orders.look_again()
    await _continue_log(session)  # also where an earlier leader ended in between


async def _lack(bus: BusServer, session: Session) -> str:
    """Return why Redis must have lost data, judged by the orders at IBKR; empty if nothing shows a loss."""
    own = [each.state for each in session.orders.tracker.all() if is_ours(each.state.orderRef)]
    if not await bus.has_history():
        return "Redis has lost its history" if own or bus.has_served else ""
    counted, session.redis.counted_ids = session.redis.counted_ids, None
    if counted is None:
        return ""  # this term's own ids are above it
    above = [each.orderId for each in own if each.clientId == session.clientId and each.orderId > counted]
    if above:
        return f"IBKR has order {max(above)} of this session, and Redis has counted only to {counted}"
    key = await _unrecorded(bus, session)
    return f"IBKR has the order of key {key}, and Redis has no record that it was accepted" if key else ""


async def _unrecorded(bus: BusServer, session: Session) -> str:
    """Return a key whose intent is in the audit log and whose order is at IBKR, while its record is older than its
    acceptance."""
    keys: set[str] = set()

    async def read() -> None:
        async for text in read_back(bus.pipe, bus.keys, NEWEST):
            try:
                line = msgspec.json.decode(text, type=Line)
            except (msgspec.DecodeError, UnicodeDecodeError):
                continue  # `audit verify` tells of it
            places = line.event == "intent" and line.tool in PLACED
            recent = utcnow() - datetime.fromisoformat(line.at) < RECENT
            if places and recent and session.orders.tracker.by_ref(line.orderRef) is not None:
                keys.add(line.key)

    await retry_until_answered(read)
    for key in sorted(keys):
        if not await _recorded(bus, key):
            return key
    return ""


async def _recorded(bus: BusServer, key: str) -> bool:
    found: list[bool] = []

    async def read() -> None:
        found[:] = [await bus.records.is_taken(key)]

    await retry_until_answered(read)
    return found[0] or key in bus.keys_in_hand()


async def _stop_trading(bus: BusServer, session: Session, why: str) -> None:
    """Set the kill switch, first in its earlier form, then let Redis continue above the watermark.

    Sign-ins of operators are void: one that was ended may be back."""
    log.error("trading_halted_for_data_loss", why=why)
    session.redis.data_loss = why
    session.state_changes.heartbeat_due.set()
    known = bus.watermark.known

    async def restore() -> None:
        if known.halt is not None:
            await bus.halt(known.halt.level, known.halt.by, known.halt.reason)
        await void_identities(bus.pipe, bus.keys)

    await retry_until_answered(restore)
    session.services.breakers.lost_data(why)
    await apply_trips(bus.halt, session.services.breakers)
    await bus.rebase()
    session.redis.halted_for_loss = bus.watermark.known.halt is not None
    await _continue_log(session)


async def _continue_log(session: Session) -> None:
    """Write an entry where the log was cut, if it was cut; no other entry is written before. Redis may go back once
    more."""
    with suppress(Fenced, ToolError):
        await retry_until_answered(session.services.audit.go_on)
