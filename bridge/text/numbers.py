"""Numbers as people and models read them: every digit, and no exponent. Pure."""

from decimal import Decimal
from typing import TypeVar

T = TypeVar("T")
DECIMALS = 10  # beyond these is what binary fractions add


def digits(value: float | Decimal) -> str:
    """Return a price or a quantity in full: 123456.78 and 1000000, where Python's `g` says 123457 and 1e+06."""
    told = Decimal(str(value))
    if not told.is_finite():
        return str(value)
    exponent = told.as_tuple().exponent
    if isinstance(exponent, int) and exponent < -DECIMALS and abs(told) >= Decimal("0.0001"):
        told = round(told, DECIMALS)
    return f"{told.normalize():f}" if told else "0"


def exact(value: float | None) -> float | None:
    """Return a number without what binary fractions add to a sum: 6.5112 for 6.5112000000000005."""
    return None if value is None else round(value, DECIMALS)


def shortest(value: T) -> T | int:
    """Return a whole number as an integer, which has fewer tokens in JSON, and any other value as it is."""
    return int(value) if isinstance(value, float) and value.is_integer() else value
