"""Positions that cancels leave without an exit order or without a stop, in words, for each call that cancels."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import NamedTuple

from bridge.text.numbers import digits
from ib_worker.order_groups.groups import STOPS
from ib_worker.order_groups.related import held_by, name_of, position
from ib_worker.orders.tracker import TrackedOrder, is_open
from ib_worker.session.session import Session

NAMED = 5  # positions of a sentence; the others are counted


class _Lost(NamedTuple):
    """A position whose exits were cancelled: its name with the size, and what may still close it."""

    name: str
    side: str
    left: int  # open orders that close it
    stopped: bool  # one of them is a stop
    confirmed: bool  # TWS has confirmed the end of each cancelled exit


def lost_exits(session: Session, cancelled: Sequence[TrackedOrder], beside: bool = False) -> str:
    """Return what is left of each position's exits once these orders were to be cancelled; empty where no position has
    lost one. An order counts as ended unless it has filled or TWS has rejected its cancel. `beside`:
    tell also how many other positions of these accounts had no exit order before."""
    if not session.positions.known:
        return "Positions are not known yet: one may have no exit order now." if cancelled else ""
    sides: defaultdict[tuple[str | None, int], list[TrackedOrder]] = defaultdict(list)
    ending = [each for each in cancelled if _ends(each)]
    for each in ending:
        if _closes(session, each):
            sides[each.state.terms.account, each.state.terms.contract.conId].append(each)
    found = [_lost(session, each, ending) for each in sides.values()]
    bare = [each for each in found if not each.left]
    others = _bare_before(session, sides, ending) if beside and bare else ""
    if len(found) == 1:
        return f"{_alone(found[0])} {others}".rstrip()
    told = [
        _many([each for each in bare if each.confirmed], "have lost their exit order"),
        _many([each for each in bare if not each.confirmed], "have no exit order once the cancels are confirmed"),
        others,
        _many([each for each in found if each.left and not each.stopped], "now have no stop"),
    ]
    return " ".join(filter(None, told))


def _bare_before(session: Session, sides: Collection[tuple[str | None, int]], ending: Collection[TrackedOrder]) -> str:
    """Return how many other positions of these accounts have no exit order, as a sentence; empty for none."""
    accounts, several = {account for account, _ in sides}, 0
    for each in session.positions.all():
        account, conId = each.account, each.contract.conId
        if each.position and account in accounts and (account, conId) not in sides:
            same = session.orders.tracker.of(account, conId, "SELL" if each.position > 0 else "BUY")
            several += not any(_stays(session, one, ending) for one in same)
    return f"{several} other position{'s' if several > 1 else ''} had none before." if several else ""


def _lost(session: Session, exits: Sequence[TrackedOrder], ending: Collection[TrackedOrder]) -> _Lost:
    terms = exits[0].state.terms
    left = [
        each
        for each in session.orders.tracker.of(terms.account, terms.contract.conId, terms.action)
        if _stays(session, each, ending)
    ]
    return _Lost(
        name=f"{digits(float(position(session, exits[0])))} {name_of(exits[0])}",
        side=terms.action,
        left=len(left),
        stopped=any(each.state.terms.orderType in STOPS for each in left),
        confirmed=all(each.state.done for each in exits),
    )


def _stays(session: Session, entry: TrackedOrder, ending: Collection[TrackedOrder]) -> bool:
    """Return whether the order may still close what is held."""
    return is_open(entry) and entry not in ending and not _waits(session, entry)


def _ends(entry: TrackedOrder) -> bool:
    state = entry.state
    return state.status != "Filled" and (state.done or (is_open(entry) and state.cancel_refused is None))


def _closes(session: Session, entry: TrackedOrder) -> bool:
    held = position(session, entry)
    return held > 0 if entry.state.terms.action == "SELL" else held < 0


def _waits(session: Session, entry: TrackedOrder) -> bool:
    """Return whether an entry without a fill holds the order: it closes nothing that is held."""
    parent = held_by(session, entry)
    return parent is not None and not parent.state.filled


def _alone(one: _Lost) -> str:
    if not one.left:
        when = f"The position of {one.name} now has no exit order."
        later = f"Once the cancel is confirmed, the position of {one.name} has no exit order."
        return when if one.confirmed else later
    many = f"{one.left} open {one.side} order{'s' if one.left > 1 else ''}"
    return f"The position of {one.name} still has {many}" + ("." if one.stopped else ", and none of them is a stop.")


def _many(found: Sequence[_Lost], what: str) -> str:
    if not found:
        return ""
    named = ", ".join(each.name for each in found[:NAMED]) + (", …" if len(found) > NAMED else "")
    if len(found) == 1:
        return f"1 position {what.replace('have', 'has').replace('their', 'its')}: {named}."
    return f"{len(found)} positions {what}: {named}."
