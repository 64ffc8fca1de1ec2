"""One order's state, computed from TWS's raw messages about the order. Pure: `apply(state, event)` and nothing else.

TWS repeats messages, sends them out of order, late or never, and mixes rejections with notices about working orders.
The rules:
- Fills win over statuses, and filled quantity never decreases. If fills reach the order's quantity, the status is
  Filled. One exception: if TWS has not confirmed Filled itself and then confirms a larger quantity, the order is open.
- Cancelled is final for statuses. Inactive is not: TWS revives held orders.
- A complete list of open orders contradicts an order's end if the list was requested later and names the order.
- An error ends an order only if its code rejects orders and TWS has not shown the order working, or shows it inactive.
- An error of another code ends the wait for an answer and nothing else. A complete list that was requested after the
  error decides. An order that was never shown and is not in the list was rejected. If the list has the order with its
  earlier terms, TWS has rejected the change or the cancel.
- An order that TWS took for a change of an earlier one with its orderId, and rejected as that, was never placed.
- Silence decides nothing. Until TWS reports the order, and when it lists the order no more, the status is "unknown".
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from bridge.text.numbers import digits, exact
from ib_worker.orders.events import (
    CancelSent,
    Commission,
    Completed,
    ErrorReported,
    Event,
    Fill,
    ListedOpen,
    ModifySent,
    NotListed,
    OpenOrderReported,
    Sent,
    Status,
    Terms,
)
from ib_worker.orders.history import HistoryEntry, Source, appended
from ib_worker.tws.values.codes import CANCEL_REFUSED, CANCELLED_BY, CHANGE_REFUSED, ID_OF_ANOTHER, REJECTS, WARNINGS

UNKNOWN = "unknown"
INACTIVE = "Inactive"
FILLED = "Filled"
CANCELLED = frozenset({"Cancelled", "ApiCancelled"})
ENDED = CANCELLED | {FILLED}
WORKING = frozenset({"PreSubmitted", "Submitted", "PendingCancel"})  # TWS has taken the order
NAMES_IT = (OpenOrderReported, Status, Fill, Completed, ListedOpen)
REJECTED = 201  # TWS's code for it
LOOKS = 2  # full looks that an order must be missing from before it is said not to exist
TOLD_AFTER = timedelta(seconds=1)  # an error that rejects an order is told to its caller before a later word comes


@dataclass(frozen=True, slots=True)
class OrderState:
    """One order's state: `status` is TWS's word, or "unknown"."""

    orderId: int
    clientId: int
    terms: Terms
    status: str = UNKNOWN
    permIds: tuple[int, ...] = ()  # more than one where TWS split a modified order in two
    orderRef: str | None = None
    filled: float = 0.0
    remaining: float | None = None
    avgFillPrice: float | None = None
    lastFillPrice: float | None = None
    whyHeld: str | None = None
    rejected: ErrorReported | None = None
    pending_rejection: ErrorReported | None = None  # a rejecting error for a working order: Inactive would confirm it
    said: ErrorReported | None = None  # an error or notice that may answer the latest frame: its meaning is open
    ended_at: datetime | None = None  # when TWS told its end
    contradicted: str | None = None  # what the order was taken for, though later word of TWS has it open
    cancel_asked: bool = False
    cancelled_at: datetime | None = None  # when the latest cancel was sent
    cancel_refused: ErrorReported | None = None
    sent_at: datetime | None = None  # None: not by this worker, as far as it knows
    changed_at: datetime | None = None  # when the latest change was sent
    change: Terms | None = None  # sent, and neither confirmed nor refused yet
    change_refused: ErrorReported | None = None
    misses: int = 0  # complete order lists without it, some time from one to the next
    missed_at: datetime | None = None  # the latest of these
    working: bool = False  # TWS has shown it in the market at least once
    filled_confirmed: bool = False  # TWS has reported Filled; if not, Filled follows from fills and quantity
    fills: Mapping[str, Fill] = field(default_factory=dict)  # by trade
    commissions: Mapping[str, Commission] = field(default_factory=dict)  # by trade
    notices: tuple[ErrorReported, ...] = ()
    life: tuple[HistoryEntry, ...] = ()

    @property
    def permId(self) -> int | None:  # noqa: N802  # TWS's own spelling
        return self.permIds[-1] if self.permIds else None

    @property
    def done(self) -> bool:
        """Nothing more is expected; a late fill may still come."""
        return self.status == FILLED or self.status in CANCELLED or self.rejected is not None

    @property
    def named(self) -> bool:
        """TWS has shown it at least once, whatever is known of it now."""
        return self.acknowledged or bool(self.permIds)

    @property
    def acknowledged(self) -> bool:
        """TWS has said something that settles whether the order exists."""
        return self.status != UNKNOWN or self.rejected is not None

    @property
    def not_found(self) -> bool:
        """TWS does not have it: two clean looks, some time apart, did not show it."""
        return self.misses >= LOOKS

    @property
    def commission(self) -> float | None:
        """Return the commission of the fills so far, or None while a commission report or its execution is missing."""
        known = [self.commissions[trade].commission for trade in self.fills if trade in self.commissions]
        paid = [each for each in known if each is not None]
        told = sum(each.shares for each in self.fills.values())
        complete = len(paid) == len(self.fills) and told >= self.filled * (1 - 1e-9)
        return exact(sum(paid)) if self.fills and complete else None


def apply(state: OrderState, event: Event) -> OrderState:
    """The state after the event; the same object when the event says nothing new."""
    before = state
    if state.misses and isinstance(event, NAMES_IT):
        state = replace(state, misses=0, missed_at=None)
    after = _APPLY[type(event)](state, event)
    if after.done:
        return after if before.done else replace(after, ended_at=event.at, said=None, contradicted=None)
    if after.contradicted is None and (was := _disproved(before, event.at)) is not None and after is not before:
        return replace(after, contradicted=was)
    return after


def _disproved(before: OrderState, at: datetime) -> str | None:
    """Return the earlier report on an order that is open after all: rejected some time ago, or not at IBKR."""
    if before.rejected is not None and before.ended_at is not None:
        return "rejected" if at - before.ended_at > TOLD_AFTER else None
    return "not at IBKR" if before.not_found else None


def _sent(state: OrderState, event: Sent) -> OrderState:
    return _lived(replace(state, terms=event.terms, sent_at=event.at), event.at, "sent", "order")


def _modify_sent(state: OrderState, event: ModifySent) -> OrderState:
    """The terms stay what TWS last confirmed."""
    known = replace(state, change=event.terms, change_refused=None, changed_at=event.at, said=None)
    return _lived(known, event.at, "change sent", state.terms.changes_to(event.terms) or "change")


def _cancel_sent(state: OrderState, event: CancelSent) -> OrderState:
    known = replace(state, cancel_asked=True, cancel_refused=None, cancelled_at=event.at, said=None)
    return _lived(known, event.at, "cancel sent", "cancel")


def _opened(state: OrderState, event: OpenOrderReported) -> OrderState:
    known = _identified(state, event.permId, event.orderRef)
    terms = event.terms
    if terms.contract.conId == known.terms.contract.conId:  # openOrder leaves out what a contract lookup tells
        terms = replace(terms, contract=known.terms.contract)
    confirmed = known.change is not None and known.change.confirmed_by(terms)
    known = replace(known, terms=terms, change=None if confirmed else known.change)
    known = _reopened(known, event.status, terms.totalQuantity - known.filled)
    known = _with_status(known, event.status)
    changed = state.terms.changes_to(terms)
    return _noted(state, known, event.at, "openOrder", f"{event.status}, {changed}" if changed else event.status)


def _status(state: OrderState, event: Status) -> OrderState:
    known = _identified(state, event.permId, None)
    if event.filled >= known.filled:
        known = _reopened(known, event.status, event.remaining)
    known = _with_status(known, event.status)
    if event.filled >= known.filled:  # an older message must not take quantities back
        known = _filled(known, event.filled, event.avgFillPrice, event.lastFillPrice, event.remaining > 0)
        known = known if known.remaining == event.remaining else replace(known, remaining=event.remaining)
    known = known if known.whyHeld == event.whyHeld else replace(known, whyHeld=event.whyHeld)
    return _noted(state, known, event.at, "orderStatus", f"{event.status} filled {digits(event.filled)}")


def _fill(state: OrderState, event: Fill) -> OrderState:
    old = state.fills.get(event.trade)
    if old is not None and old.version >= event.version:
        return state
    known = _identified(state, event.permId, event.orderRef)
    known = replace(known, fills={**state.fills, event.trade: event}, working=True)
    latest = max(known.fills.values(), key=lambda each: each.cumQty)
    if latest.cumQty >= known.filled:
        price = event.price if event.cumQty else None  # that of a combination's leg is not the order's
        known = _filled(known, latest.cumQty, latest.avgPrice, price)
    what = f"{digits(event.shares)} @ {'?' if event.price is None else digits(event.price)}" + (
        " (correction)" if old is not None else ""
    )
    return _lived(known, event.at, "execDetails", what)


def _commission(state: OrderState, event: Commission) -> OrderState:
    known = replace(state, commissions={**state.commissions, event.trade: event})
    cost = "not computed" if event.commission is None else f"{digits(event.commission)} {event.currency or ''}".strip()
    return _noted(state, known, event.at, "commission", cost)


def _said(state: OrderState, event: ErrorReported) -> OrderState:
    known = state if event in state.notices else replace(state, notices=(*state.notices, event))
    changing = state.change is not None and state.working and not _cancelling(state)
    if event.unnamed:
        known = replace(known, said=event) if _awaited(state) and not state.done else known
    elif changing and event.code in REJECTS | CHANGE_REFUSED:
        known = _change_refused(known, event)
    elif not changing and event.code in CANCEL_REFUSED and (state.acknowledged or state.cancel_asked):
        known = replace(known, cancel_refused=event)
    elif event.code in CANCELLED_BY:
        known = _with_status(known, "Cancelled")
    elif event.code in ID_OF_ANOTHER and not state.acknowledged:
        known = replace(known, rejected=event, status=INACTIVE)
    elif event.code in REJECTS and not state.done and state.filled == 0:
        if not state.working or state.status == INACTIVE:
            known = replace(known, rejected=event, status=INACTIVE)
        else:
            known = replace(known, pending_rejection=event, said=event if _awaited(state) else state.said)
    elif not state.done and (event.code not in WARNINGS or _awaited(state)):
        known = replace(known, said=event)
    return _noted(state, known, event.at, "error", f"{event.code} {event.text}")


def _awaited(state: OrderState) -> bool:
    """A frame of this order has had no answer yet."""
    return not state.acknowledged or state.change is not None or (state.cancel_asked and state.cancel_refused is None)


def _cancelling(state: OrderState) -> bool:
    """The latest frame of this order cancels it, and has had no answer yet."""
    if state.cancelled_at is None or state.cancel_refused is not None or state.done:
        return False
    return state.changed_at is None or state.cancelled_at >= state.changed_at


def _change_refused(state: OrderState, by: ErrorReported) -> OrderState:
    known = replace(state, change=None, change_refused=by, said=None)
    return _filled(known, known.filled, known.avgFillPrice, known.lastFillPrice)  # of the old quantity again


def _listed_open(state: OrderState, event: ListedOpen) -> OrderState:
    """Apply a complete list that names the order as open, though an earlier message said otherwise."""
    known = _contradicted(state, event)
    said = known.said
    if said is not None and said.at <= event.asked_at:
        known = _explained(replace(known, said=None), said, event)
    return _noted(state, known, event.at, "open order list", event.status)


def _explained(state: OrderState, said: ErrorReported, event: ListedOpen) -> OrderState:
    """TWS spoke against the latest frame, and a list that was requested after that has the order as it was."""
    if said.unnamed or said.code in WARNINGS:
        return state
    if _cancelling(state):
        return state if event.status == "PendingCancel" else replace(state, cancel_refused=said)
    if state.change is not None and state.changed_at is not None and state.changed_at <= said.at:
        return _change_refused(state, said)
    return state


def _contradicted(state: OrderState, event: ListedOpen) -> OrderState:
    """Open after all, unless executions themselves make it filled."""
    open_in_list = event.status not in ENDED and not (state.rejected is not None and event.status == INACTIVE)
    if not state.done or not open_in_list or state.ended_at is None or state.ended_at >= event.asked_at:
        return state
    told = max((each.cumQty for each in state.fills.values()), default=0.0)
    if state.status == FILLED and told >= state.terms.totalQuantity > 0:
        return state
    filled = max(told, event.filled or 0.0) if state.status == FILLED else state.filled
    return replace(
        state,
        status=event.status,
        contradicted="rejected" if state.rejected is not None else state.status,
        rejected=None,
        ended_at=None,
        filled_confirmed=False,
        working=state.working or event.status in WORKING,
        filled=filled,
        remaining=event.remaining if event.remaining is not None else state.terms.totalQuantity - filled,
        avgFillPrice=state.avgFillPrice if filled else None,
        lastFillPrice=state.lastFillPrice if filled else None,
    )


def _completed(state: OrderState, event: Completed) -> OrderState:
    known = _with_status(_identified(state, event.permId, event.orderRef), event.status)
    if event.status == INACTIVE and not known.done:  # archived, so it will not come alive again
        known = replace(known, rejected=ErrorReported(event.at, REJECTED, event.text or INACTIVE))
    if event.filled > known.filled:
        known = _filled(known, event.filled, known.avgFillPrice, known.lastFillPrice)
    return _noted(state, known, event.at, "completedOrder", event.text or event.status)


def _vanished(state: OrderState, event: NotListed) -> OrderState:
    if state.done or state.not_found:
        return state
    if state.contradicted in CANCELLED:  # the list that contradicted its end was the one that erred
        return _lived(replace(state, status=state.contradicted), event.at, "vanished", "no longer in TWS's lists")
    if _rejected_by_absence(state, event):
        known = replace(state, status=INACTIVE, rejected=state.said, misses=0, missed_at=None)
        return _lived(known, event.at, "vanished", "TWS spoke against it, and names it neither open nor completed")
    known = replace(state, status=UNKNOWN, misses=state.misses + 1, missed_at=event.at)
    return _lived(known, event.at, "vanished", "TWS names it neither open nor completed")


def _rejected_by_absence(state: OrderState, event: NotListed) -> bool:
    """TWS spoke against an order that it has never shown, and a look that began after that does not name it."""
    said = state.said
    if said is None or said.unnamed or said.code in WARNINGS or event.asked_at is None or state.named or state.filled:
        return False
    return said.at <= event.asked_at


def _reopened(state: OrderState, status: str, remaining: float) -> OrderState:
    """Not Filled after all: a change to a larger quantity was confirmed later than the fills came."""
    if state.status != FILLED or state.filled_confirmed or status not in WORKING or remaining <= 0:
        return state
    return replace(state, status=status, remaining=remaining)


def _with_status(state: OrderState, status: str) -> OrderState:
    """Take TWS's word for the status, unless what is known is final."""
    if state.status == FILLED:
        return replace(state, filled_confirmed=True) if status == FILLED and not state.filled_confirmed else state
    if status == "" or (state.status in CANCELLED and status != FILLED):
        return state
    if status in WORKING or status == FILLED:
        confirmed = state.filled_confirmed or status == FILLED
        return replace(
            state, status=status, working=True, filled_confirmed=confirmed, rejected=None, pending_rejection=None
        )
    if status == INACTIVE and state.pending_rejection is not None:
        return replace(state, status=status, rejected=state.pending_rejection, pending_rejection=None)
    return replace(state, status=status)


