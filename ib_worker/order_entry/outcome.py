"""The outcome of an order that was sent: waits until TWS has answered, and words the report."""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime
from typing import TypeVar

from bridge.bus.server.request import RequestContext
from bridge.text.numbers import digits
from bridge.tool import ToolError
from bridge.tools.orders import Bracket
from bridge.tools.types import OrderReport
from ib_worker.order_identity.same_order import shown_by_ibkr
from ib_worker.orders.events import ErrorReported
from ib_worker.orders.state import OrderState
from ib_worker.orders.tracker import TrackedOrder, order_report
from ib_worker.session.session import Session
from ib_worker.session.sync import explained, try_resync
from ib_worker.session.warnings import NEW_YORK
from ib_worker.tws.errors import is_read_only, refusal
from ib_worker.tws.values.codes import WARNINGS
from ib_worker.tws.values.text import quoted, tws_said

FILL_S = 2.0  # a market order's fill follows its acknowledgement within this, in an open market
SETTLE_S = 0.5  # other orders: an early rejection follows within this
LOOK_S = 15.0
SHOWN_S = 0.25  # TWS shows an order that lives on in spite of an error within this
WARNED_S = 0.5  # a warning comes right before the order is acknowledged


Told = TypeVar("Told", OrderReport, Bracket)


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
    state = await await_existence(session, entry, words_suffice=True)
    if state.rejected is not None and not state.permIds:  # by an error alone, which may come for a live order
        with suppress(TimeoutError):
            async with asyncio.timeout(SHOWN_S):
                state = await entry.until(lambda each: each.rejected is None)
    if state.acknowledged and not state.done:
        wait_s = FILL_S if state.terms.orderType == "MKT" else SETTLE_S
        with suppress(TimeoutError):
            async with asyncio.timeout(max(min(wait_s, asked.remaining_s()), 0)):
                await entry.until(lambda each: each.done or (wait_s == SETTLE_S and each.status == "Submitted"))
    return entry.state


async def await_existence(session: Session, entry: TrackedOrder, words_suffice: bool = False) -> OrderState:
    """The order once it is certain that it exists, or that it does not: after silence the gateway is asked, twice;
    after an error or notice about the order at once. `words_suffice`: those and one look are enough."""
    known: ErrorReported | None = None
    while not _is_settled(entry.state):
        try:
            async with asyncio.timeout(LOOK_S):
                await entry.until(lambda each: _is_settled(each) or each.said is not known)  # noqa: B023
        except TimeoutError:
            if session.record.standing.ready:
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
            async with asyncio.timeout(WARNED_S):
                await entry.until(_is_settled)
    await explained(session, entry)
    return entry.state.said is not None and not _is_settled(entry.state)


def _is_settled(state: OrderState) -> bool:
    return state.acknowledged or state.not_found


def require_settled(entry: TrackedOrder) -> None:
    """Raises ToolError pending, with TWS's words, while it is open whether IBKR has the order."""
    state = entry.state
    if _is_settled(state):
        return
    said = state.said or state.notices[-1]
    raise ToolError(
        "pending",
        f"The order was sent, and it is not known yet whether IBKR has it. {tws_said(said.code, said.text)} Retry with "
        "the same idempotencyKey to get the outcome, or call ibkr_get_open_orders.",
        twsCode=said.code,
        **_names(entry),
    )


def placement_report(entry: TrackedOrder, replayed: bool = False) -> OrderReport:
    """The order as the answer of the call that placed it. Raises ToolError if it was rejected, or is not there."""
    state, names = entry.state, _names(entry)
    if state.rejected is not None and is_read_only(state.rejected.code, state.rejected.text):
        error = refusal(state.rejected.code, state.rejected.text)
        raise ToolError(error.code, error.message, **error.details, **names)
    if state.rejected is not None:
        raise ToolError(
            "rejected",
            f"IBKR rejected the order (error {state.rejected.code}): {quoted(state.rejected.text)}",
            twsCode=state.rejected.code,
            **names,
        )
    if state.not_found:
        raise not_found(why_lists_may_miss_it(state), _words(state), **names)
    text = placed_message(state)
    return order_report(entry, f"{shown_by_ibkr(entry)} {text}" if replayed else text, replayed)


def remarked(report: Told, remarks: str) -> Told:
    """The report with what this worker adds to TWS's words."""
    return report.model_copy(update={"message": f"{report.message} {remarks}".strip()}) if remarks else report


def _names(entry: TrackedOrder) -> dict[str, object]:
    state = entry.state
    return {
        "orderId": state.orderId,
        "permId": state.permId,
        "orderRef": state.orderRef,
        "idempotencyKey": entry.key,
    }


def _words(state: OrderState, since: datetime | None = None) -> str:
    """TWS's latest error or notice about the order as a sentence, empty where there is none (since a moment)."""
    said = state.notices[-1] if state.notices else None
    if said is None or (since is not None and said.at < since):
        return ""
    return tws_said(said.code, said.text)


def why_lists_may_miss_it(state: OrderState) -> str:
    """Why the looks that did not show the order may have missed it, empty where they can't have."""
    if state.sent_at is None or state.missed_at is None:
        return ""
    return doubt_of_day(state.sent_at, state.missed_at)


def doubt_of_day(sent: datetime, looked: datetime) -> str:
    """Why a look can't tell of an order that was sent on an earlier day, empty where it can: executions reach back to
    midnight, in the gateway's zone, which is UTC or the exchange's."""
    if all(sent.astimezone(zone).date() == looked.astimezone(zone).date() for zone in (UTC, NEW_YORK)):
        return ""
    return "it was sent on an earlier day and may have filled before midnight, which TWS does not report any more"


def not_found(doubt: str = "", words: str = "", **names: object) -> ToolError:
    """Return the error after two complete order lists without the order, unless they may have missed it."""
    if doubt:
        return ToolError(
            "not_confirmed",
            f"The order was sent, and two complete order lists from IBKR do not contain it, but {doubt}. Check the "
            "positions and the account's statements before you place it again, with a new idempotencyKey."
            + (f" {words}" if words else ""),
            **names,
        )
    return ToolError(
        "not_found",
        "The order was sent, but two complete order lists from IBKR do not contain it, so IBKR did not receive it. "
        f"To retry, use a new idempotencyKey. {words}".rstrip(),
        **names,
    )


def placed_message(state: OrderState) -> str:
    if state.status == "Filled":
        return "The order is filled."
    if state.filled:
        return f"{digits(state.filled)} of {digits(state.terms.totalQuantity)} are filled."
    where = "The order was cancelled." if state.done else f"The order is at IBKR, in status {state.status}."
    return f"{where} {_words(state)}".rstrip()


def cancel_message(state: OrderState) -> str:
    if state.status == "Filled":
        return "The order was filled before the cancel reached it."
    if state.done:
        return "The order is cancelled."
    if state.cancel_refused is not None:
        refused = state.cancel_refused
        return f"TWS rejected the cancel (error {refused.code}): {quoted(refused.text)}"
    return (
        "The cancel was sent and is not confirmed yet. Outside trading hours that comes when the exchange opens. "
        f"{_words(state, state.cancelled_at)}"
    ).rstrip()


def change_message(state: OrderState) -> str:
    if state.change_refused is not None:
        refused = state.change_refused
        return f"TWS rejected the change (error {refused.code}): {quoted(refused.text)} The order is unchanged."
    if state.change is not None and not state.done:
        return (
            "The change was sent and is not confirmed yet; these are the terms that TWS last confirmed. "
            f"{_words(state, state.changed_at)}"
        ).rstrip()
    return "TWS has confirmed the new terms." if not state.done else placed_message(state)
