"""The request for a person's approval of a checked order: its text, and what the approval covers."""

from collections.abc import Sequence

import ib_async

from ib_worker.orders.tracker import TrackedOrder
from ib_worker.pre_trade.describe import approval_text
from ib_worker.risk.approvals import ApprovalRequest
from ib_worker.risk.intent import OrderIntent, RiskInputs
from ib_worker.session.session import Session


def approval_question(
    session: Session,
    contract: ib_async.Contract,
    order: ib_async.Order,
    checked: tuple[OrderIntent, RiskInputs],
    *,
    terms: str,
    part_terms: str,
    closing: bool,
    beside: TrackedOrder | None,
    others: Sequence[ib_async.Order],
    remarks: Sequence[str],
) -> ApprovalRequest:
    """Return the request. `beside`: the order that is changed; `others`: those that go with it; `remarks`: sentences
    that follow the text. `part_terms`: of a closing order that the worker sizes. It may become smaller until it goes,
    as exits fill: its approval covers that too, or the position would wait without its exits."""
    changes, collar = beside.state.orderId if beside else None, session.limits.collar
    summary = approval_text(*checked, contract, order, changes, others, collar, session.simulated)
    return ApprovalRequest(
        terms,
        " ".join(filter(None, [summary, *remarks])),
        session.now(),
        closing,
        change=beside is not None,
        part_terms=part_terms,
        quantity=str(order.totalQuantity),
    )
