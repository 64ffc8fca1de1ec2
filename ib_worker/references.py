"""The orderRef that an order carries at IBKR: its key's name there, the same after any restart. Pure."""

import re
from base64 import b32encode
from hashlib import sha256
from typing import TypeGuard

from bridge.tool import ToolError
from bridge.values import Named
from ib_worker.order_state import OrderState

OUR_REFS = "mcp"  # how each begins

_OURS = re.compile(f"{OUR_REFS}[a-z2-7]{{26}}")


def order_ref(key: str, leg: str = "") -> str:
    """29 printable characters."""
    named = f"{key}\0{leg}" if leg else key  # no key has a NUL, so that no key and leg read as another key
    return OUR_REFS + b32encode(sha256(named.encode()).digest()).decode().lower()[:26]


def is_ours(orderRef: str | None) -> TypeGuard[str]:
    """Whether a worker gave it, to one order alone. What others write there names a strategy, say, of many orders."""
    return orderRef is not None and _OURS.fullmatch(orderRef) is not None


def require_one_order(state: OrderState, orderId: int, named: Named) -> None:
    """Refuse names of which one is another order's. Raise ToolError invalid_arguments."""
    orderRef = order_ref(named.orderKey) if named.orderKey is not None else None
    others = [
        name
        for name, is_other in (
            ("orderId", orderId not in (0, state.orderId)),
            ("permId", named.permId is not None and bool(state.permIds) and named.permId not in state.permIds),
            ("orderKey", orderRef not in (None, state.orderRef)),
            ("orderRef", named.orderRef not in (None, state.orderRef)),
        )
        if is_other
    ]
    if others:
        raise ToolError(
            "invalid_arguments",
            f"{others[0]}: it names another order than the other names that were given. Nothing was sent. Name the "
            "order by one of orderId, orderKey, orderRef and permId.",
            fields=others,
        )
