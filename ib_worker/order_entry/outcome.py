"""The outcome of an order that was sent: waits until TWS has answered."""

import asyncio
from contextlib import suppress

from bridge.bus.server.request import RequestContext
from bridge.tools.order_report import OrderReport
from ib_worker.order_entry.outcome_texts import is_settled, placement_report, require_settled
from ib_worker.orders.events import ErrorReported
from ib_worker.orders.state import OrderState
from ib_worker.orders.tracker import TrackedOrder
from ib_worker.session.session import Session
from ib_worker.session.sync import explained, try_resync
from ib_worker.tws.values.codes import WARNINGS


async def await_placement(
    session: Session, entry: TrackedOrder, context: RequestContext, replayed: bool = False
) -> OrderReport:
    """Return the report as soon as TWS has answered. This waits through silence of TWS; the caller sees `pending`
    meanwhile."""
    entry.key = context.key
    await await_first_status(session, entry, context)
    require_settled(entry)
    return placement_report(entry, replayed)


async def await_first_status(session: Session, entry: TrackedOrder, context: RequestContext) -> OrderState:
    """Return the state once TWS has accepted the order, after a short wait for the fill or rejection that often
    follows; or once TWS has sent an error whose meaning one resync has left open."""
    timing = session.order_timing
    state = await await_existence(session, entry, words_suffice=True)
    if state.rejected is not None and not state.permIds:  # by an error alone, which may come for a live order
        with suppress(TimeoutError):
            async with asyncio.timeout(timing.rejection_wait_s):
                state = await entry.until(lambda each: each.rejected is None)
    if state.acknowledged and not state.done:
        fills = state.terms.orderType == "MKT"
        wait_s = timing.fill_wait_s if fills else timing.settle_wait_s
        with suppress(TimeoutError):
            async with asyncio.timeout(max(min(wait_s, context.remaining_s()), 0)):
                await entry.until(lambda each: each.done or (not fills and each.status == "Submitted"))
    return entry.state


async def await_existence(session: Session, entry: TrackedOrder, words_suffice: bool = False) -> OrderState:
    """Wait until it is certain whether the order exists: resync twice after silence, and at once after an error or
    notice about the order. `words_suffice`: an error and one resync are enough."""
    known: ErrorReported | None = None
    while not is_settled(entry.state):
        try:
            async with asyncio.timeout(session.order_timing.first_status_wait_s):
                await entry.until(lambda each: is_settled(each) or each.said is not known)  # noqa: B023
        except TimeoutError:
            if session.state.standing.ready:
                await try_resync(session)
            continue
        known = entry.state.said
        if known is None or not await _left_open(session, entry, known):
            continue
        if words_suffice:
            break
    return entry.state


async def _left_open(session: Session, entry: TrackedOrder, said: ErrorReported) -> bool:
    """Return whether the meaning of an error or notice stays open after a resync that began after it."""
    if said.code in WARNINGS:
        with suppress(TimeoutError):
            async with asyncio.timeout(session.order_timing.warning_wait_s):
                await entry.until(is_settled)
    await explained(session, entry)
    return entry.state.said is not None and not is_settled(entry.state)
