"""The groups of the orders that the session knows: what belongs to an order, what rests as an exit, and its name."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from decimal import Decimal

from bridge.order_references import LEGS, is_ours, order_ref
from bridge.text.contract_name import contract_name
from bridge.text.numbers import digits
from ib_worker.order_groups.groups import DECIMALS, WORDS, Member, Role, group_of, is_parent, most_filled, role_of
from ib_worker.orders.tracker import TrackedOrder, is_open
from ib_worker.session.session import Session

ROLES: dict[str, Role] = {"": "entry", "takeProfit": "takeProfit", "stopLoss": "stopLoss"}  # by the leg's name


def member(entry: TrackedOrder) -> Member:
    state, order = entry.state, entry.sent[1] if entry.sent is not None else None
    remaining = state.remaining if state.remaining is not None else state.terms.totalQuantity - state.filled
    return Member(
        name=id(entry),
        clientId=state.clientId,
        orderId=state.orderId,
        permId=state.permId,
        account=state.terms.account,
        conId=state.terms.contract.conId,
        action=state.terms.action,
        orderType=state.terms.orderType,
        totalQuantity=state.terms.totalQuantity,
        filled=state.filled,
        remaining=max(remaining, 0.0),
        parentId=order.parentId if order is not None else 0,
        ocaGroup=order.ocaGroup if order is not None else "",
        open=is_open(entry),
        bracket=entry.key or "",
        leg=_leg(entry),
        ours=is_ours(state.orderRef),
    )


def may_fill(entry: TrackedOrder) -> float:
    """Return the most that the order may still fill: TWS may show its terms, its remaining quantity and a change in any
    order, and may have made a change that it has not confirmed."""
    state = entry.state
    whole = max(state.terms.totalQuantity, state.change.totalQuantity if state.change is not None else 0.0)
    return round(max(whole - state.filled, state.remaining or 0.0, 0.0), DECIMALS)


def most_of(entries: Iterable[TrackedOrder]) -> Decimal:
    """Return the most that these orders may fill: of those that exclude each other only the largest counts."""
    return Decimal(str(most_filled([replace(member(each), remaining=may_fill(each)) for each in entries])))


def _leg(entry: TrackedOrder) -> Role | None:
    for name, role in ROLES.items() if entry.key else ():
        if entry.state.orderRef == order_ref(entry.key or "", name):
            return role
    return None


def legs(session: Session, key: str) -> list[TrackedOrder]:
    """The orders that were placed under a key, as far as IBKR has named them: three of a bracket, else one. TWS knows
    them by their references alone, and from now on the session knows their key."""
    found = [session.orders.tracker.by_ref(order_ref(key, leg)) for leg in LEGS]
    for each in found:
        if each is not None:
            each.key = key
    return [each for each in found if each is not None]


def related(session: Session, entry: TrackedOrder) -> list[TrackedOrder]:
    """The order and everything that belongs to it, its parent first."""
    near = [each for each in session.orders.tracker.all() if each is entry or _linked(each) or _same_key(each, entry)]
    near += [parent for each in near if (parent := parent_of(session, each)) is not None]
    by_name = {id(each): each for each in near}
    found = group_of(member(entry), [member(each) for each in by_name.values()])
    return [by_name[each.name] for each in found]


def _linked(entry: TrackedOrder) -> bool:
    order = entry.sent[1] if entry.sent is not None else None
    return order is not None and bool(order.parentId or order.ocaGroup)


def _same_key(one: TrackedOrder, other: TrackedOrder) -> bool:
    return one.key is not None and one.key == other.key


def roles(entries: Sequence[TrackedOrder]) -> list[Role]:
    """Return each order's role among the others."""
    members = [member(each) for each in entries]
    return [role_of(each, members) for each in members]


def owned(session: Session, entries: Sequence[TrackedOrder]) -> bool:
    """Return whether this session, which alone can, may cancel and change what is open of them."""
    return all(each.state.clientId == session.clientId for each in entries if is_open(each))


