"""Holds a change of one order's price against those that belong to it: a bracket's prices stay in their order."""

from collections.abc import Sequence

from bridge.tool import ToolError
from bridge.tools.orders import ModifyOrder
from ib_worker.order_groups.groups import Role
from ib_worker.order_groups.related import related, roles
from ib_worker.orders.tracker import TrackedOrder, is_open
from ib_worker.risk.bracket_prices import Levels, crossed
from ib_worker.risk.intent import Side
from ib_worker.session.session import Session

PRICED: dict[Role, tuple[tuple[str, ...], str]] = {  # which order types have a level, and in which field
    "stopLoss": (("STP", "STP LMT"), "auxPrice"),
    "entry": (("LMT",), "lmtPrice"),
    "takeProfit": (("LMT",), "lmtPrice"),
}


def require_in_order(session: Session, entry: TrackedOrder, request: ModifyOrder) -> None:
    """Raise ToolError invalid_arguments where the change would put a stop or a target on the wrong side of the entry,
    or past one another: it would trade as soon as the entry has filled."""
    changed = "lmtPrice" if request.lmtPrice is not None else "auxPrice" if request.auxPrice is not None else None
    if changed is None:
        return
    group = related(session, entry)
    found = _single(group, entry)
    first = found.get("entry")
    if first is None:
        return
    prices = {role: _level(each, role, request if each is entry else None) for role, each in found.items()}
    side: Side = "BUY" if first.state.terms.action == "BUY" else "SELL"
    levels = Levels(side, prices.get("stopLoss"), prices.get("entry"), prices.get("takeProfit"))
    if wrong := crossed(levels):
        raise ToolError(
            "invalid_arguments",
            f"{changed}: {wrong}, and an exit would trade as soon as the entry has filled. Nothing was sent.",
            fields=[changed],
        )


def _single(group: Sequence[TrackedOrder], changed: TrackedOrder) -> dict[Role, TrackedOrder]:
    """The orders of a group whose role no other has, and the one that is changed: several exits share a position out as
    their owner likes."""
    named = roles(group)
    return {
        role: each
        for role, each in zip(named, group, strict=True)
        if role in PRICED and (named.count(role) == 1 or each is changed)
    }


def _level(entry: TrackedOrder, role: Role, request: ModifyOrder | None) -> float | None:
    types, name = PRICED[role]
    terms = entry.state.terms
    if not is_open(entry) or terms.orderType not in types:
        return None
    asked: float | None = getattr(request, name) if request is not None else None
    told: float | None = getattr(terms, name)
    return told if asked is None else asked
