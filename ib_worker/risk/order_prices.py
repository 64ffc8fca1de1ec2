"""The prices that an order really has. TWS writes 0, -1 or its unset double where there is none. Pure.

A safety check gets None or a number from here: a REL or MIDPRICE order without a cap is told with lmtPrice 0, and MKT,
MOC and TRAIL orders come back from TWS with lmtPrice 0 and auxPrice 0.
"""

from bridge.text.numbers import digits
from bridge.tool import ToolError
from ib_worker.tws.values.unset import SIGNED, Told, real

LIMIT_TYPES = frozenset({"LMT", "STP LMT", "LIT", "LOC"})  # without their lmtPrice they are no order
NO_LIMIT_TYPES = frozenset({"MKT", "MTL", "MOC", "STP", "MIT", "TRAIL"})
STOPS, TOUCHES = frozenset({"STP", "STP LMT"}), frozenset({"MIT", "LIT"})  # triggered by a worse or a better price
TRIGGERED = STOPS | TOUCHES


def usable(price: float | None, secType: str) -> float | None:
    """Return a quoted price if it is one: above 0, or any number for what may trade at 0 and below."""
    found = real(price)
    return found if found is not None and (found > 0 or secType in SIGNED) else None


def limit_price(orderType: str, secType: str, told: Told) -> float | None:
    """Return the price that bounds the order. A cap (REL, MIDPRICE, and types that are not listed here) of 0 is none,
    and so is one below 0 for what can't trade there."""
    price = real(told)
    if price is None or orderType in NO_LIMIT_TYPES:
        return None
    if orderType in LIMIT_TYPES:
        return price
    return price if price > 0 or (price < 0 and secType in SIGNED) else None


def aux_price(orderType: str, secType: str, told: Told) -> float | None:
    """Return the trigger of a stop or touch order, or the amount by which TRAIL and REL follow the market."""
    price = real(told)
    if price is None:
        return None
    return price if price > 0 or (price < 0 and orderType in TRIGGERED and secType in SIGNED) else None


def require_price(orderType: str, secType: str, lmtPrice: float | None) -> None:
    """Raise ToolError invalid_arguments for a limit at which nothing of this kind can trade."""
    if orderType not in LIMIT_TYPES:
        return
    if lmtPrice is None:
        raise ToolError("invalid_arguments", f"lmtPrice: orderType {orderType} needs a limit price. Nothing was sent.")
    if lmtPrice <= 0 and secType not in SIGNED:
        raise ToolError(
            "invalid_arguments",
            f"lmtPrice: {digits(lmtPrice)} is no price of a {secType}; only {', '.join(sorted(SIGNED))} trade at 0 and "
            "below. Nothing was sent.",
        )
