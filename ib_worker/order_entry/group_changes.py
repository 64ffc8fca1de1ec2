"""Changes orders that belong together: exits follow the quantity of their entry, and the key of a bracket names its
orders."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

import ib_async
import structlog

from bridge.bus.server.request import RequestContext
from bridge.text.numbers import digits
from bridge.tool import ToolError
from bridge.tools.order_terms import AUX_PRICE, LMT_PRICE
from bridge.tools.orders import CHANGEABLE, ModifyOrder
from ib_worker.audit.trail import to_json
from ib_worker.order_entry.lookup import require_own_order
from ib_worker.order_entry.outcome_texts import change_message
from ib_worker.order_entry.send import require_changeable, send_linked_change
from ib_worker.order_groups.groups import STOPS, WORDS, named, with_quantity
from ib_worker.order_groups.related import held_by, legs, member, named_each, owned, related, roles, uncovered
from ib_worker.order_identity.requested import requested
from ib_worker.orders.events import Terms
from ib_worker.orders.held import stop_text
from ib_worker.orders.state import OrderState
from ib_worker.orders.tracker import TrackedOrder, is_open
from ib_worker.pacing.message_pacer import Priority
from ib_worker.session.session import Session
from ib_worker.session.sync import explained, find_or_resync, listed_soon
from ib_worker.tws.errors import ConnectionLost, InvalidField
from ib_worker.tws.values import unset
from ib_worker.tws.values.text import quoted

log = structlog.get_logger("ib_worker.group_changes")


@dataclass(frozen=True)
class Follower:
    """An exit that is changed with its entry, and the terms that the change builds on."""

    entry: TrackedOrder
    quantity: float
    base: Terms


def meant_of(session: Session, placed: Sequence[TrackedOrder], request: ModifyOrder) -> TrackedOrder:
    """Return the order of a bracket that a change by the bracket's key is about.

    An auxPrice is the stop's. While the entry is open it is the entry, but a price or a quantity that several open
    orders have is refused: one who means the target must not move the entry. Raises ToolError invalid_arguments, or
    not_open with the exits' names.
    """
    known = dict(zip(roles(placed), placed, strict=True))
    entry, stop = known.get("entry"), known.get("stopLoss")
    if request.auxPrice is not None and stop is not None and is_open(stop):
        others = [name for name in CHANGEABLE if name != "auxPrice" and getattr(request, name) is not None]
        if others:
            raise ToolError(
                "invalid_arguments",
                f"{others[0]}: auxPrice is the stop's, and {' and '.join(others)} would be the entry's. Change them in "
                "two calls. Nothing was sent.",
            )
        return stop
    left = [each for each in placed if is_open(each)]
    if entry is not None and is_open(entry):
        return _only_one(session, left, request) or entry
    is_ = f"the entry of this bracket is {entry.state.status if entry is not None else 'done or was never placed'}"
    which = f"Name the exit by its own orderRef: {named_each(session, left)}." if left else "Nothing of it is open."
    raise ToolError("not_open", f"orderKey: {is_}. {which} Nothing was sent.")


def _only_one(session: Session, left: Sequence[TrackedOrder], request: ModifyOrder) -> TrackedOrder | None:
    """Return the open order that alone has the price or the quantity of the call, None where the call gives neither.
    Raises ToolError invalid_arguments where several have it."""
    priced = [each for each in left if each.state.terms.orderType in LMT_PRICE]
    found: TrackedOrder | None = None
    for name, having in (("totalQuantity", left), ("lmtPrice", priced)):
        if getattr(request, name) is not None and len(having) > 1:
            raise ToolError(
                "invalid_arguments",
                f"{name}: {named_each(session, having, terms=True)} of this bracket each have one, and orderKey names "
                "them all. Name the order by its own orderRef. Nothing was sent.",
                fields=[name],
            )
        if getattr(request, name) is not None and having:
            found = having[0]
    return found


def followers(session: Session, entry: TrackedOrder, request: ModifyOrder) -> list[Follower]:
    """Return the exits that must change with the order. Raises ToolError invalid_arguments if the call leaves open how
    they change."""
    if request.totalQuantity is None:
        return []
    group = related(session, entry)
    wanted = with_quantity(member(entry), request.totalQuantity, [member(each) for each in group])
    if wanted is None:
        raise ToolError(
            "invalid_arguments",
            f"totalQuantity: the exits share {digits(entry.state.terms.totalQuantity)} out, and their shares of "
            f"{digits(request.totalQuantity)} would be no whole number. Nothing was sent. Cancel the exits, change the "
            "order and place exits anew.",
        )
    return [Follower(each, wanted[id(each)], each.state.terms) for each in group if id(each) in wanted]


def order_again(session: Session, entry: TrackedOrder) -> tuple[ib_async.Contract, ib_async.Order]:
    """Return the order as requested, without the values that TWS filled in: a change starts from it."""
    assert entry.sent is not None  # an order that is changed has been told
    told = entry.sent[1]
    contract, sent = entry.asked or (entry.sent[0], None)
    return contract, requested(told, sent, entry.told_first, held_by(session, entry) is not None)


def with_parent(session: Session, entry: TrackedOrder, order: ib_async.Order) -> ib_async.Order:
    """Return the order right before its frame: its parent may have filled since the order was built."""
    return order if held_by(session, entry) is not None else replace(order, parentId=0)


async def announce(session: Session, context: RequestContext, exits: Sequence[Follower]) -> None:
    """Write the intents of the exits that follow. Raises ToolError before anything is sent."""
    for each in exits:
        require_changeable(session, each.entry, each.base)
        await session.tws.pacer.wait_turn(Priority.ORDERS)
        state = each.entry.state
        terms = to_json(replace(each.base, totalQuantity=each.quantity))
        await session.services.audit.intent(
            context, state.terms.account, state.orderId, state.orderRef or "", terms=terms
        )


async def until_changed(session: Session, context: RequestContext, entries: Sequence[TrackedOrder]) -> None:
    """Wait until TWS has confirmed or rejected each change, or has sent an error whose meaning a resync may show."""
    with suppress(TimeoutError):
        async with asyncio.timeout(max(min(session.order_timing.change_wait_s, context.remaining_s()), 0)):
            for entry in entries:
                await entry.until(lambda each: each.done or each.change is None or each.said is not None)
    for entry in entries:
        await explained(session, entry)


async def follow(
    session: Session, context: RequestContext, entry: TrackedOrder, exits: Sequence[Follower], begun: bool
) -> None:
    """Change the exits, only once the entry has its new quantity: exits that cover more than the position may open a
    position on the other side. `begun`: the change of the entry is out, so a failure here is reported and not
    raised."""
    if begun and not _taken(entry.state):
        return
    try:
        for each in exits:
            contract, order = order_again(session, each.entry)
            order = replace(order, totalQuantity=each.quantity)
            send_linked_change(session, context, each.entry, contract, order, each.base, begun)
            begun = True
    except (ToolError, ConnectionLost, InvalidField):
        if not begun:
            raise
        log.warning("exits_not_changed", orderId=entry.state.orderId, exc_info=True)
    await until_changed(session, context, [each.entry for each in exits])


def confirmed(state: OrderState) -> bool:
    return state.change is None and state.change_refused is None


def _taken(state: OrderState) -> bool:
    """Return whether TWS has confirmed or filled the new quantity."""
    return confirmed(state) or (state.change is not None and state.filled >= state.change.totalQuantity)


def changed_text(session: Session, entry: TrackedOrder, exits: Sequence[Follower]) -> str:
    """Return the outcome of a change and of the exits that follow it, in words: failures come first."""
    own = change_message(entry.state)
    if not exits:
        more = [stop_text(entry), uncovered(session, entry)] if confirmed(entry.state) else []
        return " ".join(filter(None, [own, *more]))
    group = related(session, entry)
    names = dict(zip(map(id, group), roles(group), strict=True))
    left = [each for each in exits if not _has(each)]
    done = [each for each in exits if _has(each)]
    told = []
    if left:
        sizes = " and ".join(sorted({digits(each.entry.state.terms.totalQuantity) for each in left}))
        words = named([names[id(each.entry)] for each in left])
        told.append(
            f"{words[:1].upper()}{words[1:]} still {'have' if len(left) > 1 else 'has'} {sizes}, "
            f"{named([names[id(entry)]])} {digits(entry.state.terms.totalQuantity)}{_why(left)}. Request "
            "the same totalQuantity again, with a new idempotencyKey, to change the others."
        )
    told.append(own)
    if done:
        words = named([names[id(each.entry)] for each in done])
        have = "have" if len(done) > 1 else "has"
        same = len({each.quantity for each in done}) == 1
        shares = [f"{WORDS[names[id(each.entry)]]} has {digits(each.quantity)}" for each in done]
        own_share = f"{words[:1].upper()}{words[1:]} {have} {digits(done[0].quantity)} too."
        told.append(own_share if same else f"Of the exits {', '.join(shares)}.")
    return " ".join(told)


def _has(each: Follower) -> bool:
    state = each.entry.state
    return state.done or (confirmed(state) and state.terms.totalQuantity == each.quantity)


def _why(left: Sequence[Follower]) -> str:
    refused = next((it.entry.state.change_refused for it in left if it.entry.state.change_refused is not None), None)
    return f": TWS rejected the change (error {refused.code}): {quoted(refused.text)}" if refused is not None else ""


async def order_to_change(session: Session, request: ModifyOrder) -> TrackedOrder:
    """Return the order that the call means; of a group's key, the one that has what the call changes. Raise ToolError
    where there is none of this session's."""
    await find_or_resync(session, request.orderId, request)
    placed = legs(session, request.orderKey) if request.orderKey is not None else []
    if any(each.state.done for each in placed or [require_own_order(session, request.orderId, request)]):
        await listed_soon(session)  # a later list of open orders may contradict an end
    if len(placed) > 1 and owned(session, placed):
        return meant_of(session, placed, request)
    return require_own_order(session, request.orderId, request)


