"""TWS's ways to say "nothing", by message and field: the one table of them, and the only code that knows them. Pure.

A safety check gets None or a number from here, never a number that stands for none. Sources: ibapi's `const.py`
(UNSET_INTEGER, UNSET_DOUBLE, UNSET_LONG, UNSET_DECIMAL, "Infinity"), IBKR's "Tick Types" and "Historical Bar Data"
pages, and frames of real gateways.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from bridge.tools.order_terms import AUX_PRICE, LMT_PRICE, ORDER_TYPES

UNSET_DOUBLE = 1.7976931348623157e308
# Unset in any field: 32 and 64 bits, and ibapi's UNSET_DECIMAL, which is Decimal(2 ** 127 - 1).
UNSET_INTEGERS = frozenset({2**31 - 1, 2**63 - 1, 2**127 - 1, float(2**63 - 1), float(2**127 - 1)})
NO_TIME = datetime(1970, 1, 1, tzinfo=UTC)  # ib_async's own time of an execution that has none
NO_ORDER_ID = 2**31 - 1  # of an order entered by hand, which counts as client 0's
# Words in place of a number: "Infinity" is ibapi's INFINITY_STR, "Infinite" and "NaN" are in account values.
UNSET_TEXTS = frozenset({"", "?", "nan", "inf", "infinity", "infinite", "n/a", "--"})
# Secure types whose prices may be 0 and below: a spread, an oil future in April 2020 (CME's notice 20-160).
SIGNED = frozenset({"BAG", "FUT", "FOP", "CONTFUT"})
# Worth nothing is a price of these; a stock's price of 0 is one that TWS does not know.
WORTHLESS_MAY_BE = SIGNED | {"OPT", "WAR", "IOPT"}


@dataclass(frozen=True)
class Rule:
    """The numbers that mean "nothing" in one field.

    `backed` means that another field says there is something: a size of the quote, a volume of the bar, a filled
    quantity, an order type that has such a price.
    """

    source: str
    nothing: frozenset[float] = frozenset()  # of any secType that is not SIGNED
    unbacked: frozenset[float] = frozenset()
    signed_unbacked: frozenset[float] | None = None  # the same for SIGNED; None: no difference
    needs_backing: bool = False  # without it no number is one


_ZERO, _MINUS_ONE = frozenset({0.0}), frozenset({-1.0})
_NO_PRICE = frozenset({0.0, -1.0, -100.0})
_TICKS = "Tick Types: -1 means that no data is available; frames of real gateways: 0 x 0 before the open, -100 x 0"
_ORDERS = "openOrder of real gateways: 0.0 or the unset double for a price that the order type does not have"

# Fields without a line have no number of their own for none: only what is unset in any field is.
RULES: Mapping[str, Rule] = {
    "tickPrice.quote": Rule(_TICKS + "; -1 x 5 is the price of a spread", needs_backing=True),
    "tickPrice.last": Rule(_TICKS + "; an index has a last price without a size", unbacked=_NO_PRICE),
    "tickPrice.day": Rule(_TICKS + "; high, low, open and close come without a size", unbacked=_NO_PRICE),
    "tickSize.size": Rule(_TICKS, unbacked=_MINUS_ONE),
    "tickGeneric.halted": Rule("Halted: -1 is not available", unbacked=_MINUS_ONE),
    "tickOptionComputation.level": Rule(
        "tickOptionComputation: -1 for a volatility or price that was not computed", unbacked=_MINUS_ONE
    ),
    "tickOptionComputation.greek": Rule(
        "tickOptionComputation: -2 for a greek that was not computed", unbacked=frozenset({-2.0})
    ),
    "historicalData.price": Rule(
        "frames of real gateways: 0 or -1 in a bar in which nobody quoted or traded",
        unbacked=frozenset({0.0, -1.0}),
        signed_unbacked=frozenset(),
    ),
    "historicalData.rate": Rule("Historical Bar Data: a volatility, fee or yield may be 0 or below"),
    "historicalData.volume": Rule("Historical Bar Data: -1 for all but TRADES", unbacked=_MINUS_ONE),
    "historicalData.average": Rule(
        "Historical Bar Data: -1 for all but TRADES; 0 where nothing traded",
        nothing=_MINUS_ONE,
        unbacked=frozenset({0.0, -1.0}),
    ),
    "orderStatus.fillPrice": Rule("orderStatus: 0 while nothing is filled; a spread may fill at 0", unbacked=_ZERO),
    "openOrder.lmtPrice": Rule(_ORDERS + "; REL, MIDPRICE: 0 is no cap", unbacked=_ZERO),
    "openOrder.auxPrice": Rule(_ORDERS, unbacked=_ZERO),
    "openOrder.trailingPercent": Rule(_ORDERS, unbacked=_ZERO),
    "openOrder.trailStopPrice": Rule(_ORDERS, unbacked=_ZERO),
    "contract.strike": Rule("contract: 0 for what has no strike", unbacked=_ZERO),
    "contractDetails.positive": Rule(
        "contractDetails: 0 where it does not apply (bonds: minSize, sizeIncrement, priceMagnifier, minTick)",
        unbacked=_ZERO,
    ),
    "updatePortfolio.market": Rule("updatePortfolio: 0 price and 0 value while no price is known", unbacked=_ZERO),
}

# Where a message's numbers stand: the decoder takes an empty field for 0, and fails at a word.
NUMBERS: Mapping[str, tuple[int, ...]] = {
    "1": (4, 5),  # tickPrice: price, size
    "2": (4,),  # tickSize
    "3": (3, 4, 5, 8, 11),  # orderStatus: filled, remaining, avgFillPrice, lastFillPrice, mktCapPrice
    "7": (14, 15, 16, 17, 18),  # updatePortfolio: marketPrice, marketValue, averageCost, unrealizedPNL, realizedPNL
    "12": (6, 7),  # updateMktDepth: price, size
    "13": (7, 8),  # updateMktDepthL2: price, size
    "21": (4, 5, 6, 7, 8, 9, 10, 11),  # tickOptionComputation: volatility, delta, price, dividend, greeks, undPrice
    "11": (19, 20, 24, 25),  # execDetails: shares, price, cumQty, avgPrice
    "45": (4,),  # tickGeneric
    "59": (3, 5),  # commissionReport: commission, realizedPNL
    "61": (15,),  # position: avgCost
    "71": (16,),  # positionMulti: avgCost
    "94": (2, 3, 4),  # pnl
    "95": (2, 3, 4, 5, 6),  # pnlSingle
}
_WORDS = frozenset({"Infinity", "Infinite", "-Infinity"})
_WORDED = frozenset({"5", "10", "18", "101"})  # openOrder, contract details, completedOrder: empty is unset already
_UNSET_TEXT = repr(UNSET_DOUBLE)
_NUMERIC = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")

TRAILING = ("TRAIL", "TRAIL LIMIT")  # order types whose stop moves with the price

HIGHEST = 1e9  # no price of a contract is higher; TWS's unset integers and doubles are

Told = float | Decimal | str | None  # as decoded, or as written


def plain_fields(fields: list[str]) -> list[str]:
    """A message's fields with its unset double for each way in which it says that a number is none."""
    positions = NUMBERS.get(fields[0]) if fields else None
    if positions is not None:
        for at in positions:
            if at < len(fields) and fields[at].lower() in UNSET_TEXTS:
                fields = [*fields[:at], _UNSET_TEXT, *fields[at + 1 :]]
    elif fields and fields[0] in _WORDED and not _WORDS.isdisjoint(fields):
        fields = [_UNSET_TEXT if each in _WORDS else each for each in fields]
    return fields


