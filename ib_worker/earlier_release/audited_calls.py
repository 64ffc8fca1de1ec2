"""The audit log's word on the calls of an earlier release: who asked for what, what was sent, what became of it."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field

import msgspec
import structlog

from bridge.audit_chain import AuditEntry
from bridge.bus.controls.audit_log import read_head, read_log
from bridge.bus.keys import Keys
from bridge.bus.transport.pipeline import CommandPipeline
from bridge.order_references import is_ours, order_ref
from ib_worker.audit.replay import OrderReplay
from ib_worker.order_entry.lookup import PLACED
from ib_worker.orders.events import Sent
from ib_worker.orders.state import OrderState

CHANGE = "modify_order"
NEWEST = 50_000  # entries that are read: those of seven thousand orders, in some 100 MiB for the time
MOST = 50  # of one call that are compared with the answer that a record has
AT_ONCE = 100  # entries between which other tasks may run

log = structlog.get_logger("ib_worker.earlier_release.audited_calls")


@dataclass
class AuditedCalls:
    """The log's intents by their key, the orders of ours that were sent, and the state of each order."""

    intents: dict[str, list[AuditEntry]] = field(default_factory=dict)
    sent: dict[str, AuditEntry] = field(default_factory=dict)  # by orderRef
    history: dict[str, list[tuple[int, OrderState]]] = field(default_factory=dict)  # by orderRef, with the entry's seq
    replay: OrderReplay = field(default_factory=OrderReplay)

    def take(self, entry: AuditEntry) -> None:
        if entry.event == "intent" and entry.key:
            self.intents.setdefault(entry.key, []).append(entry)
        if entry.event == Sent.kind and is_ours(entry.orderRef):
            self.sent[entry.orderRef] = entry
        self.replay.take(entry)
        state = self.replay.states.get(entry.orderRef)
        if state is not None and is_ours(entry.orderRef):
            self.history.setdefault(entry.orderRef, []).append((entry.seq, state))

    def placement(self, key: str) -> AuditEntry | None:
        """Return the intent of the call that has placed an order under the key; None if none was sent. A later call
        with the key may have an intent too, and sent nothing."""
        sent = self.sent.get(order_ref(key))
        if sent is None or sent.key != key:
            return None
        same = (each for each in self.intents.get(key, ()) if each.orderRef == sent.orderRef)
        return next((each for each in same if each.tool in PLACED and each.orderId == sent.orderId), None)

    def placed(self) -> list[AuditEntry]:
        """Return the intents of all calls that have placed something."""
        found = (self.placement(each.key) for each in self.sent.values())
        return list({each.key: each for each in found if each is not None}.values())

    def key_of(self, orderRef: str) -> str | None:
        return self.sent[orderRef].key if orderRef in self.sent else None

    def orders(self, intent: AuditEntry) -> list[str]:
        """Return the orderRefs of the orders that the call has placed, or of the one that it has changed."""
        legs = PLACED.get(intent.tool)
        return [intent.orderRef] if legs is None else [order_ref(intent.key, each) for each in legs]

    def moments(self, intent: AuditEntry) -> Iterator[list[OrderState]]:
        """Yield what the call's orders were at each moment after it at which all are known: the first ones, and the
        last."""
        known = [self.history.get(each, []) for each in self.orders(intent)]
        if not all(known):
            return
        first = max(intent.seq, *(states[0][0] for states in known))
        seqs = sorted({seq for states in known for seq, _ in states if seq >= first})
        for seq in [*seqs[:MOST], *seqs[MOST:][-1:]]:
            yield [[state for at, state in states if at <= seq][-1] for states in known]


async def read_calls(pipe: CommandPipeline, keys: Keys) -> AuditedCalls:
    """Read the log's newest entries, once. One that is damaged is passed over. Raises BusError."""
    calls, damaged = AuditedCalls(), 0
    last, _ = await read_head(pipe, keys.audit_head)
    number = 0
    async for line in read_log(pipe, keys, max(last - NEWEST, 0)):
        try:
            calls.take(msgspec.json.decode(line, type=AuditEntry))
        except (msgspec.MsgspecError, ValueError):
            damaged += 1
        number += 1
        if not number % AT_ONCE:
            await asyncio.sleep(0)
    if damaged:
        log.warning("audit_entries_unreadable", count=damaged)
    return calls
