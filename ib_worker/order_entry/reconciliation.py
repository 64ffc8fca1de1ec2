"""Resolves the orders that an earlier leader accepted and never answered, by the orders at IBKR."""

import asyncio
from collections.abc import Collection
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import Any

import msgspec
import structlog

from bridge.bus.messages import VERSION, Reply, encode_error, encode_reply
from bridge.bus.records.records import OrderRecord, RecordKeeper
from bridge.bus.records.take_over import EARLIER
from bridge.bus.server.request import retry_until_answered
from bridge.bus.transport.errors import Fenced, StaleRequest
from bridge.bus.transport.outage_log import Outage
from bridge.order_references import is_ours, order_ref
from bridge.tasks import cancel_and_wait
from bridge.tool import OPERATIONS, Model, ToolError
from bridge.tools.orders import (
    CancelAllOrders,
    CancelOrder,
    CancelReport,
    ClosePosition,
    ModifyOrder,
    PlaceBracketOrder,
    PlaceOrder,
)
from ib_worker.order_entry.bracket_report import bracket_report, exits_report
from ib_worker.order_entry.build import legs_of
from ib_worker.order_entry.group_changes import followers
from ib_worker.order_entry.lookup import PLACED, order_names, require_own_order, would_change
from ib_worker.order_entry.outcome import await_existence
from ib_worker.order_entry.outcome_texts import doubt_of_day, not_found, placement_report
from ib_worker.order_groups.group_report import grouped
from ib_worker.order_groups.related import legs
from ib_worker.orders.state import LOOKS
from ib_worker.orders.tracker import TrackedOrder
from ib_worker.session.session import Session, utcnow
from ib_worker.session.sync import try_resync
from ib_worker.session_state.state import ConnectFailed
from ib_worker.tws.errors import ConnectionLost, TwsError

FINAL = frozenset({"rejected", "read_only", "not_found", "not_confirmed"})  # all else speaks of a moment that passes
RETRY_S = 1.0

log = structlog.get_logger("ib_worker.order_entry.reconciliation")


def _shows(session: Session, entry: TrackedOrder, asked: CancelOrder | ModifyOrder) -> bool:
    """Return whether the order and its group are as the call requested."""
    if isinstance(asked, CancelOrder):
        placed = legs(session, asked.orderKey) if asked.orderKey is not None else []
        return all(each.state.done for each in (entry, *placed))
    return not would_change(entry, asked) and _followed(session, entry, asked)


def _followed(session: Session, entry: TrackedOrder, asked: ModifyOrder) -> bool:
    try:
        return not followers(session, entry, asked)
    except ToolError:
        return True  # it was refused, and the exits stand as they were


def _not_confirmed(how: str, **details: object) -> ToolError:
    return ToolError(
        "not_confirmed",
        f"The worker stopped or failed while it sent this, and IBKR does not show it: {how}. The worker does not "
        "send it again. Check ibkr_get_order, and call again with a new key if you still want it.",
        **details,
    )