def changed_order(
    session: Session, entry: TrackedOrder, request: ModifyOrder
) -> tuple[ib_async.Contract, ib_async.Order]:
    """Return the contract and the order with the call's changes; everything else is as first requested."""
    require_changeable(session, entry, entry.state.terms)
    if entry.sent is None:
        raise ToolError("not_ready", "orderId: TWS has not reported this order's terms yet. Retry in a few seconds.")
    contract, order = order_again(session, entry)
    changes = {name: value for name in CHANGEABLE if (value := getattr(request, name)) is not None}
    for name, known in (("lmtPrice", LMT_PRICE), ("auxPrice", AUX_PRICE)):
        if name in changes and order.orderType not in known:
            raise ToolError("invalid_arguments", f"{name}: {_has_none(order.orderType)}. Nothing was sent.")
    by_percent = unset.order_price("trailingPercent", order) is not None
    if "auxPrice" in changes and by_percent:
        raise ToolError(
            "invalid_arguments",
            "auxPrice: this order trails by a percentage. Change trailingPercent. Nothing was sent.",
        )
    if "trailingPercent" in changes and not by_percent:
        raise ToolError("invalid_arguments", f"trailingPercent: {_no_percentage(order.orderType)}. Nothing was sent.")
    if changes.get("totalQuantity", order.totalQuantity) <= entry.state.filled:
        raise ToolError(
            "invalid_arguments",
            f"totalQuantity: {digits(entry.state.filled)} units have filled already. Give a larger quantity, or cancel "
            "the order.",
        )
    changed = replace(order, **changes)
    if changed.outsideRth and changed.tif == "OPG":
        raise ToolError(
            "invalid_arguments",
            "tif: OPG trades in an auction of regular hours, and this order is for outside of them too (outsideRth). "
            "Nothing was sent.",
        )
    return contract, changed


def moves_stop(session: Session, entry: TrackedOrder, request: ModifyOrder) -> bool:
    """Return whether the change moves the trigger of a stop that works: one that its parent holds triggers nothing."""
    terms = entry.state.terms
    moved = request.auxPrice is not None and request.auxPrice != terms.auxPrice and terms.orderType in STOPS
    return moved and held_by(session, entry) is None


def _has_none(orderType: str) -> str:
    """An order type without the price that was to be changed, and the price that it has."""
    its = "lmtPrice" if orderType in LMT_PRICE else "auxPrice" if orderType in AUX_PRICE else None
    return f"orderType {orderType} has none" + (f"; its price is {its}" if its else "")


def _no_percentage(orderType: str) -> str:
    if orderType == "TRAIL":
        return "this order does not trail by a percentage but by an amount: change auxPrice"
    return f"orderType {orderType} does not trail"
