"""Holds a change of an exit's quantity against what the exit closes; the change of an order uses it."""

from decimal import Decimal

from bridge.text.numbers import digits
from bridge.tool import ToolError
from ib_worker.order_groups.groups import WORDS
from ib_worker.order_groups.related import held_by, member, most_of, name_of, position, related, roles
from ib_worker.orders.tracker import TrackedOrder, is_open
from ib_worker.session.session import Session


def require_closes(session: Session, entry: TrackedOrder, quantity: float | None) -> None:
    """Check that an exit is not made larger than its open entry, or than the part of the position that no other order
    closes. Raises ToolError not_closing. An order that was placed as no exit may open a position."""
    terms = entry.state.terms
    if quantity is None or quantity <= terms.totalQuantity or not _is_exit(entry):
        return
    most, why = _most(session, entry)
    wanted = Decimal(str(quantity))  # binary fractions of 0.7 and 0.1 add up to less than 0.8
    if most is None or wanted <= most:
        return
    group = related(session, entry)
    role = dict(zip(map(id, group), roles(group), strict=True))[id(entry)]
    side = "short" if terms.action == "SELL" else "long"
    raise ToolError(
        "not_closing",
        f"totalQuantity: {WORDS[role]} would open a {side} of {digits(wanted - most)} {name_of(entry)}, since {why}. "
        f"At most {digits(most)}. Nothing was sent, and the order is unchanged.",
        fields=["totalQuantity"],
        closable=float(most),
    )


def _is_exit(entry: TrackedOrder) -> bool:
    """Return whether it was placed to close alone. Of an advisor's model no position is known."""
    one, order = member(entry), entry.sent[1] if entry.sent is not None else None
    return (bool(one.parentId) or one.leg in ("takeProfit", "stopLoss")) and not (order is not None and order.modelCode)


def _most(session: Session, entry: TrackedOrder) -> tuple[Decimal | None, str]:
    """Return the largest quantity that only closes, and the reason; None where the order is a child that opens, or
    where positions are not known."""
    terms, parent = entry.state.terms, held_by(session, entry)
    if parent is not None:
        opens, whole = parent.state.terms.action == terms.action, Decimal(str(parent.state.terms.totalQuantity))
        return (None if opens else whole), f"its entry is of {digits(whole)}"
    if not session.positions.known:
        return None, ""
    held, near = position(session, entry), related(session, entry)
    same = session.orders.tracker.of(terms.account, terms.contract.conId, terms.action)
    others = most_of(each for each in same if is_open(each) and each not in near)
    room = max((held if terms.action == "SELL" else -held) - others, Decimal(0))
    why = f"the position is {held.normalize():f}"
    why += f" and other open {terms.action} orders are for {digits(others)}" if others else ""
    return room + Decimal(str(entry.state.filled)), why
