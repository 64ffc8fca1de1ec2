"""Cancels orders that belong together, and reports the position that remains, which may have lost its exits."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress

from bridge.bus.server.request import RequestContext
from bridge.text.numbers import digits
from bridge.tools.order_report import UNFILLED, OrderReport
from bridge.tools.orders import CancelReport
from ib_worker.order_entry.lookup import order_names
from ib_worker.order_entry.outcome_texts import cancel_message
from ib_worker.order_entry.send import until_cancelled, write_cancels
from ib_worker.order_groups.group_report import grouped
from ib_worker.order_groups.groups import WORDS, Role, named
from ib_worker.order_groups.lost_exits import lost_exits
from ib_worker.order_groups.related import excess, held_by, named_each, related, resting_exits, roles
from ib_worker.orders.report import order_report
from ib_worker.orders.tracker import TrackedOrder, is_open
from ib_worker.pacing.message_pacer import Priority
from ib_worker.session.session import Session
from ib_worker.session.sync import explained, listed_soon, try_resync
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


def _targets(session: Session, group: Sequence[TrackedOrder]) -> list[TrackedOrder]:
    """Return the orders that a cancel must name first: all open ones, except exits that an open entry holds.

    Those exits follow once the entry has ended, also where it has filled in part: if its cancel is rejected, the entry
    must not be without exits.
    """
    return [each for each in group if is_open(each) and held_by(session, each) is None]


def _entry_filled(group: Sequence[TrackedOrder]) -> bool:
    named_so = zip(group, roles(group), strict=True)
    return any(role == "entry" and each.state.status == "Filled" for each, role in named_so)


def meaning(session: Session, asked_for: Sequence[TrackedOrder], group: Sequence[TrackedOrder]) -> str:
    """Return, in words, the outcome of each cancel and the position that remains."""
    names = dict(zip(map(id, group), roles(group), strict=True))
    ended = [names[id(each)] for each in asked_for if each.state.done and each.state.status != "Filled"]
    filled = [names[id(each)] for each in asked_for if each.state.status == "Filled"]
    left = [each for each in group if is_open(each)]
    told = [f"Cancelled {named(ended)}."] if ended else []
    told += [f"{_capital(named(filled))} filled before the cancel reached it."] if filled else []
    told += [_left(left, [names[id(each)] for each in left], asked_for)] if left else []
    told += [_beyond(session, left)]
    told += [lost_exits(session, [each for each in group if each.state.done or each.state.cancel_asked])]
    return " ".join(filter(None, told))


def _beyond(session: Session, left: Sequence[TrackedOrder]) -> str:
    """Return what a fill of the exits that are left may open beyond the position."""
    exits = [each for each in resting_exits(session) if each in left] if session.positions.known else []
    over = excess(session, exits) if exits else 0.0
    if not over:
        return ""
    side = "short" if exits[0].state.terms.action == "SELL" else "long"
    return f"A fill beyond the position opens a {side} one of up to {digits(over)}."


def _left(left: Sequence[TrackedOrder], names: Sequence[Role], asked_for: Sequence[TrackedOrder]) -> str:
    refused = next((each.state.cancel_refused for each in left if each.state.cancel_refused is not None), None)
    words = f"{_capital(named(names))} {'are' if len(left) > 1 else 'is'} still open"
    if refused is not None:
        return f"{words}: TWS rejected the cancel (error {refused.code}): {quoted(refused.text)}"
    if any(each.state.cancel_asked for each in left):
        return f"{words}: the cancel was sent and is not confirmed yet."
    again = ": cancel again, with a new idempotencyKey, if that is to end too" if set(left) & set(asked_for) else ""
    return f"{words}{again}."


def held_of(session: Session, entry: TrackedOrder) -> list[TrackedOrder]:
    """Return the orders that TWS ends together with this one, since this one holds them."""
    return [each for each in related(session, entry) if is_open(each) and held_by(session, each) is entry]


def cancelled_text(session: Session, entry: TrackedOrder, along: Sequence[TrackedOrder]) -> str:
    """Return the outcome of one order's cancel, and of the orders that ended with it, in words."""
    group = related(session, entry)
    if len(group) == 1 or not entry.state.done:
        return f"{cancel_message(entry.state)} {lost_exits(session, along)}".rstrip()
    return meaning(session, along, group)


def all_cancelled(session: Session, entries: Sequence[TrackedOrder]) -> CancelReport:
    """Return the outcome of a cancel of everything."""
    text = "The cancel of every order was sent. The open orders are not known yet: call ibkr_get_open_orders."
    if session.orders.tracker.known:
        left = sum(not each.state.done for each in entries)
        text = _ended(len(entries), left) if entries else "No order was open."
    text = f"{text} {lost_exits(session, entries, beside=True)}".rstrip()
    return CancelReport(orders=[order_report(each, _remark(each)) for each in entries], message=text)


def _remark(entry: TrackedOrder) -> str:
    """Return the outcome of a cancel where the order's status does not say it."""
    return "" if entry.state.status in UNFILLED else cancel_message(entry.state)


def _ended(several: int, left: int) -> str:
    if several == 1:
        return "1 order was open, and " + ("its end is not confirmed yet." if left else "it has ended.")
    rest = f"the end of {left} is not confirmed yet" if left else "all of them have ended"
    return f"{several} orders were open, and {rest}."


def still_open(session: Session, entry: TrackedOrder) -> str:
    """Return, in words, the open orders of a group whose named order is done, and the name that cancels them."""
    left = [each for each in related(session, entry) if is_open(each)]
    if not left:
        return ""
    key = f" ibkr_cancel_order with orderKey {entry.key} cancels the open orders." if entry.key else ""
    return f"Of its group {named_each(session, left)} {'are' if len(left) > 1 else 'is'} still open.{key}"


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
