"""Cancels orders that belong together, and reports the position that remains, which may have lost its exits."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress

from bridge.bus.server.request import RequestContext
from bridge.tool import ToolError
from bridge.tools.order_report import GroupMember, OrderReport
from ib_worker.order_entry.lookup import order_names
from ib_worker.order_entry.outcome_texts import cancel_message
from ib_worker.order_entry.send import send_cancel
from ib_worker.order_groups.groups import WORDS, Role, named
from ib_worker.order_groups.related import held_by, name_of, named_each, position, related, roles
from ib_worker.orders.report import order_report
from ib_worker.orders.tracker import TrackedOrder, is_open
from ib_worker.pacing.message_pacer import Priority
from ib_worker.session.session import Session
from ib_worker.session.sync import explained, listed_soon, try_resync
from ib_worker.tws.errors import ConnectionLost
from ib_worker.tws.values.text import quoted

ORDER_LIST_S = 3.0


async def cancel_group(session: Session, context: RequestContext, group: Sequence[TrackedOrder]) -> OrderReport:
    """Cancel the open orders of a bracket. A cancelled entry ends the exits that it holds. Exits that a fill of the
    entry has activated stay, since they protect the position."""
    first = group[0]
    account = session.require_tradable(first.state.terms.account)
    if any(each.state.done for each in group):
        await listed_soon(session)  # a later list of open orders may contradict an end
    targets = _targets(session, group)
    if not targets:
        return grouped(session, first, f"Nothing of it is open any more: {_stand(group)}. Nothing was sent.")
    for each in targets:
        await session.tws.pacer.wait_turn(Priority.ORDERS)
        await session.services.audit.intent(context, account, each.state.orderId, each.state.orderRef or "")
    await context.accept(None, **order_names(targets[0]))
    was_open = [each for each in group if is_open(each)]
    write_cancels(session, context, _targets(session, group))
    await until_cancelled(session, [each for each in was_open if each.state.cancel_asked], context)
    if not _entry_filled(group):
        await _taken(session, context, [each for each in was_open if not each.state.cancel_asked])
    await explained_all(session, was_open)
    for each in was_open:
        await explained(session, each)
    if any(each.state.cancel_refused is not None and is_open(each) for each in was_open):
        await looked(session, context)
    return grouped(session, first, meaning(session, was_open, group))


async def _taken(session: Session, context: RequestContext, held: Sequence[TrackedOrder]) -> None:
    """Cancel the exits that an entry held and that have not ended with it, as TWS usually ends them itself.

    While the entry is open, as after a rejected cancel, its exits stay: they protect its fill.
    """
    await until_cancelled(session, [each for each in held if held_by(session, each) is None], context)
    left = [each for each in held if is_open(each) and held_by(session, each) is None]
    write_cancels(session, context, left, begun=True)
    await until_cancelled(session, left, context)


async def withdrawn(session: Session, context: RequestContext, entries: Sequence[TrackedOrder]) -> None:
    """Cancel the orders sent with an order that TWS rejected, unless one has filled: TWS may hold them untransmitted,
    and a later order could activate them. The frames of the call are out, so an order that cannot be cancelled or
    recorded stays as it is."""
    if any(each.state.filled for each in entries):
        return
    with suppress(ToolError, ConnectionLost):
        for each in [each for each in entries if not each.state.done]:
            await session.tws.pacer.wait_turn(Priority.ORDERS)
            account, orderRef = each.state.terms.account, each.state.orderRef or ""
            await session.services.audit.intent(context, account, each.state.orderId, orderRef)
            write_cancels(session, context, [each], begun=True)
            await until_cancelled(session, [each], context)


def _targets(session: Session, group: Sequence[TrackedOrder]) -> list[TrackedOrder]:
    """Return the orders that a cancel must name first: all open ones, except exits that an open entry holds.

    Those exits follow once the entry has ended, also where it has filled in part: if its cancel is rejected, the entry
    must not be without exits.
    """
    return [each for each in group if is_open(each) and held_by(session, each) is None]


def _entry_filled(group: Sequence[TrackedOrder]) -> bool:
    named_so = zip(group, roles(group), strict=True)
    return any(role == "entry" and each.state.status == "Filled" for each, role in named_so)


def write_cancels(
    session: Session, context: RequestContext, entries: Sequence[TrackedOrder], begun: bool = False
) -> bool:
    """Write the cancels, and return whether one is out. Once one is out (`begun`), the end of the connection or of the
    lease leaves the other orders as they are, and the report shows them."""
    sent = begun
    for entry in entries:
        if entry.state.done:
            continue
        if sent and (session.tws.wire is None or session.tws.wire.lost.done() or not context.still_leader()):
            return sent
        send_cancel(session, context, entry)
        sent = True
    return sent


async def until_cancelled(session: Session, entries: Sequence[TrackedOrder], context: RequestContext) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(max(min(session.order_timing.cancel_wait_s, context.remaining_s()), 0)):
            for entry in entries:
                await entry.until(lambda each: each.done or each.cancel_refused is not None or each.said is not None)


def meaning(session: Session, asked_for: Sequence[TrackedOrder], group: Sequence[TrackedOrder]) -> str:
    """Return, in words, the outcome of each cancel and the position that remains."""
    names = dict(zip(map(id, group), roles(group), strict=True))
    ended = [names[id(each)] for each in asked_for if each.state.done and each.state.status != "Filled"]
    filled = [names[id(each)] for each in asked_for if each.state.status == "Filled"]
    left = [each for each in group if is_open(each)]
    told = [f"Cancelled {named(ended)}."] if ended else []
    told += [f"{_capital(named(filled))} filled before the cancel reached it."] if filled else []
    told += [_left(left, [names[id(each)] for each in left], asked_for)] if left else []
    told += [_protection(session, group[0], left)]
    return " ".join(filter(None, told))


def _left(left: Sequence[TrackedOrder], names: Sequence[Role], asked_for: Sequence[TrackedOrder]) -> str:
    refused = next((each.state.cancel_refused for each in left if each.state.cancel_refused is not None), None)
    words = f"{_capital(named(names))} {'are' if len(left) > 1 else 'is'} still open"
    if refused is not None:
        return f"{words}: TWS rejected the cancel (error {refused.code}): {quoted(refused.text)}"
    if any(each.state.cancel_asked for each in left):
        return f"{words}: the cancel was sent and is not confirmed yet."
    again = ": cancel again, with a new idempotencyKey, if that is to end too" if set(left) & set(asked_for) else ""
    return f"{words}{again}."


def _protection(session: Session, entry: TrackedOrder, left: Sequence[TrackedOrder]) -> str:
    """Return whether the position still has an exit, of this group or any other open order."""
    held = position(session, entry)
    if not held:
        return ""
    terms = entry.state.terms
    side = "SELL" if held > 0 else "BUY"
    leaving = [each for each in session.orders.tracker.of(terms.account, terms.contract.conId, side) if is_open(each)]
    size = f"The position of {held.normalize():f} {name_of(entry)}"
    if not leaving:
        return f"{size} now has no exit order."
    stops = "stopLoss" in roles(leaving)
    return f"{size} still has {len(leaving)} open {side} order{'s' if len(leaving) > 1 else ''}" + (
        "." if stops else ", and none of them is a stop."
    )


def held_of(session: Session, entry: TrackedOrder) -> list[TrackedOrder]:
    """Return the orders that TWS ends together with this one, since this one holds them."""
    return [each for each in related(session, entry) if is_open(each) and held_by(session, each) is entry]


def cancelled_text(session: Session, entry: TrackedOrder, along: Sequence[TrackedOrder]) -> str:
    """Return the outcome of one order's cancel, and of the orders that ended with it, in words."""
    group = related(session, entry)
    if len(group) == 1 or not entry.state.done:
        return cancel_message(entry.state)
    return meaning(session, along, group)


