"""TWS's own values for an argument that is left out, by field: a model that copies one back has given nothing. Pure.

Source: the defaults of Contract and Order in IBKR's client library, and its UNSET_INTEGER, UNSET_DOUBLE and
UNSET_DECIMAL. The meaning of a 0 in lmtPrice and auxPrice depends on the order type: see `order_terms`.
"""

import re
import sys
from typing import Any

UNSET_INTEGER = 2**31 - 1
UNSET_DOUBLE = sys.float_info.max
UNSET_DECIMAL = 2**127 - 1

NUMBERS: dict[str, tuple[float, ...]] = {
    "conId": (0, UNSET_INTEGER),
    "permId": (0, UNSET_INTEGER),
    "orderId": (0, UNSET_INTEGER),
    "strike": (0, UNSET_DOUBLE),
    "multiplier": (0,),
    "lmtPrice": (UNSET_DOUBLE,),
    "auxPrice": (UNSET_DOUBLE,),
    "trailingPercent": (0, UNSET_DOUBLE),
    "changePercent": (0,),
    "totalQuantity": (UNSET_DECIMAL,),
}
UNSET_TEXT = "1.7976931348623157E308"  # UNSET_DOUBLE as IBKR's library prints it
WORDS: dict[str, tuple[str, ...]] = {
    "right": ("0", "?"),
    **dict.fromkeys(("strike", "lmtPrice", "auxPrice", "trailingPercent"), (UNSET_TEXT,)),
}

_PLAIN = re.compile(r"[+-]?[0-9]{1,18}(\.[0-9]{1,12})?")


def is_empty(name: str, value: object) -> bool:
    """Return whether an optional argument's value means that it was left out."""
    if isinstance(value, list):
        return not value
    if isinstance(value, str) and (not value.strip() or value.strip().upper() in WORDS.get(name, ())):
        return True
    return value is None or as_number(value) in NUMBERS.get(name, ())


def is_zero(value: object) -> bool:
    """Return whether a price is TWS's 0, as a number or in digits."""
    return as_number(value) == 0


def as_number(value: object) -> float | int | None:
    """Return the number that a value is or spells; None for all else, and for true and false."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    if isinstance(value, str):
        return float(value) if _PLAIN.fullmatch(value) else None
    return value


def without_empties(arguments: dict[str, Any], optional: frozenset[str]) -> dict[str, Any]:
    """Return the arguments that were given; what is required stays as it is, for its own check to refuse."""
    return {name: value for name, value in arguments.items() if name not in optional or not is_empty(name, value)}