def _filled(
    state: OrderState, filled: float, avgPrice: float | None, lastPrice: float | None, more: bool = False
) -> OrderState:
    """Quantities as of the newest message; a whole quantity filled is Filled, though no status may ever say so, unless
    the message itself says that there is more."""
    asked = state.change.totalQuantity if state.change is not None else 0.0
    total = max(state.terms.totalQuantity, asked)  # a change that is not confirmed yet may have been carried out
    all_filled = total > 0 and filled >= total and not more
    known = replace(
        state,
        filled=filled,
        remaining=max(total - filled, 0.0) if total > 0 else state.remaining,
        avgFillPrice=(state.avgFillPrice if avgPrice is None else avgPrice) if filled else None,
        lastFillPrice=(state.lastFillPrice if lastPrice is None else lastPrice) if filled else None,
    )
    known = replace(known, status=FILLED, rejected=None, working=True) if all_filled else known
    return state if known == state else known


def _identified(state: OrderState, permId: int | None, orderRef: str | None) -> OrderState:
    if permId is not None and permId not in state.permIds:
        state = replace(state, permIds=(*state.permIds, permId))
    if orderRef is not None and state.orderRef is None:
        state = replace(state, orderRef=orderRef)
    return state


def _noted(before: OrderState, after: OrderState, at: datetime, source: Source, what: str) -> OrderState:
    """A message that repeats what is known leaves no trace."""
    return before if after == before else _lived(after, at, source, what)


def _lived(state: OrderState, at: datetime, source: Source, what: str) -> OrderState:
    return replace(state, life=appended(state.life, HistoryEntry(at, source, what)))


_APPLY: Mapping[type[Event], Callable[[OrderState, Any], OrderState]] = {  # each takes the event of its key
    ErrorReported: _said,
    Sent: _sent,
    ModifySent: _modify_sent,
    CancelSent: _cancel_sent,
    OpenOrderReported: _opened,
    Status: _status,
    Fill: _fill,
    Commission: _commission,
    Completed: _completed,
    NotListed: _vanished,
    ListedOpen: _listed_open,
}
