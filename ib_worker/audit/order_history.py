"""An order's life as the audit log has it: also from before this worker led, or the gateway started."""

import re
from datetime import datetime
from typing import NamedTuple

import msgspec

from bridge.audit_chain import AuditEntry as AuditEntry
from bridge.bus.controls.audit_log import read_back
from bridge.bus.keys import Keys
from bridge.bus.transport.connection import BusError, bus_down
from bridge.bus.transport.pipeline import CommandPipeline
from ib_worker.audit.replay import replay_orders
from ib_worker.orders.references import is_ours
from ib_worker.orders.state import HistoryEntry, OrderState

NEWEST = 20_000  # lines of the log that are looked through: the events of a thousand orders or more
INTENT = b'"event":"intent"'
SENT = b'"event":"Sent"'  # the first event of an order of ours


class Placed(NamedTuple):
    """What the log tells of an order's beginning."""

    orderRef: str
    key: str
    at: datetime


class OrderHistoryReader:
    def __init__(self, pipe: CommandPipeline, keys: Keys) -> None:
        self._pipe = pipe
        self._keys = keys

    async def whole(self, state: OrderState) -> list[HistoryEntry]:
        """What the log tells of the order, and what it does not have yet, in time. Raises ToolError bus_down."""
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
        """Return who placed the order, by the log's intent; None where the log does not tell. Raises ToolError
        bus_down."""
        named = f'"orderRef":"{orderRef}"'.encode()
        try:
            async for line in read_back(self._pipe, self._keys, NEWEST):
                if INTENT in line and named in line:
                    return msgspec.json.decode(line, type=AuditEntry).caller
        except BusError as error:
            raise bus_down(self._pipe.url, error) from error
        return None

    async def placed(self, orderRefs: set[str]) -> list[Placed]:
        """Of orders of ours, as far as the log has them. Raises BusError."""
        found: list[Placed] = []
        async for line in read_back(self._pipe, self._keys, NEWEST):
            if SENT not in line:
                continue
            entry = msgspec.json.decode(line, type=AuditEntry)
            if entry.orderRef in orderRefs:
                orderRefs.discard(entry.orderRef)
                found.append(Placed(entry.orderRef, entry.key, datetime.fromisoformat(entry.details["at"])))
            if not orderRefs:
                break
        return found

    async def _lines(self, state: OrderState) -> list[bytes]:
        """The order's own, newest first: back to where it was sent, for one that a worker placed."""
        ref = [f'"orderRef":"{state.orderRef}"'] if is_ours(state.orderRef) else []
        names = ref or [f'"permId":{each}' for each in state.permIds]
        found: list[bytes] = []
        if not names:
            return found
        told = re.compile(f"({'|'.join(map(re.escape, names))})[,}}]".encode())
        async for line in read_back(self._pipe, self._keys, NEWEST):
            if told.search(line):
                found.append(line)
                if SENT in line:
                    break
        return found


def _is_of(rebuilt: OrderState, state: OrderState) -> bool:
    """Not another program's order that carries the same reference."""
    return not rebuilt.permIds or not state.permIds or bool(set(rebuilt.permIds) & set(state.permIds))
