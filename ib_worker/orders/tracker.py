"""Every order that the session knows, by each of its names, and who waits for one to change."""

import asyncio
import time
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple, TypeVar

import ib_async

from bridge.order_references import is_ours
from bridge.text.execution_id import trade_of
from bridge.tools.types import Contract
from ib_worker.orders.events import Commission, Event, Fill, NotListed, Terms
from ib_worker.orders.state import NAMES_IT, OrderState, apply
from ib_worker.orders.timing import USUAL

KEPT_DONE = 2_000  # finished orders, newest first; the bus keeps each order's answer for a week
KEPT_COMMISSIONS = 5_000  # of fills; a report may come before its fill is known

KEPT_EARLY = 500  # orders whose messages came before their terms
KEPT_PAST = 50_000  # names of finished orders that are forgotten: neither TWS's archive nor a key brings them back

# Hears of each event that was news: the state after it, the key, the event.
OrderEventListener = Callable[[OrderState, str | None, Event], None]
# Hears of each fill: the account, the contract, and by how much the filled quantity has grown, negative for a sale.
# A combination's fill is one of each leg, of which TWS's order tells only the conId, and the combination's order.
FillListener = Callable[[str, Contract, Decimal, Hashable], None]
Name = TypeVar("Name", bound=Hashable)


class ShownOrder(NamedTuple):
    """An order's status in TWS's latest message about it; openOrder has no quantities."""

    status: str
    filled: float | None = None
    remaining: float | None = None


class KeptStop(NamedTuple):
    """The stop price that went along with a change of an order that trails."""

    away: float | None  # by which percentage or amount the order is to trail
    stop: float
    known: bool = True  # it is of that distance; else TWS moves it nearer from the next price on
    wider: bool = False  # the percentage has become larger, and the stop stays
    echo: float | None = None  # what TWS has told first since: its echo of a change may have an older stop


class TrackedOrder:
    """One order: its state, the key of its call, and the events of the tasks that wait for a change."""

    def __init__(self, state: OrderState, key: str | None = None) -> None:
        self.state = state
        self.key = key
        self.sent: tuple[ib_async.Contract, ib_async.Order] | None = None  # whole, as last sent or told by TWS
        self.asked: tuple[ib_async.Contract, ib_async.Order] | None = None  # as this worker has placed it
        self.told_first: ib_async.Order | None = None  # TWS's first word on that
        self.recalled = False  # the audit log was asked for what an earlier worker knew of it
        self.placed_at: datetime | None = None  # by an earlier worker
        self.shown: ShownOrder | None = None
        self.kept_stop: KeptStop | None = None
        self.gateway: Hashable = None  # that it was sent to, or that named it last
        self.ahead = timedelta(0)  # of this machine's clock: of the times that callers are told
        self.missed_at = float("-inf")  # by a clock that nobody sets, when a full look last lacked it
        self._watches: set[asyncio.Event] = set()

    def take(self, event: Event) -> bool:
        """Return whether the event was news."""
        after = apply(self.state, event)
        if after is self.state:
            return False
        self.state = after
        for watch in self._watches:
            watch.set()
        return True

    def told(self, contract: ib_async.Contract, order: ib_async.Order) -> None:
        """TWS shows the order."""
        if self.kept_stop is not None and self.kept_stop.echo is None:
            self.kept_stop = self.kept_stop._replace(echo=float(order.trailStopPrice))
        self.sent = (contract, order)
        if self.told_first is None:
            self.told_first = order

    def archived(self, contract: ib_async.Contract, order: ib_async.Order) -> None:
        """TWS shows the order among the ended ones, with fewer fields."""
        if self.sent is None:
            self.sent = (contract, order)

    @property
    def legs(self) -> list[tuple[int, int]]:
        """Return the conId and ratio of each leg of a combination: below zero where buying the combination sells it."""
        known = (self.sent[0].comboLegs or []) if self.sent is not None else []
        return [(each.conId, each.ratio if each.action == "BUY" else -each.ratio) for each in known]

    async def until(self, settled: Callable[[OrderState], bool]) -> OrderState:
        """Wait for a state; the caller keeps the deadline."""
        with self._watched() as changed:
            while not settled(self.state):
                changed.clear()
                await changed.wait()
        return self.state

    @contextmanager
    def _watched(self) -> Iterator[asyncio.Event]:
        changed = asyncio.Event()
        self._watches.add(changed)
        try:
            yield changed
        finally:
            self._watches.discard(changed)


