"""The terms that a change requests, once its order is known. Pure; the order handlers use it."""

import ib_async

from bridge.tool import ToolError
from bridge.tools.order_terms import has_no, require_sold_at
from bridge.tools.orders import CHANGEABLE, ModifyOrder
from ib_worker.tws.values import unset


def meant(request: ModifyOrder, contract: ib_async.Contract, order: ib_async.Order) -> ModifyOrder:
    """Return the change without TWS's 0 for a price that the order's type does not have. Raise ToolError
    invalid_arguments if nothing is left to change, or if 0 is a price at which the contract is never sold."""
    by_percent = unset.order_price("trailingPercent", order) is not None
    empty = [
        name
        for name in ("lmtPrice", "auxPrice")
        if getattr(request, name) == 0 and (has_no(name, order.orderType) or (name == "auxPrice" and by_percent))
    ]
    change = request.model_copy(update=dict.fromkeys(empty))
    if all(getattr(change, name) is None for name in CHANGEABLE):
        raise refused(f"{empty[0]}: orderType {order.orderType} has none, so this changes nothing")
    if change.auxPrice == 0:
        raise refused("auxPrice: must be above 0")
    require_price_sold(change.lmtPrice, contract)
    return change


def require_price_sold(lmtPrice: float | None, contract: ib_async.Contract) -> None:
    """Check that the contract may be sold at this limit: raise ToolError invalid_arguments for 0 or below otherwise."""
    try:
        require_sold_at(lmtPrice, contract.secType)
    except ValueError as wrong:
        raise refused(str(wrong)) from wrong


def refused(what: str) -> ToolError:
    return ToolError("invalid_arguments", f"{what}. Nothing was sent.", fields=[what.partition(":")[0]])
