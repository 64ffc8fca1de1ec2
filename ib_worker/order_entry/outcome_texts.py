"""Builds the answers and errors about the outcome of an order. Pure."""

from datetime import UTC, datetime

from bridge.text.numbers import digits
from bridge.tool import ToolError
from bridge.tools.order_report import CANCEL_UNCONFIRMED, OrderReport
from ib_worker.orders.report import order_report, shown_by_ibkr
from ib_worker.orders.state import OrderState
from ib_worker.orders.tracker import TrackedOrder
from ib_worker.session_state.gateway_login import NEW_YORK
from ib_worker.tws.errors import is_read_only, refusal
from ib_worker.tws.values.text import quoted, tws_said


def require_settled(entry: TrackedOrder) -> None:
    """Check that it is certain whether IBKR has the order. Raises ToolError pending, with the words of TWS."""
    state = entry.state
    if is_settled(state):
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
    """Return the report for the call that placed the order. Raises ToolError if the order was rejected or does not
    exist."""
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


def _names(entry: TrackedOrder) -> dict[str, object]:
    state = entry.state
    return {
        "orderId": state.orderId,
        "permId": state.permId,
        "orderRef": state.orderRef,
        "idempotencyKey": entry.key,
    }


def _words(state: OrderState, since: datetime | None = None) -> str:
    """Return the latest error or notice of TWS about the order as a sentence; empty if there is none since `since`."""
    said = state.notices[-1] if state.notices else None
    if said is None or (since is not None and said.at < since):
        return ""
    return tws_said(said.code, said.text)


def why_lists_may_miss_it(state: OrderState) -> str:
    """Return why the order lists may have missed the order; empty if they cannot have."""
    if state.sent_at is None or state.missed_at is None:
        return ""
    return doubt_of_day(state.sent_at, state.missed_at)


def doubt_of_day(sent: datetime, looked: datetime) -> str:
    """Return why an order list cannot show an order that was sent on an earlier day; empty if it can. Executions reach
    back to midnight in the zone of the gateway, which is UTC or that of the exchange."""
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
        f"{CANCEL_UNCONFIRMED} Outside trading hours that comes when the exchange opens. "
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


def is_settled(state: OrderState) -> bool:
    return state.acknowledged or state.not_found