def number(told: Told) -> float | None:
    """A figure, or None where it is unset, NaN, infinite, or a word that says so."""
    if isinstance(told, str):
        try:
            told = float(told)
        except ValueError:
            return None
    if told is None or told in UNSET_INTEGERS:
        return None
    found = float(told)
    return found if abs(found) < UNSET_DOUBLE else None  # also false for NaN


def value(field: str, told: Told, *, backed: bool = False, secType: str = "") -> float | None:
    """Return one field's value, or None for nothing. `field` is a line of RULES."""
    found, rule = number(told), RULES[field]
    if found is None or (rule.needs_backing and not backed):
        return None
    signed = secType in SIGNED
    if not signed and found in rule.nothing:
        return None
    unbacked = rule.signed_unbacked if signed and rule.signed_unbacked is not None else rule.unbacked
    return None if not backed and found in unbacked else found


def is_something(told: Told) -> bool:
    """Return whether a size, a volume or a filled quantity says that there is something."""
    found = number(told)
    return found is not None and found > 0


def count(told: float | str | None) -> int | None:
    """A count; a negative one is none."""
    found = number(told)
    return None if found is None or found < 0 else int(found)


def identity(told: int | None) -> int | None:
    """A permId, conId, parentId or the like: 0, -1 and unset mean that there is none. A permId has 64 bits."""
    return None if told is None or told in UNSET_INTEGERS or told in (0, -1) else told


def text(told: str | None) -> str | None:
    """A name, or None where TWS wrote nothing or "?"."""
    return None if told in (None, "", "?") else told


def applies(told: str | None) -> str | None:
    """A contract's right or multiplier, for which "0" is none as well."""
    return None if told == "0" else text(told)


def order_id(told: int) -> int:
    """An orderId, 0 for that of an order entered by hand."""
    return 0 if told == NO_ORDER_ID else told


def execution_time(told: datetime) -> datetime | None:
    """A fill's time, None where TWS wrote it in a zone that nobody knows."""
    return None if told == NO_TIME else told


def order_price(name: str, order: Any, secType: str = "") -> float | None:
    """`lmtPrice`, `auxPrice`, `trailingPercent` or `trailStopPrice` of an order as sent or as TWS tells it back, None
    where it has none. A price of 0 counts only for a type that needs one: a spread at even. What TWS tells beside a
    type that has no such price, such as the old limit of what is a market order now, is none."""
    needed = {"lmtPrice": LMT_PRICE, "auxPrice": AUX_PRICE}.get(name, dict.fromkeys(TRAILING))
    if order.orderType in ORDER_TYPES and order.orderType not in needed:
        return None
    backed = needed.get(order.orderType) is True
    return value(f"openOrder.{name}", getattr(order, name), backed=backed, secType=secType)


def market_value(told: Told, beside: Told, held: float, secType: str) -> float | None:
    """A portfolio line's market price or value; `beside` is the other of the two."""
    known = held == 0 or secType in WORTHLESS_MAY_BE or number(beside) not in (None, 0.0)
    return value("updatePortfolio.market", told, backed=known, secType=secType)


def account_value(told: str) -> float | str | None:
    """The value of an account's tag: most are numbers, some (AccountType) are words. -1 is a number there:
    DayTradesRemaining is -1 where day trades are unlimited."""
    if told.strip().lower() in UNSET_TEXTS:
        return None
    return number(told) if _NUMERIC.fullmatch(told) else told


def real(told: Told) -> float | None:
    """Return a number of TWS or of a caller, or None where it is unset, NaN, infinite or beyond any price."""
    found = number(told)
    return found if found is not None and abs(found) <= HIGHEST else None
