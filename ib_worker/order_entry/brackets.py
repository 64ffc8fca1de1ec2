"""Waits for the outcome of a bracket, and cancels the bracket if IBKR rejects its stop."""

import asyncio
from collections.abc import Coroutine, Iterable, Sequence
from typing import Any

from bridge.bus.server.request import RequestContext
from bridge.order_references import LEGS, order_ref
from bridge.tasks import run_until_first_ends
from bridge.tools.orders import Bracket
from ib_worker.order_entry.bracket_report import bracket_report, exits_report
from ib_worker.order_entry.build import SENT_ALONE
from ib_worker.order_entry.outcome import await_first_status
from ib_worker.order_entry.outcome_texts import require_settled
from ib_worker.order_entry.send import withdrawn
from ib_worker.orders.state import OrderState
from ib_worker.orders.tracker import TrackedOrder
from ib_worker.session.session import Session


def bracket_entries(session: Session, key: str, placed: Sequence[str] = LEGS) -> list[TrackedOrder] | None:
    """Return the orders of a bracket, or None unless IBKR knows all of them."""
    found = [session.orders.tracker.by_ref(order_ref(key, leg)) for leg in placed]
    whole = [each for each in found if each is not None]
    return whole if len(whole) == len(found) else None


async def bracket_followed(session: Session, entries: list[TrackedOrder], context: RequestContext) -> Bracket:
    """Return the report on the orders once IBKR has answered: on three, or on the two of a position's exits.

    If IBKR rejects the stop, the others are cancelled: the stop is sent last and transmits them, so that they wait at
    TWS and never work without it.
    """
    for each in entries:
        each.key = context.key
    if len(entries) == len(SENT_ALONE):
        return await _exits_followed(session, entries, context)
    entry, stop = entries[0], entries[-1]
    following = [await_first_status(session, each, context) for each in entries]
    refused = [each.until(_is_rejected) for each in (entry, stop)]
    await run_until_first_ends(_all(following), *refused, _left_open(session, stop, context))
    if _is_rejected(stop.state):
        await withdrawn(session, context, entries[:-1])
    if not _is_rejected(entry.state):
        require_settled(stop)
    return bracket_report(entries, context.key or "")


async def _exits_followed(session: Session, entries: Sequence[TrackedOrder], context: RequestContext) -> Bracket:
    await _all([await_first_status(session, each, context) for each in entries])
    for each in entries:
        require_settled(each)
    return exits_report(entries, context.key or "")


async def _all(following: Iterable[Coroutine[Any, Any, OrderState]]) -> None:
    await asyncio.gather(*following)


async def _left_open(session: Session, stop: TrackedOrder, context: RequestContext) -> None:
    """Return once TWS has sent an error about the stop whose meaning is open: TWS has not transmitted the other orders
    then, so a wait for them would not end."""
    await await_first_status(session, stop, context)
    await stop.until(lambda state: not (state.acknowledged or state.not_found))


def _is_rejected(state: OrderState) -> bool:
    return state.rejected is not None
