"""An order's events as the audit log has them, also from before this worker led or the gateway started."""

import re
from collections.abc import AsyncIterator, Collection
from datetime import datetime
from typing import NamedTuple

import msgspec

from bridge.audit_chain import AuditEntry
from bridge.bus.controls.audit_index import NEWEST, find_entries, perm_name, read_entries, ref_name
from bridge.bus.controls.audit_log import read_back
from bridge.bus.keys import Keys
from bridge.bus.transport.connection import BusError, bus_down
from bridge.bus.transport.pipeline import CommandPipeline
from bridge.order_references import is_ours
from ib_worker.audit.replay import replay_orders
from ib_worker.orders.history import HistoryEntry
from ib_worker.orders.state import OrderState

INTENT = b'"event":"intent"'
SENT = b'"event":"Sent"'  # the first event of an order of ours


class Placed(NamedTuple):
    """The beginning of an order of ours, by the log."""

    orderRef: str
    key: str
    at: datetime


class OrderHistoryReader:
    """Reads the log's entries of one order by the log's index, among the newest 20,000."""

    def __init__(self, pipe: CommandPipeline, keys: Keys) -> None:
        self._pipe = pipe
        self._keys = keys

    async def of(self, state: OrderState) -> list[HistoryEntry]:
        """Return the order's events in the log, and those that are not in the log yet, by time.

        Raises ToolError bus_down.
        """
        try:
            lines = await self._lines(state)
        except BusError as error:
            raise bus_down(self._pipe.url, error) from error
        rebuilt = [each for each in replay_orders(reversed(lines)) if _is_of(each, state)]
        written = [life for each in rebuilt for life in each.life]
        known = {(life.source, life.what) for life in written}
        unwritten = (life for life in state.life if (life.source, life.what) not in known)
        return sorted([*written, *unwritten], key=lambda life: life.at)

    async def principal_of(self, orderRef: str) -> str | None:
        """Return who placed the order, by the log's intent; None where the log has none. Raises ToolError bus_down."""
        try:
            async for line in self._naming([ref_name(orderRef)]):
                if INTENT in line:
                    return msgspec.json.decode(line, type=AuditEntry).caller
        except BusError as error:
            raise bus_down(self._pipe.url, error) from error
        return None

    async def placed(self, orderRefs: set[str]) -> list[Placed]:
        """Return the beginnings of these orders of ours, as far as the log has them. Raises BusError."""
        found: dict[str, Placed] = {}
        async for line in self._naming([ref_name(each) for each in orderRefs]):
            if SENT not in line:
                continue
            entry = msgspec.json.decode(line, type=AuditEntry)
            if entry.orderRef in orderRefs and entry.orderRef not in found:
                at = datetime.fromisoformat(entry.details["at"])
                found[entry.orderRef] = Placed(entry.orderRef, entry.key, at)
        return list(found.values())

    async def _lines(self, state: OrderState) -> list[bytes]:
        """Return the order's entries, newest first: back to where it was sent, for one that a worker placed."""
        ref = [ref_name(state.orderRef)] if is_ours(state.orderRef) else []
        found: list[bytes] = []
        async for line in self._naming(ref or [perm_name(each) for each in state.permIds]):
            found.append(line)
            if SENT in line:
                break
        return found

    async def _naming(self, names: Collection[str]) -> AsyncIterator[bytes]:
        """Yield the lines that have one of these names, newest first. Without the index the newest lines are searched.

        Raises BusError.
        """
        if not names:
            return
        seqs = await find_entries(self._pipe, self._keys, names)
        if seqs is not None:
            async for line in read_entries(self._pipe, self._keys, seqs):
                yield line
            return
        named = re.compile(f"({'|'.join(map(re.escape, names))})[,}}]".encode())
        async for line in read_back(self._pipe, self._keys, NEWEST):
            if named.search(line):
                yield line


def _is_of(rebuilt: OrderState, state: OrderState) -> bool:
    """Return whether it is the same order: another program's order may carry the same reference."""
    return not rebuilt.permIds or not state.permIds or bool(set(rebuilt.permIds) & set(state.permIds))
