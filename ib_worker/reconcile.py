"""Settles the orders that an earlier leader had accepted and never answered, by what IBKR knows of them."""

import asyncio
import logging
from contextlib import suppress
from typing import Any

import msgspec

from bridge.bus.envelopes import VERSION, Reply, encode_error, encode_reply
from bridge.bus.orders import Fenced, Gone, Record, Records
from bridge.orders import CancelAllOrders, Cancelled, CancelOrder, ModifyOrder, PlaceBracketOrder, PlaceOrder
from bridge.tool import OPERATIONS, Shape, ToolError
from ib_worker.errors import LinkLost, RequestRefused
from ib_worker.ledger import Entry, order_ref, report
from ib_worker.order_state import LOOKS, LOOKS_APART_S
from ib_worker.orders import LEGS, bracket_told, differs, names_of, own_order
from ib_worker.outcome import settled, told
from ib_worker.session import Session
from ib_worker.standing import Failure
from ib_worker.sync import look

PLACED = {"place_order": ("",), "place_bracket_order": LEGS}  # the legs that a call places

log = logging.getLogger("ib_worker.reconcile")


def _shows(entry: Entry, asked: CancelOrder | ModifyOrder) -> bool:
    """Whether the order is as the call wanted it."""
    if isinstance(asked, CancelOrder):
        return entry.state.done
    return not differs(entry, asked)


def _not_confirmed(how: str, **details: object) -> ToolError:
    return ToolError(
        "not_confirmed",
        f"The worker stopped while it sent this, and it does not show at IBKR: {how}. It is not sent again by itself. "
        "Look at ibkr_get_order, and ask anew, with a new key, if it is still wanted.",
        **details,
    )


class Reconciliation:
    """`begin` once the session has been read; the answers follow as IBKR gives them, each in a task of its own."""

    def __init__(self, session: Session, records: Records, token: int) -> None:
        self._session = session
        self._records = records
        self._token = token
        self._tasks: set[asyncio.Task[None]] = set()

    async def begin(self) -> None:
        """Make the orders of earlier leaders ours: those can't answer them any more."""
        await self._session.until_ready()
        for record in await self._records.unfinished():
            if record.token == self._token:
                continue  # in this leader's hands
            with suppress(Fenced, Gone):
                await self._records.adopt(record.key)
                task = asyncio.create_task(self._settle(record), name=f"reconcile {record.key}")
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        for each in self._tasks:
            each.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _settle(self, record: Record) -> None:
        id = record.request.id
        unsettled = self._session.unsettled
        refs = {order_ref(record.key, leg) for leg in PLACED.get(record.request.op, ())}
        unsettled |= refs
        try:
            found = await self._outcome(record)
            reply = encode_reply(Reply(VERSION, id, True, msgspec.Raw(found.model_dump_json().encode())))
        except ToolError as error:
            reply = encode_error(id, error)
        finally:
            unsettled -= refs
        with suppress(Fenced, Gone):
            await self._records.finish(record.request, reply)
            log.info("order %s of an earlier leader is settled", record.key)

    async def _outcome(self, record: Record) -> Shape:
        """The answer that the call would have got. A cancel or a change is never sent again: where it does not show,
        that is said, and whoever still wants it asks anew. Raises ToolError."""
        asked: Any = OPERATIONS[record.request.op].request.model_validate_json(bytes(record.request.args))
        if isinstance(asked, PlaceOrder):
            return told(await self._placed(record.key))
        if isinstance(asked, PlaceBracketOrder):
            legs = [await self._placed(record.key, leg) for leg in PLACED[record.request.op]]
            return bracket_told(legs, record.key)
        if isinstance(asked, CancelAllOrders):
            own = self._session.clientId
            left = [each for each in self._session.ledger.open() if asked.everyClient or each.state.clientId == own]
            if left:
                raise _not_confirmed(f"{len(left)} orders are open", orderIds=[each.state.orderId for each in left])
            return Cancelled(orders=[], message="No order is open any more.")
        entry = self._noted(record) or own_order(self._session, asked.orderId, asked)
        if not _shows(entry, asked):
            raise _not_confirmed(f"the order is {entry.state.status}", **names_of(entry))
        return report(entry, "The worker restarted meanwhile; this is the order as IBKR has it now.")

    def _noted(self, record: Record) -> Entry | None:
        """The order that a change or cancel was about, by the names that were noted before its frame."""
        ledger, permId = self._session.ledger, record.notes.get("permId")
        return ledger.by_ref(record.notes.get("orderRef")) or ledger.by_perm(int(permId) if permId else None)

    async def _placed(self, key: str, leg: str = "") -> Entry:
        entry = await self._found(order_ref(key, leg))
        entry.key = key
        await settled(self._session, entry)
        return entry

    async def _found(self, orderRef: str) -> Entry:
        """The order, or the certainty after two clean looks that IBKR does not have it. Raises ToolError."""
        session, ledger = self._session, self._session.ledger
        looks = 1  # that of the synchronization, which came before
        while (entry := ledger.by_ref(orderRef)) is None:
            if looks >= LOOKS:
                raise ToolError(
                    "not_found",
                    "The worker stopped in the moment of sending, and IBKR named the order in neither of two full "
                    "looks: it does not have it. To try again, use a new idempotencyKey.",
                    orderRef=orderRef,
                )
            await asyncio.sleep(LOOKS_APART_S)
            await session.until_ready()
            with suppress(Failure, LinkLost, RequestRefused, TimeoutError, ToolError):
                await session.share("look", lambda: look(session, LOOKS_APART_S))
                looks += 1
        return entry
