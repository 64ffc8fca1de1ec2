"""The orderRef that an order carries at IBKR: its key's name there, the same after any restart. Pure."""

import re
from base64 import b32encode
from hashlib import sha256
from typing import TypeGuard

EXITS = ("takeProfit", "stopLoss")
LEGS = ("", *EXITS)  # of a bracket, as its orders' references are made
OUR_REFS = "mcp"  # how each begins

_OURS = re.compile(f"{OUR_REFS}[a-z2-7]{{26}}")


def order_ref(key: str, leg: str = "") -> str:
    """29 printable characters."""
    named = f"{key}\0{leg}" if leg else key  # no key has a NUL, so that no key and leg read as another key
    return OUR_REFS + b32encode(sha256(named.encode()).digest()).decode().lower()[:26]


def is_ours(orderRef: str | None) -> TypeGuard[str]:
    """Return whether a worker wrote the reference, which then names one order.

    Another program's reference may name many orders, such as those of one strategy.
    """
    return orderRef is not None and _OURS.fullmatch(orderRef) is not None