class OpenOrderList:
    """The list of open orders that TWS is sending: the orders that it has named so far, and when it was requested."""

    def __init__(self) -> None:
        self.entries: dict[TrackedOrder, None] = {}
        self.requested_at: datetime | None = None  # None: no request is in progress

    def begin(self, now: datetime) -> None:
        """Start a list, right before the frame that requests it."""
        self.entries.clear()
        self.requested_at = now

    def end(self) -> tuple[list[TrackedOrder], datetime | None]:
        """Return the orders that the list has named, and when it was requested."""
        ended = list(self.entries), self.requested_at
        self.entries, self.requested_at = {}, None
        return ended


class OrderTracker:
    """An orderId belongs to one clientId and may come again after a gateway's restart; a permId does not, nor an
    orderRef of ours. Others may write the same orderRef on many orders, so theirs is no name.

    `known` is False until a full look at the gateway has ended: until then what the tracker lacks may still exist.
    """

    def __init__(
        self,
        clientId: int,
        listeners: Iterable[OrderEventListener] = (),
        on_fill: FillListener | None = None,
        looks_apart_s: float = USUAL.looks_apart_s,
    ) -> None:
        self._listeners = tuple(listeners)
        self._on_fill = on_fill
        self._looks_apart_s = looks_apart_s
        self.ahead = timedelta(0)  # how far the gateway's clock is ahead, where it lives at another date
        self.clientId = clientId
        self.known = False
        self.gateway: Hashable = None  # where the connection goes: another one need not know this one's orders
        self.errors = 0  # and notices about orders, for the same reason
        self.highest_id = 0  # the highest orderId of this client that TWS has named or rejected; the next is above it
        self.open_list = OpenOrderList()
        self.placed = 0  # frames that place, change or cancel: an answer asked for before the newest one may be stale
        self._entries: dict[TrackedOrder, None] = {}  # in the order they became known
        self._not_done: dict[TrackedOrder, None] = {}  # of these; a check of an order must not read the whole day
        self._by_id: dict[tuple[int, int], TrackedOrder] = {}
        self._by_perm: dict[int, TrackedOrder] = {}
        self._by_ref: dict[str, list[TrackedOrder]] = {}  # ours: more than one where another program writes it too
        self._by_trade: dict[str, TrackedOrder] = {}
        self._commissions: dict[str, Commission] = {}  # by execId, for executions of orders known and unknown
        self._early: dict[int, list[Event]] = {}  # by permId
        self._past: dict[int, None] = {}
        self._past_refs: dict[str, None] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def by_id(self, orderId: int, clientId: int | None = None) -> TrackedOrder | None:
        return self._by_id.get((self.clientId if clientId is None else clientId, orderId))

    def by_perm(self, permId: int | None) -> TrackedOrder | None:
        return self._by_perm.get(permId) if permId is not None else None

    def by_ref(self, orderRef: str | None) -> TrackedOrder | None:
        """By a reference of ours: this client's order before one of another client."""
        return next(iter(self._referred(orderRef)), None) if orderRef is not None else None

    def named(self, orderRef: str) -> list[TrackedOrder]:
        """Every order that carries the reference, whoever gave it."""
        if is_ours(orderRef):
            found = self._referred(orderRef)
            likely = [entry for entry in found if self._rank(entry) == self._rank(found[0])]
            return likely if len(likely) == 1 else found
        return [entry for entry in self._entries if entry.state.orderRef == orderRef]

    def all(self) -> list[TrackedOrder]:
        return list(self._entries)

    def open(self) -> list[TrackedOrder]:
        """Return the orders that may still fill, without those that IBKR does not have."""
        return [entry for entry in self._not_done if not entry.state.not_found]

    def of(self, account: str | None, conId: int, action: str) -> Iterator[TrackedOrder]:
        """Yield the orders of one account, contract and side that are not done."""
        for entry in self._not_done:
            terms = entry.state.terms
            if (terms.account, terms.contract.conId, terms.action) == (account, conId, action):
                yield entry

    def commission(self, execId: str) -> Commission | None:
        return self._commissions.get(trade_of(execId))

    def add(self, orderId: int, terms: Terms, orderRef: str | None, key: str | None = None) -> TrackedOrder:
        """An order of this session, right before its frame is written."""
        return self._added(OrderState(orderId, self.clientId, terms, orderRef=orderRef), key)

    def entry(
        self, orderId: int, clientId: int, permId: int | None, orderRef: str | None, terms: Terms | None
    ) -> TrackedOrder | None:
        """The order of a message, made known if its terms are told. A permId outweighs an orderId, and that an
        orderRef, which another program may write on an order of its own."""
        found = self.by_perm(permId)
        if found is None:
            found = self._same_order(self._by_id.get((clientId, orderId)), permId, orderRef)
        if found is None and orderRef is not None:
            found = self._same_reference(orderId, clientId, permId, orderRef)
        if found is None and terms is not None:
            found = self._added(OrderState(orderId, clientId, terms, orderRef=orderRef))
        return found

    def take(self, entry: TrackedOrder, event: Event) -> None:
        if isinstance(event, NAMES_IT):
            entry.gateway = self.gateway
        if isinstance(event, Fill):
            self._by_trade[event.trade] = entry
        before = entry.state
        if not entry.take(event):
            return
        self._index(entry)
        if entry.state.done is not before.done:
            self._note_done(entry)
        self._report_fill(entry, before.filled)
        for listener in self._listeners:
            listener(entry.state, entry.key, event)
        for missed in self._early.pop(entry.state.permId or 0, []):
            self.take(entry, missed)
        if isinstance(event, Fill) and (paid := self._commissions.get(event.trade)) is not None:
            self.take(entry, paid)
        if entry.state.done:
            self._prune()

    def _note_done(self, entry: TrackedOrder) -> None:
        if entry.state.done:
            self._not_done.pop(entry, None)
        else:  # TWS has it open again: it takes its old place
            self._not_done = {each: None for each in self._entries if not each.state.done}

    def _report_fill(self, entry: TrackedOrder, before: float) -> None:
        state, terms = entry.state, entry.state.terms
        if self._on_fill is None or state.filled == before:
            return
        more = (Decimal(str(state.filled)) - Decimal(str(before))) * (1 if terms.action == "BUY" else -1)
        if terms.contract.secType != "BAG":
            self._on_fill(terms.account or "", terms.contract, more, None)
            return
        for conId, ratio in entry.legs:
            self._on_fill(terms.account or "", Contract(conId=conId, symbol="", secType=""), more * ratio, entry)

    def is_past(self, permId: int | None) -> bool:
        """Return whether the order was known, had ended, and is forgotten."""
        return permId in self._past

    def is_past_ref(self, orderRef: str) -> bool:
        """The same by the reference: its key has placed an order, and must not place another."""
        return orderRef in self._past_refs

    def hold_until_known(self, permId: int | None, event: Event) -> None:
        """Keep a message about an order until its terms arrive."""
        if permId is None or permId in self._past:
            return
        kept = self._early.setdefault(permId, [])
        if event not in kept:  # executions are told again whenever they are asked for
            kept.append(event)
        _trim(self._early, KEPT_EARLY)

    def add_commission(self, report: Commission) -> None:
        """Add a commission, whether or not its fill is known yet."""
        self._commissions.pop(report.trade, None)
        self._commissions[report.trade] = report
        _trim(self._commissions, KEPT_COMMISSIONS)
        entry = self._by_trade.get(report.trade)
        if entry is not None:
            self.take(entry, report)

    def reconcile(
        self, expected: Collection[TrackedOrder], seen: Collection[TrackedOrder | None], vanished: NotListed
    ) -> None:
        """Count a miss for each expected order that complete order lists do not contain: such an order is unknown, not
        cancelled. An order sent through another gateway may still exist."""
        now = time.monotonic()
        missing = [entry for entry in expected if entry not in seen and entry.gateway == self.gateway]
        for entry in missing:
            if not entry.state.misses or now - entry.missed_at >= self._looks_apart_s:
                entry.missed_at = now
                self.take(entry, vanished)
        self.known = True

    def _same_order(self, entry: TrackedOrder | None, permId: int | None, orderRef: str | None) -> TrackedOrder | None:
        """Not an earlier order that had this orderId: a gateway's restart may issue an id again."""
        if entry is None:
            return None
        state = entry.state
        other_ref = None not in (orderRef, state.orderRef) and orderRef != state.orderRef
        other_perm = state.done and permId is not None and bool(state.permIds) and permId not in state.permIds
        same_ref = is_ours(orderRef) and orderRef == state.orderRef  # a key names one order: TWS has split it
        return None if other_ref or (other_perm and not same_ref) else entry

    def _same_reference(self, orderId: int, clientId: int, permId: int | None, orderRef: str) -> TrackedOrder | None:
        """An order of ours by its reference, unless the message names another by its permId or orderId. An archived
        order has no orderId."""
        for entry in self._referred(orderRef):
            state = entry.state
            if orderId and state.orderId and (clientId, orderId) != (state.clientId, state.orderId):
                continue
            split = state.changed_at is not None and not state.done  # TWS may make two of a changed order
            if permId is None or not state.permIds or (not orderId and split) or permId in state.permIds:
                return entry
        return None

    def _referred(self, orderRef: str) -> list[TrackedOrder]:
        found = self._by_ref.get(orderRef, [])
        return sorted(found, key=self._rank)

    def _rank(self, entry: TrackedOrder) -> int:
        """Return the order's rank among those that carry one reference of ours.

        This client's order is first, then one that TWS has archived without client and orderId, then another client's.
        """
        if entry.state.clientId == self.clientId:
            return 0
        return 1 if entry.state.orderId == 0 else 2

    def _added(self, state: OrderState, key: str | None = None) -> TrackedOrder:
        entry = TrackedOrder(state, key)
        entry.ahead = self.ahead
        entry.gateway = self.gateway
        self._entries[entry] = self._not_done[entry] = None
        self._by_id.pop((state.clientId, state.orderId), None)  # the newest order has the id
        self._index(entry)
        return entry

    def _index(self, entry: TrackedOrder) -> None:
        state = entry.state
        if state.orderId != 0:  # archived orders have none
            self._by_id.setdefault((state.clientId, state.orderId), entry)
        for permId in state.permIds:
            self._by_perm.setdefault(permId, entry)
        if is_ours(state.orderRef) and entry not in (referred := self._by_ref.setdefault(state.orderRef, [])):
            referred.append(entry)

    def _prune(self) -> None:
        """Forget the oldest finished orders, a tenth at a time."""
        if len(self._entries) <= KEPT_DONE * 1.1:
            return
        done = [entry for entry in self._entries if entry.state.done]
        for entry in done[: max(len(done) - KEPT_DONE, 0)]:
            self._forget(entry)

    def _forget(self, entry: TrackedOrder) -> None:
        del self._entries[entry]
        state = entry.state
        _drop(self._by_id, [(state.clientId, state.orderId)], entry)
        _drop(self._by_perm, state.permIds, entry)
        referred = [each for each in self._by_ref.pop(state.orderRef or "", []) if each is not entry]
        if referred:
            self._by_ref[state.orderRef or ""] = referred
        _drop(self._by_trade, state.fills, entry)
        self._past.update(dict.fromkeys(state.permIds))
        _trim(self._past, KEPT_PAST)
        if is_ours(state.orderRef):
            self._past_refs[state.orderRef] = None
            _trim(self._past_refs, KEPT_PAST)


def _trim(kept: dict[Name, Any], most: int) -> None:
    """Drop the oldest."""
    while len(kept) > most:
        del kept[next(iter(kept))]


def _drop(index: dict[Name, TrackedOrder], names: Iterable[Name], entry: TrackedOrder) -> None:
    for name in names:
        if index.get(name) is entry:
            del index[name]


def is_open(entry: TrackedOrder) -> bool:
    return not (entry.state.done or entry.state.not_found)
