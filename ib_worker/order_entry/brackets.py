"""The report on a bracket: an entry and its two exits, which IBKR may have whole, in part, or not at all."""

import asyncio
from collections.abc import Coroutine, Iterable, Sequence
from typing import Any

from bridge.bus.server.request import RequestContext
from bridge.tool import ToolError
from bridge.tools.orders import Bracket
from ib_worker.order_entry.build import EXITS, LEGS
from ib_worker.order_entry.cancel import withdrawn
from ib_worker.order_entry.outcome import (
    await_first_status,
    not_found,
    placement_report,
    require_settled,
    why_lists_may_miss_it,
)
from ib_worker.order_groups.related import is_open
from ib_worker.orders.references import order_ref
from ib_worker.orders.state import OrderState
from ib_worker.orders.tracker import TrackedOrder, order_report
from ib_worker.racing import run_until_first_ends
from ib_worker.session.session import Session
from ib_worker.tws.values.text import quoted


def bracket_entries(session: Session, key: str) -> list[TrackedOrder] | None:
    """A bracket's three orders, None unless IBKR knows all of them."""
    found = [session.ledger.by_ref(order_ref(key, leg)) for leg in LEGS]
    whole = [each for each in found if each is not None]
    return whole if len(whole) == len(found) else None


async def bracket_followed(session: Session, entries: list[TrackedOrder], asked: RequestContext) -> Bracket:
    """Return the report on the three orders once IBKR has answered.

    If IBKR rejects the stop, the others are cancelled: the stop is sent last and transmits them, so that they wait at
    TWS and never work without it.
    """
    for each in entries:
        each.key = asked.key
    entry, stop = entries[0], entries[-1]
    following = [await_first_status(session, each, asked) for each in entries]
    refused = [each.until(_is_rejected) for each in (entry, stop)]
    await run_until_first_ends(_all(following), *refused, _left_open(session, stop, asked))
    if _is_rejected(stop.state):
        await withdrawn(session, asked, entries[:-1])
    if not _is_rejected(entry.state):
        require_settled(stop)
    return bracket_report(entries, asked.key or "")


async def _all(following: Iterable[Coroutine[Any, Any, OrderState]]) -> None:
    await asyncio.gather(*following)


async def _left_open(session: Session, stop: TrackedOrder, asked: RequestContext) -> None:
    """Ends where TWS has spoken against the order in words whose meaning stays open: then nobody waits for those that
    it has not transmitted."""
    await await_first_status(session, stop, asked)
    await stop.until(lambda state: not (state.acknowledged or state.not_found))


def _is_rejected(state: OrderState) -> bool:
    return state.rejected is not None


def bracket_report(entries: Sequence[TrackedOrder | None], key: str) -> Bracket:
    """None: in two full looks IBKR did not name it. Raises ToolError if the entry was rejected, if IBKR has none of the
    three, or not_confirmed if it lacks one that nothing more can be told of, or if the looks may have missed all; an
    exit that failed is told in its own report and in the message."""
    there = [each for each in entries if each is not None and not each.state.not_found]
    entry, takeProfit, stopLoss = entries
    if entry is not None and entry.state.rejected is not None:
        placement_report(entry)
    if not there:
        doubts = [why_lists_may_miss_it(each.state) for each in entries if each is not None]
        raise not_found(next(filter(None, doubts), ""), orderRef=order_ref(key))
    if entry is None or takeProfit is None or stopLoss is None or entry not in there:
        names = [name for name, each in zip(("entry", *EXITS), entries, strict=True) if each not in there]
        raise ToolError(
            "not_confirmed",
            f"Two complete order lists from IBKR do not contain {' and '.join(names)} of the bracket's three orders; "
            "they contain the others. Do not place the bracket again: the others would be doubled. Call ibkr_get_order "
            "for each orderRef.",
            orderRefs=[each.state.orderRef for each in there],
        )
    if stopLoss.state.rejected is not None and not _lives(entry):
        raise _refused(stopLoss, key)
    exits = dict(zip(EXITS, (takeProfit, stopLoss), strict=True))
    refusals = {name: each.state.rejected for name, each in exits.items() if each.state.rejected is not None}
    missing = [name for name, each in exits.items() if each.state.not_found]
    failed = [f"IBKR rejected {name} (error {why.code}: {quoted(why.text)})" for name, why in refusals.items()]
    failed += [f"IBKR does not have {' and '.join(missing)}"] if missing else []
    text = f"{', and '.join(failed)}: the entry stands without it." if failed else "All three orders are at IBKR."
    text += f" {_lifetimes(entry, [each for each in (takeProfit, stopLoss) if is_open(each)])}"
    return Bracket(
        idempotencyKey=key,
        entry=placement_report(entry),
        takeProfit=order_report(takeProfit),
        stopLoss=order_report(stopLoss),
        message=text,
    )


LASTS = {"DAY": "until its trading day ends (DAY)", "GTC": "until it is cancelled (GTC)"}


def _lifetimes(entry: TrackedOrder, exits: Sequence[TrackedOrder]) -> str:
    """Return the `tif` of each open order of a bracket, in words."""
    tif = entry.state.terms.tif or "DAY"
    told = [] if entry.state.done else [f"The entry is good {LASTS.get(tif, tif)}."]
    for lasts in sorted({each.state.terms.tif or "DAY" for each in exits}):
        told.append(f"Each exit is good {LASTS.get(lasts, lasts)}.")
    return " ".join(told)


def _lives(entry: TrackedOrder) -> bool:
    """Return whether it may have filled, or may fill yet."""
    state = entry.state
    staged = not state.acknowledged and (state.cancel_asked or state.cancel_refused is not None)
    return state.filled > 0 or not (state.done or staged)


def _refused(stop: TrackedOrder, key: str) -> ToolError:
    """The whole bracket's rejection, in TWS's words on its stop."""
    refused = stop.state.rejected
    assert refused is not None
    return ToolError(
        "rejected",
        f"IBKR rejected the stop of the bracket (error {refused.code}): {quoted(refused.text)} The entry and the "
        "target were cancelled with it: nothing of the bracket is live. To retry, use a new idempotencyKey.",
        twsCode=refused.code,
        leg=EXITS[-1],
        orderId=stop.state.orderId,
        orderRef=stop.state.orderRef,
        idempotencyKey=key,
    )
