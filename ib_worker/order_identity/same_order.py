"""Compares an order that IBKR shows under a key with what a call asks under it, where Redis has forgotten the key."""

from collections.abc import Sequence

import ib_async

from bridge.bus.server.request import RequestContext
from bridge.order_references import LEGS, order_ref
from bridge.tool import ToolError
from bridge.tools.order_terms import AUX_PRICE, LMT_PRICE
from ib_worker.orders.tracker import TrackedOrder
from ib_worker.session.session import Session
from ib_worker.tws.values import convert

BECOMES = {"MTL": "LMT"}  # TWS shows a market-to-limit order that has filled in part as a limit order


async def require_same(
    session: Session,
    context: RequestContext,
    contract: ib_async.Contract,
    orders: Sequence[tuple[TrackedOrder, ib_async.Order]],
) -> None:
    """Raises ToolError idempotency_conflict unless each order at IBKR is the one asked for, by the same principal."""
    key = context.key or ""
    found = sum(session.orders.tracker.by_ref(order_ref(key, leg)) is not None for leg in LEGS)
    if found != len(orders):
        raise _conflict("this key has placed a bracket")
    for entry, order in orders:
        owner = await session.services.history.principal_of(entry.state.orderRef or "")
        if owner not in (None, context.caller):
            raise ToolError(
                "idempotency_conflict",
                "This idempotencyKey belongs to another client. Nothing was sent. Use a new key.",
            )
        if names := differing(entry, contract, order):
            raise _conflict(f"IBKR has an order under this key that differs in {', '.join(names)}")


def differing(entry: TrackedOrder, contract: ib_async.Contract, order: ib_async.Order) -> list[str]:
    """Return the names of the terms in which IBKR's order is not the one asked for."""
    terms = entry.state.terms
    pairs = {
        "contract": (terms.contract.conId, contract.conId),
        "account": (terms.account, order.account),
        "action": (terms.action, order.action),
        "orderType": (terms.orderType, order.orderType),
        "tif": (terms.tif or order.tif, order.tif),
        "trailingPercent": (terms.trailingPercent, convert.number(order.trailingPercent)),
    }
    wrong = [name for name, (shown, asked) in pairs.items() if shown != asked]
    if entry.sent and entry.sent[1].modelCode != order.modelCode:
        wrong.append("modelCode")
    if order.orderType in BECOMES and terms.orderType == BECOMES[order.orderType]:
        wrong.remove("orderType")
    # completedOrder (101) of an order that filled has totalQuantity 0: the filled quantity is what was asked.
    if (terms.totalQuantity or entry.state.filled) not in (0, order.totalQuantity):
        wrong.append("totalQuantity")
    if order.orderType in LMT_PRICE and entry.sent and entry.sent[1].outsideRth != order.outsideRth:
        wrong.append("outsideRth")  # for a market order TWS ignores it (2109)
    for name, having in (("lmtPrice", LMT_PRICE), ("auxPrice", AUX_PRICE)):
        if order.orderType in having and not _same_price(getattr(terms, name), convert.number(getattr(order, name))):
            wrong.append(name)
    return wrong


def _same_price(shown: float | None, asked: float | None) -> bool:
    """TWS shows 0 for a price that an order type may leave out."""
    return abs((shown or 0.0) - (asked or 0.0)) < 1e-9


def _conflict(why: str) -> ToolError:
    return ToolError(
        "idempotency_conflict",
        f"idempotencyKey: {why}. Nothing was sent. ibkr_get_order with orderKey shows it; a new order needs a new key.",
    )
