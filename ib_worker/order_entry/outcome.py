"""The outcome of an order that was sent: waits until TWS has answered."""

import asyncio
from contextlib import suppress

from bridge.bus.server.request import RequestContext
from bridge.tools.types import OrderReport
from ib_worker.order_entry.outcome_texts import is_settled, placement_report, require_settled
from ib_worker.orders.events import ErrorReported
from ib_worker.orders.state import OrderState
from ib_worker.orders.tracker import TrackedOrder
from ib_worker.session.session import Session
from ib_worker.session.sync import explained, try_resync
from ib_worker.tws.values.codes import WARNINGS


async def await_placement(
    session: Session, entry: TrackedOrder, asked: RequestContext, replayed: bool = False
) -> OrderReport:
    """Return the report as soon as TWS has answered. Silence is waited out: callers see it as pending."""
    entry.key = asked.key
    await await_first_status(session, entry, asked)
    require_settled(entry)
    return placement_report(entry, replayed)


async def await_first_status(session: Session, entry: TrackedOrder, asked: RequestContext) -> OrderState:
    """The state once TWS has taken the order, and a moment more for the fill or rejection that often follows; or once
    TWS has spoken against it in words whose meaning one look has left open."""
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
            async with asyncio.timeout(max(min(wait_s, asked.remaining_s()), 0)):
                await entry.until(lambda each: each.done or (not fills and each.status == "Submitted"))
    return entry.state


async def await_existence(session: Session, entry: TrackedOrder, words_suffice: bool = False) -> OrderState:
    """The order once it is certain that it exists, or that it does not: after silence the gateway is asked, twice;
    after an error or notice about the order at once. `words_suffice`: those and one look are enough."""
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
    """Return whether the meaning of an error or notice stays open after a look that began after it."""
    if said.code in WARNINGS:
        with suppress(TimeoutError):
            async with asyncio.timeout(session.order_timing.warning_wait_s):
                await entry.until(is_settled)
    await explained(session, entry)
    return entry.state.said is not None and not is_settled(entry.state)
