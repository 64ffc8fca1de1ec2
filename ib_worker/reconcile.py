"""Settles the orders that an earlier leader had accepted and never answered, by what IBKR knows of them."""

import asyncio
import logging
from contextlib import suppress
from typing import Any

import msgspec

from bridge.bus.envelopes import VERSION, Reply, encode_error, encode_reply
from bridge.bus.orders import Fenced, Gone, Record, Records
from bridge.orders import CancelOrder, PlaceOrder
from bridge.tool import OPERATIONS, ToolError
from bridge.values import OrderReport
from ib_worker.errors import LinkLost, RequestRefused
from ib_worker.ledger import Entry, report
from ib_worker.order_state import LOOKS, LOOKS_APART_S
from ib_worker.orders import order_ref, settled, told
from ib_worker.session import Session
from ib_worker.standing import Failure
from ib_worker.sync import look

log = logging.getLogger("ib_worker.reconcile")


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
        try:
            found = await self._outcome(record)
            reply = encode_reply(Reply(VERSION, id, True, msgspec.Raw(found.model_dump_json().encode())))
        except ToolError as error:
            reply = encode_error(id, error)
        with suppress(Fenced, Gone):
            await self._records.finish(record.request, reply)
            log.info("order %s of an earlier leader is settled", record.key)

    async def _outcome(self, record: Record) -> OrderReport:
        declared = OPERATIONS[record.request.op]
        asked: Any = declared.request.model_validate_json(bytes(record.request.args))
        if isinstance(asked, PlaceOrder):
            entry = await self._found(order_ref(record.key))
            entry.key = record.key
            await settled(self._session, entry)
            return told(entry)
        assert isinstance(asked, CancelOrder)
        cancelled = self._session.ledger.by_id(asked.orderId)
        if cancelled is None:
            raise ToolError("not_found", f"orderId: IBKR names no order {asked.orderId} of this session any more.")
        return report(cancelled, "The worker restarted meanwhile; this is the order as IBKR has it now.")

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