def still_open(session: Session, entry: TrackedOrder) -> str:
    """Return, in words, the open orders of a group whose named order is done, and the name that cancels them."""
    left = [each for each in related(session, entry) if is_open(each)]
    if not left:
        return ""
    key = f" ibkr_cancel_order with orderKey {entry.key} cancels the open orders." if entry.key else ""
    return f"Of its group {named_each(session, left)} {'are' if len(left) > 1 else 'is'} still open.{key}"


def grouped(session: Session, entry: TrackedOrder, message: str) -> OrderReport:
    """Return the report of an order, with the orders that belong to it."""
    group = related(session, entry)
    return order_report(entry, message).model_copy(update={"group": members_told(group) if len(group) > 1 else []})


def members_told(group: Sequence[TrackedOrder]) -> list[GroupMember]:
    found = []
    for each, role in zip(group, roles(group), strict=True):
        told = order_report(each)
        fields = {name: getattr(told, name) for name in GroupMember.model_fields if name != "role"}
        found.append(GroupMember(role=role, **fields))
    return found


def _stand(group: Sequence[TrackedOrder]) -> str:
    words = [f"{WORDS[role]} is {each.state.status}" for each, role in zip(group, roles(group), strict=True)]
    return ", ".join(words)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


async def explained_all(session: Session, entries: Sequence[TrackedOrder]) -> None:
    """Resync at once if TWS has sent an error of open meaning about one of these cancels."""
    if unclear := [each for each in entries if each.state.said is not None]:
        await explained(session, unclear[-1])


async def looked(session: Session, context: RequestContext) -> None:
    """Resync after a rejection by TWS: the order may have ended, and the message about its end was lost. If no complete
    resync ends in time, the known state is reported."""
    with suppress(TimeoutError):
        async with asyncio.timeout(max(min(ORDER_LIST_S, context.remaining_s()), 0)):
            await try_resync(session)
