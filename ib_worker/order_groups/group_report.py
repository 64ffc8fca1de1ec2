"""The report of an order with those that belong to it."""

from collections.abc import Sequence

from bridge.tools.order_report import GroupMember, OrderReport
from ib_worker.order_groups.related import related, roles
from ib_worker.orders.report import order_report
from ib_worker.orders.tracker import TrackedOrder
from ib_worker.session.session import Session


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
