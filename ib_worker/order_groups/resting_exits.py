"""Orders that rest beside a position: which exits remain when it is closed, and which orders could fill more than it
holds."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import NamedTuple

from bridge.text.numbers import digits
from bridge.tools.session import SessionWarning
from ib_worker.order_groups.groups import most_filled
from ib_worker.order_groups.related import (
    excess,
    held_by,
    member,
    name_of,
    named_each,
    position,
    resting_exits,
)
from ib_worker.order_identity.recalled import recall
from ib_worker.orders.tracker import TrackedOrder, is_open
from ib_worker.session.session import Session

NO_POSITION = frozenset({"BAG", "CASH"})  # secTypes whose sale makes no short of its own
OPENED_SHORT = frozenset({"OPT", "FOP"})  # whose sale usually opens a short


class ExcessExits(NamedTuple):
    """Orders of one contract, account and side that can fill more than there is to close, and what is to be done."""

    exits: list[TrackedOrder]
    what: str
    remedy: str


def exceeding(session: Session) -> list[ExcessExits]:
    """Empty while positions are not known."""
    if not session.positions.known:
        return []
    sides: defaultdict[tuple[str | None, int, str], list[TrackedOrder]] = defaultdict(list)
    parents = {each: held_by(session, each) for each in session.orders.tracker.open()}
    for each, parent in parents.items():
        terms = each.state.terms
        if terms.contract.secType not in NO_POSITION and parent is None:
            sides[terms.account, terms.contract.conId, terms.action].append(each)
    exits, entries = set(resting_exits(session)), set(parents.values())
    counted = [_past_zero(session, side, exits, entries) for side in sides.values()]
    found = [_beyond_position(session, each, exits) for each in counted if each and excess(session, each) > 0]
    held = [each for each in session.orders.tracker.open() if _beyond_entry(session, each)]
    return found + [_beyond_its_entry(session, each) for each in held]


def exit_warnings(session: Session) -> list[SessionWarning]:
    """Return a warning of the status for each of them."""
    return [
        SessionWarning(what=each.what, remedy=each.remedy, account=each.exits[0].state.terms.account)
        for each in exceeding(session)
    ]


def _past_zero(
    session: Session,
    side: list[TrackedOrder],
    exits: Collection[TrackedOrder],
    entries: Collection[TrackedOrder | None],
) -> list[TrackedOrder]:
    """Return those of one side that count against the position. Where there is none to close, a purchase, the sale of
    an option and a bracket's entry open one as they are meant to: exits alone count then, and other sales."""
    terms, held = side[0].state.terms, position(session, side[0])
    if held > 0 if terms.action == "SELL" else held < 0:
        return side
    if held == 0 and terms.action == "SELL" and terms.contract.secType not in OPENED_SHORT:
        return [each for each in side if each not in entries]
    return [each for each in side if each in exits]


def _beyond_position(session: Session, orders: list[TrackedOrder], exits: Collection[TrackedOrder]) -> ExcessExits:
    first, over = orders[0], excess(session, orders)
    action, most = first.state.terms.action, most_filled([member(each) for each in orders])
    who = "Exits" if all(each in exits for each in orders) else f"Open {action} orders"
    return ExcessExits(
        orders,
        f"{who} exceed the position: {action} {digits(most)} {name_of(first)} can fill, and the position is "
        f"{position(session, first).normalize():f}. A fill opens a {_side(action)} position of up to {digits(over)}.",
        f"Cancel what is too much: {named_each(session, orders)}.{by_key(orders)}",
    )


def _beyond_entry(session: Session, entry: TrackedOrder) -> bool:
    parent = held_by(session, entry)
    if parent is None or parent.state.terms.contract.conId != entry.state.terms.contract.conId:
        return False
    closes = parent.state.terms.action != entry.state.terms.action
    return closes and entry.state.terms.totalQuantity > parent.state.terms.totalQuantity


def _beyond_its_entry(session: Session, entry: TrackedOrder) -> ExcessExits:
    parent = held_by(session, entry)
    assert parent is not None
    size, whole = entry.state.terms.totalQuantity, parent.state.terms.totalQuantity
    return ExcessExits(
        [entry],
        f"An exit exceeds its entry: {entry.state.terms.action} {digits(size)} {name_of(entry)} waits for an order "
        f"of {digits(whole)}. Its fill opens a {_side(entry.state.terms.action)} position of up to "
        f"{digits(size - whole)}.",
        f"Change the totalQuantity of {named_each(session, [entry])} to {digits(whole)}.",
    )


def _side(action: str) -> str:
    return "short" if action == "SELL" else "long"


def by_key(exits: Sequence[TrackedOrder]) -> str:
    """Return the calls that cancel the open exits, one for each bracket; empty where no key is known."""
    keys = sorted({each.key for each in exits if each.key and member(each).leg in ("takeProfit", "stopLoss")})
    return "".join(f" ibkr_cancel_order with orderKey {key} cancels the open orders of that bracket." for key in keys)


def closed_by(session: Session, account: str, conId: int, action: str) -> list[TrackedOrder]:
    """The exits of a position that an order of this side closes or reduces; none where it does not."""
    held = session.positions.held(account, conId)
    closes = held > 0 if action == "SELL" else held < 0
    if not closes:
        return []
    same = set(session.orders.tracker.of(account, conId, action))
    return [each for each in resting_exits(session) if each in same]


async def remaining(session: Session, exits: Sequence[TrackedOrder], past_zero: bool = True) -> str:
    """Return the open exits of a position, with their keys, in words, for the report of the closing order. `past_zero`:
    with what their fill may open."""
    left = [each for each in exits if is_open(each)]
    if not left:
        return ""
    await recall(session, left)
    over = excess(session, left) if past_zero else 0.0
    beyond = f" A fill beyond the position opens a {_side(left[0].state.terms.action)} one of up to {digits(over)}."
    are = "are" if len(left) > 1 else "is"
    return f"Still open {are} {named_each(session, left)}.{by_key(left)}{beyond if over else ''}"