class Reconciliation:
    """One reconciliation: `begin` starts it once the session is ready, and a task for each call answers as IBKR
    does."""

    def __init__(self, session: Session, records: RecordKeeper, token: int) -> None:
        self._session = session
        self._records = records
        self._token = token
        self._tasks: set[asyncio.Task[None]] = set()
        self._settling: set[str] = set()  # the keys of the tasks

    async def begin(self, in_hand: Collection[str] = ()) -> None:
        """Adopt every accepted order that is not in progress here: its leader can no longer answer it. An older copy of
        Redis may have one that this leader had answered. This waits while Redis is unavailable."""
        await self._session.until_ready()
        found: list[OrderRecord] = []

        async def read() -> None:
            found[:] = await self._records.unfinished()

        await retry_until_answered(read)
        for record in found:
            if record.key in in_hand:
                continue
            with suppress(Fenced, StaleRequest):
                await retry_until_answered(partial(self._records.adopt, record.key))
                if record.key not in self._settling:
                    self.settle(record)

    async def look_again(self) -> None:
        """Resync until one complete resync ends late enough after the synchronization: an order in transit is then in
        one of the two. Redis has lost the records that kept a key from placing twice."""
        session = self._session
        counted = False
        while not counted and session.orders.readable:  # a gateway that does not list orders takes none either
            await asyncio.sleep(session.order_timing.looks_apart_s)
            await session.until_ready()
            counted = await try_resync(session)

    def settle(self, record: OrderRecord) -> None:
        """Resolve a call and answer it. The record is ours: adopted, or of a handler that failed."""
        task = asyncio.create_task(self._settle(record), name=f"reconcile {record.key}")
        self._settling.add(record.key)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        await cancel_and_wait(self._tasks)

    async def _settle(self, record: OrderRecord) -> None:
        unsettled = self._session.orders.unsettled
        refs = {order_ref(record.key, leg) for leg in PLACED.get(record.request.op, ())}
        unsettled |= refs
        try:
            reply = await self._reply(record)
        finally:
            unsettled -= refs
        self._settling.discard(record.key)
        with suppress(Fenced, StaleRequest):
            await retry_until_answered(partial(self._records.finish, record.request, reply))
            log.info("order_settled", key=record.key)

    async def _reply(self, record: OrderRecord) -> bytes:
        """Return the final answer. This waits while something such as an unavailable gateway prevents it."""
        id, unsettled = record.request.id, Outage("order_not_settled")
        while True:
            try:
                found = await self._outcome(record)
                return encode_reply(Reply(VERSION, id, True, msgspec.Raw(found.model_dump_json().encode())))
            except ToolError as error:
                if error.code in FINAL:
                    return encode_error(id, error)
                unsettled.failed(error, key=record.key)
            except (ConnectFailed, ConnectionLost, TwsError, TimeoutError) as problem:
                unsettled.failed(problem, key=record.key)
            except Exception as fault:  # noqa: BLE001  # our fault leaves neither the task dead nor the key open
                unsettled.failed(fault, key=record.key, exc_info=True)
            await asyncio.sleep(RETRY_S)
            await self._session.until_ready()

    async def _outcome(self, record: OrderRecord) -> Model:
        """Return the answer that the call would have got. A cancel or a change is never sent again: if it did not take
        effect, the answer says so, and the caller may repeat the call. Raises ToolError."""
        asked: Any = OPERATIONS[record.request.op].request.model_validate_json(bytes(record.request.args))
        if isinstance(asked, (PlaceOrder, ClosePosition)):
            return placement_report(await self._placed(record))
        if isinstance(asked, PlaceBracketOrder):
            found = await asyncio.gather(*(self._leg(record, leg) for leg in legs_of(asked)))
            return exits_report(found, record.key) if asked.exitsOnly else bracket_report(found, record.key)
        if isinstance(asked, CancelAllOrders):
            return self._all_cancelled(asked)
        entry = await self._named(record, asked)
        with suppress(TimeoutError):
            async with asyncio.timeout(self._session.order_timing.recovery_wait_s):
                await entry.until(lambda _: _shows(self._session, entry, asked))
        if not _shows(self._session, entry, asked):
            if not self._session.state.standing.ready:  # it went while we waited: nobody knows how the order is
                raise self._session.state.standing.error()
            raise _not_confirmed(f"the order is {entry.state.status}", **order_names(entry))
        return grouped(self._session, entry, "The worker restarted meanwhile; this is the order as IBKR has it now.")

    def _all_cancelled(self, asked: CancelAllOrders) -> CancelReport:
        own, tracker = self._session.clientId, self._session.orders.tracker
        if not tracker.known:
            raise self._session.state.standing.error()
        left = [each for each in tracker.open() if asked.everyClient or each.state.clientId == own]
        if left:
            raise _not_confirmed(f"{len(left)} orders are open", orderIds=[each.state.orderId for each in left])
        return CancelReport(orders=[], message="No order is open any more.")

    async def _named(self, record: OrderRecord, asked: CancelOrder | ModifyOrder) -> TrackedOrder:
        """Return the order of a change or cancel, by the names that were recorded before its frame."""
        tracker = self._session.orders.tracker
        orderRef, permId = record.notes.get("orderRef"), record.notes.get("permId")
        entry = tracker.by_perm(int(permId) if permId else None) or tracker.by_ref(orderRef)
        if entry is not None:
            return entry
        if is_ours(orderRef):
            return await self._found(orderRef, record)
        return require_own_order(self._session, asked.orderId, asked)

    async def _leg(self, record: OrderRecord, leg: str) -> TrackedOrder | None:
        """Return one order of a bracket, or None if IBKR does not have it."""
        try:
            return await self._placed(record, leg)
        except ToolError as error:
            if error.code != "not_found":
                raise
            return None

    async def _placed(self, record: OrderRecord, leg: str = "") -> TrackedOrder:
        entry = await self._found(order_ref(record.key, leg), record)
        entry.key = record.key
        await await_existence(self._session, entry)
        return entry

    async def _found(self, orderRef: str, record: OrderRecord) -> TrackedOrder:
        """Return the order. Raises ToolError not_found once two complete order lists do not contain it, or
        not_confirmed if they may have missed it."""
        session, tracker = self._session, self._session.orders.tracker
        ours = record.token == self._token  # and not an earlier leader's, which the synchronization came after
        looks = int(session.orders.sync_complete and not ours)
        doubt = ""
        while (entry := tracker.by_ref(orderRef)) is None:
            doubt = doubt or self._doubt(record)
            if looks >= LOOKS:
                raise not_found(doubt, orderRef=orderRef)
            await asyncio.sleep(session.order_timing.looks_apart_s)
            await session.until_ready()
            looks += await try_resync(session)
        return entry

    def _doubt(self, record: OrderRecord) -> str:
        """Return why a resync now may miss the order though IBKR has it; empty if it cannot."""
        if EARLIER in record.notes:
            return "an earlier release sent it, and its record of the gateway is one that fronts could write"
        gateway = record.notes.get("gateway")
        if gateway not in (None, str(self._session.orders.tracker.gateway)):
            return f"it was sent over the gateway at {gateway}, and this is another one"
        return doubt_of_day(datetime.fromtimestamp(record.accepted_ms / 1000, UTC), utcnow())
