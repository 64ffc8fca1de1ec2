"""Makes the answers of an earlier release's calls anew, from what the audit log says of their orders. Pure."""

from collections.abc import Collection, Sequence
from dataclasses import replace

import msgspec

from bridge.audit_chain import AuditEntry
from bridge.bus.messages import VERSION, Reply, decode_reply, encode_error
from bridge.order_references import EXITS
from bridge.redaction import mask_accounts
from bridge.tool import Model, ToolError
from bridge.tools.orders import Bracket
from ib_worker.earlier_release.audited_calls import CHANGE, AuditedCalls
from ib_worker.order_entry.bracket_report import bracket_report
from ib_worker.order_entry.outcome_texts import change_message, is_settled, placement_report
from ib_worker.orders.report import order_report
from ib_worker.orders.state import OrderState
from ib_worker.orders.tracker import TrackedOrder

BRACKET = "place_bracket_order"
# The figures of an answer by which its moment is found.
FACTS = (
    "status", "filled", "remaining", "avgFillPrice", "lastFillPrice", "whyHeld", "commission", "totalQuantity",
    "lmtPrice",
)  # fmt: skip

Facts = list[list[object]]


def answer(
    intent: AuditEntry, calls: AuditedCalls, attempt: str, given: bytes, accounts: Collection[str]
) -> Reply | None:
    """Return the answer as of the moment at which its orders were as in the one that was given, and else as of the last
    one; None where the log does not say what became of them. `accounts` are those of the session: the log masks them.
    """
    facts, account = _facts_given(given), _account(intent.account, accounts)
    found: Reply | None = None
    for states in calls.moments(intent):
        if all(map(is_settled, states)):
            found = _reply(intent, attempt, _tracked(states, calls.key_of(intent.orderRef), account))
            if _facts(found) == facts:
                break
    return found


def _tracked(states: Sequence[OrderState], key: str | None, account: str | None) -> list[TrackedOrder]:
    return [TrackedOrder(replace(each, terms=replace(each.terms, account=account)), key) for each in states]


def _account(masked: str, accounts: Collection[str]) -> str | None:
    """Return the account that the log has masked, None where none or several of the session's are masked so."""
    found = [each for each in accounts if mask_accounts(each) == masked]
    return found[0] if len(found) == 1 else None


def _facts_given(reply: bytes) -> Facts:
    try:
        return _facts(decode_reply(reply))
    except (msgspec.DecodeError, AttributeError, TypeError):
        return []  # a front has made it up


def _facts(reply: Reply) -> Facts:
    if not reply.ok:
        return [[reply.code]]
    found = msgspec.json.decode(reply.result)
    reports = [found[each] for each in ("entry", *EXITS) if each in found] or [found]
    return [[each.get(name) for name in FACTS] for each in reports]


def _reply(intent: AuditEntry, attempt: str, orders: list[TrackedOrder]) -> Reply:
    try:
        result: Model
        if intent.tool == BRACKET:
            result = _with_parent(bracket_report(orders, intent.key))
        elif intent.tool == CHANGE:
            result = order_report(orders[0], change_message(orders[0].state))
        else:
            result = placement_report(orders[0])
    except ToolError as error:
        return decode_reply(encode_error(attempt, error))
    return Reply(VERSION, attempt, True, msgspec.Raw(result.model_dump_json().encode()))


def _with_parent(report: Bracket) -> Bracket:
    """The log does not name the parent of the exits, which is the entry."""
    if report.entry is None:
        return report
    parent = {"parentId": report.entry.orderId}
    return report.model_copy(update={each: getattr(report, each).model_copy(update=parent) for each in EXITS})
