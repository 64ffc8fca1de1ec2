"""Builds the orders that a call asks for, as they are sent to TWS. Pure."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

import ib_async

from bridge.order_references import EXITS, LEGS, order_ref
from bridge.tools.order_terms import OrderTerms
from bridge.tools.orders import PlaceBracketOrder

SENT_ALONE = ("stopLoss", "takeProfit")  # the legs of exits without an entry, in the order of their frames
REDUCE_WITH_BLOCK = 2  # ocaType: a fill in part leaves the other exit on the rest, and one is routed at a time


def legs_of(request: PlaceBracketOrder) -> Sequence[str]:
    """Return the names of the orders that the call places, in the order of their frames."""
    return SENT_ALONE if request.exitsOnly else LEGS


def build_bracket(request: PlaceBracketOrder, account: str, key: str) -> list[ib_async.Order]:
    """Return the entry and its exits; the last exit transmits all of them. With `exitsOnly` return the stop and the
    target of a position as one OCA group."""
    whole = ib_async.Order(
        action=request.action,
        totalQuantity=request.totalQuantity,
        orderType="MKT",
        tif=request.tif,
        outsideRth=request.outsideRth,
        account=account,
        modelCode=request.modelCode or "",
        orderRef=order_ref(key),
        transmit=False,
    )
    entry = whole if request.lmtPrice is None else replace(whole, orderType="LMT", lmtPrice=request.lmtPrice)
    leave = replace(whole, action=request.exit_side, tif=request.exitTif)
    profit = replace(leave, orderType="LMT", lmtPrice=request.takeProfitPrice, orderRef=order_ref(key, EXITS[0]))
    stop = replace(leave, orderType="STP", auxPrice=request.stopLossPrice, orderRef=order_ref(key, EXITS[1]))
    if request.exitsOnly:
        oca = order_ref(key)
        return [replace(each, ocaGroup=oca, ocaType=REDUCE_WITH_BLOCK, transmit=True) for each in (stop, profit)]
    return [entry, profit, replace(stop, transmit=True)]


def closing_order(quantity: Decimal, account: str, orderRef: str) -> ib_async.Order:
    """Return the market order that closes a signed quantity."""
    size = abs(quantity)
    return ib_async.Order(
        action="SELL" if quantity > 0 else "BUY",
        totalQuantity=int(size) if size == size.to_integral_value() else float(size),
        orderType="MKT",
        tif="DAY",
        account=account,
        orderRef=orderRef,
    )


def build_order(request: OrderTerms, account: str, orderRef: str) -> ib_async.Order:
    order = ib_async.Order(
        action=request.action,
        totalQuantity=request.totalQuantity,
        orderType=request.orderType,
        tif=request.tif,
        outsideRth=request.outsideRth,
        account=account,
        modelCode=request.modelCode or "",
        orderRef=orderRef,
    )
    for name in ("lmtPrice", "auxPrice", "trailingPercent"):
        value = getattr(request, name)
        if value is not None:
            setattr(order, name, value)
    return order
