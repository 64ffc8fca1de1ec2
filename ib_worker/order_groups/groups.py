"""Orders that belong together: a bracket, a parent with its children, an OCA group. Pure.

TWS ties orders by `parentId` (an orderId of the same client) and by `ocaGroup`, of which it gives the children of one
parent one of their own, named by the parent's permId. Children are held until their parent has filled, and end with it;
of an OCA group one order's fill cancels or reduces the others. So what rests of a group can fill once, not added up.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

Role = Literal["entry", "takeProfit", "stopLoss", "exit", "child", "order"]

STOPS = frozenset({"STP", "STP LMT", "STP PRT", "TRAIL", "TRAIL LIMIT"})
TARGETS = frozenset({"LMT", "LIT", "MIT", "LOC", "REL", "MIDPRICE"})
DECIMALS = 8  # of a fractional quantity; TWS takes four, of a coin eight
WORDS: dict[Role, str] = {
    "entry": "the entry",
    "takeProfit": "the target",
    "stopLoss": "the stop",
    "exit": "the exit",
    "child": "the child order",
    "order": "the order",
}


@dataclass(frozen=True, slots=True)
class Member:
    """One order, as far as it matters to those that it belongs to."""

    name: int  # whatever tells it from the others
    clientId: int
    orderId: int  # 0: TWS has archived it
    permId: int | None
    account: str | None
    conId: int
    action: str
    orderType: str
    totalQuantity: float
    filled: float = 0.0
    remaining: float = 0.0
    parentId: int = 0
    ocaGroup: str = ""
    open: bool = True
    bracket: str = ""  # the key that it was placed under
    leg: Role | None = None  # what it was placed as
    ours: bool = (
        False  # it carries a reference of ours: a child is a bracket's exit then, also where its key is unknown
    )


def closes(one: Member, other: Member) -> bool:
    """Return whether it closes what the other opens."""
    return (one.account, one.conId) == (other.account, other.conId) and one.action != other.action


def is_parent(one: Member, child: Member) -> bool:
    """By the orderId that the child names, or, where TWS has archived the parent without it, by its permId."""
    if one.name == child.name or one.account != child.account or not child.parentId:
        return False
    by_id = one.orderId != 0 and (one.clientId, one.orderId) == (child.clientId, child.parentId)
    return by_id or (one.permId is not None and child.ocaGroup == str(one.permId))


def tied(one: Member, other: Member) -> bool:
    """Return whether the two are one thing: parent and child, children of one parent, one OCA group, or one bracket."""
    if is_parent(one, other) or is_parent(other, one):
        return True
    siblings = one.parentId != 0 and (one.clientId, one.parentId) == (other.clientId, other.parentId)
    together = one.ocaGroup != "" and (one.account, one.ocaGroup) == (other.account, other.ocaGroup)
    return siblings or together or (one.bracket != "" and one.bracket == other.bracket)


def group_of(one: Member, known: Iterable[Member]) -> list[Member]:
    """Everything that is tied to the order, itself among it: a parent first, else as they became known."""
    left = [each for each in known if each.name != one.name]
    found, fresh = [one], [one]
    while fresh:
        fresh = [each for each in left if any(tied(each, near) for near in fresh)]
        left = [each for each in left if each not in fresh]
        found += fresh
    return sorted(found, key=lambda each: (role_of(each, found) != "entry", each.orderId))


def role_of(one: Member, group: Sequence[Member]) -> Role:
    """Return the order's role in its group."""
    if len(group) == 1 and not one.parentId and one.leg in (None, "entry"):
        return "order"
    if one.leg is not None:
        return one.leg
    if any(is_parent(one, each) for each in group):
        return "entry"
    parent = next((each for each in group if is_parent(each, one)), None)
    if parent is not None and not closes(one, parent):
        return "child"
    if one.orderType in STOPS:
        return "stopLoss"
    return "takeProfit" if one.orderType in TARGETS else "exit"


def exits_of(entry: Member, group: Sequence[Member]) -> list[Member]:
    """The open orders of the group that close what the entry opens."""
    return [
        each
        for each in group
        if each.open and closes(each, entry) and (is_parent(entry, each) or each.leg in ("takeProfit", "stopLoss"))
    ]


def with_quantity(entry: Member, quantity: float, group: Sequence[Member]) -> dict[int, float] | None:
    """Return the new quantities of an entry's exits, by name, once the entry has this quantity.

    A bracket's exits have the entry's quantity; exits of other groups keep their share. None where a share would be no
    whole number of shares or contracts.
    """
    wanted: dict[int, float] = {}
    for each in exits_of(entry, group):
        share = quantity if each.ours else _share(each.totalQuantity, quantity, entry.totalQuantity)
        if share != int(share) and each.totalQuantity == int(each.totalQuantity):
            return None
        if share != each.totalQuantity:
            wanted[each.name] = share
    return wanted


def _share(part: float, quantity: float, whole: float) -> float:
    """Return the same part of another quantity: 1 of 0.1 is 3 of 0.3, which binary fractions make a little less."""
    return float(Decimal(str(part)) * Decimal(str(quantity)) / Decimal(str(whole)))


def most_filled(resting: Collection[Member]) -> float:
    """Return the most that these orders can fill: of orders that exclude each other only the largest counts."""
    alone = _untied(resting)
    left, total = [each for each in resting if each.name not in alone], sum(alone.values())
    while left:
        group = group_of(left[0], left)
        total += _most_of(group)
        left = [each for each in left if each not in group]
    return round(total, DECIMALS)  # 0.1 and 0.2 are 0.3: what binary fractions add would exceed a position of that


def _untied(resting: Collection[Member]) -> dict[int, float]:
    """Return what remains of orders that nothing ties to another, by name: most are, and a thousand are not compared
    with each other."""
    brackets = Counter(each.bracket for each in resting)
    parents, shared = {each.parentId for each in resting}, {each.ocaGroup for each in resting}
    return {
        each.name: each.remaining
        for each in resting
        if not (each.parentId or each.ocaGroup or each.orderId in parents or str(each.permId) in shared)
        and (not each.bracket or brackets[each.bracket] == 1)
    }


def _most_of(group: Sequence[Member]) -> float:
    """Return the most that one group can fill.

    The orders of one OCA group exclude each other, and so do the stops and the targets of one parent.
    """
    if len({each.ocaGroup for each in group}) == 1 and group[0].ocaGroup:
        return max(each.remaining for each in group)
    stops = sum(each.remaining for each in group if each.orderType in STOPS)
    return max(stops, sum(each.remaining for each in group) - stops)


def named(roles: Sequence[Role]) -> str:
    """The orders in words, such as "the stop and the target"."""
    words = [WORDS[each] for each in sorted(set(roles), key=_ORDER.index)]
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


_ORDER: tuple[Role, ...] = ("entry", "order", "stopLoss", "takeProfit", "exit", "child")