def named_each(session: Session, entries: Sequence[TrackedOrder], terms: bool = False, by_id: bool = False) -> str:
    """The orders with their references: "the stop (orderRef mcp…) and the target (orderRef mcp…)", or `by_id` with
    their orderIds. With `terms` also with their sides, quantities and prices."""
    words = []
    for each in entries:
        group = related(session, each)
        role = dict(zip(map(id, group), roles(group), strict=True))[id(each)]
        name = f"orderRef {each.state.orderRef}" if is_ours(each.state.orderRef) else f"permId {each.state.permId}"
        name = f"orderId {each.state.orderId}" if by_id else name
        words.append(f"{WORDS[role]} ({name}{f', {_terms(each)}' if terms else ''})")
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _terms(entry: TrackedOrder) -> str:
    """The order's terms in short: "SELL 5 LMT 690"."""
    of = entry.state.terms
    prices = [digits(each) for each in (of.auxPrice, of.lmtPrice) if each is not None]
    return " ".join([of.action, digits(of.totalQuantity), of.orderType, *prices])


def parent_of(session: Session, entry: TrackedOrder) -> TrackedOrder | None:
    """The order that this one names as its parent, open or done, if it is known."""
    one = member(entry)
    if not one.parentId:
        return None
    by_id = session.orders.tracker.by_id(one.parentId, one.clientId)
    if by_id is None and one.ocaGroup.isdecimal():
        by_id = session.orders.tracker.by_perm(int(one.ocaGroup))
    return by_id if by_id is not None and is_parent(member(by_id), one) else None


def held_by(session: Session, entry: TrackedOrder) -> TrackedOrder | None:
    """The open order that this one hangs on."""
    parent = parent_of(session, entry)
    return parent if parent is not None and is_open(parent) else None


def resting_exits(session: Session) -> list[TrackedOrder]:
    """Open orders whose entry is done: what they fill comes off the position that it opened."""
    found = []
    for each in session.orders.tracker.open():
        one = member(each)
        if (one.parentId or one.leg in ("takeProfit", "stopLoss")) and held_by(session, each) is None:
            found.append(each)
    return found


def position(session: Session, entry: TrackedOrder) -> Decimal:
    """Return the signed position in the order's contract and account, with fills that no position shows yet."""
    account, conId = entry.state.terms.account or "", entry.state.terms.contract.conId
    positions = session.positions
    unshown = positions.unshown(account, conId, "BUY") - positions.unshown(account, conId, "SELL")
    return positions.held(account, conId) + unshown


def excess(session: Session, entries: Iterable[TrackedOrder]) -> float:
    """Return the quantity that these orders can fill beyond the position that they close.

    All orders have one contract, account and side.
    """
    orders = list(entries)
    held = float(position(session, orders[0]))
    closable = max(held if orders[0].state.terms.action == "SELL" else -held, 0.0)
    return max(most_filled([member(each) for each in orders]) - closable, 0.0)


def uncovered(session: Session, entry: TrackedOrder) -> str:
    """Say how much an exit of a bracket closes where that is less than what is, or is to be, open."""
    leg, parent = member(entry).leg, parent_of(session, entry)
    if leg not in ("takeProfit", "stopLoss") or parent is None or not is_open(entry):
        return ""
    whole = Decimal(str(parent.state.terms.totalQuantity))
    if not is_open(parent):
        whole = min(whole, abs(position(session, entry)))
    rest = Decimal(str(entry.state.terms.totalQuantity)) - Decimal(str(entry.state.filled))
    if rest >= whole:
        return ""
    return f"{WORDS[leg].capitalize()} covers {digits(rest)} of {digits(whole)} {name_of(entry)}."


def name_of(entry: TrackedOrder) -> str:
    """The contract as people and models read it."""
    return contract_name(entry.state.terms.contract)
