"""An order's requested fields, as distinct from those that TWS fills in when it shows the order. Pure.

TWS shows each order with fields that nobody sent: an OCA group and its type, the parent that has filled, a volatility,
`None` and `IB` where there is nothing. It refuses a change that has them: 135 for a parent that is done
(github.com/erdewit/ib_insync/issues/647), 10326 for a group that it gave itself
(github.com/nautechsystems/nautilus_trader/issues/2978), 321 for others (ib_async's placeOrder names volatility).
So a change is made of what was asked for, and of what has been changed since then in TWS.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import ib_async

from ib_worker.tws.values import unset

BY_VOLATILITY = frozenset({"VOL"})
BENCHMARKED = frozenset({"PEG BENCH", "PEGBENCH"})

# What a client can ask for and TWS shows again. All else in an openOrder is TWS's own: it is never sent.
ASKABLE = frozenset(
    {
        "action", "totalQuantity", "orderType", "lmtPrice", "auxPrice", "tif", "account", "orderRef", "parentId",
        "ocaGroup", "ocaType", "blockOrder", "sweepToFill", "displaySize", "triggerMethod", "outsideRth", "hidden",
        "goodAfterTime", "goodTillDate", "allOrNone", "minQty", "percentOffset", "trailStopPrice", "trailingPercent",
        "lmtPriceOffset", "faGroup", "faMethod", "faPercentage", "modelCode", "designatedLocation", "shortSaleSlot",
        "exemptCode", "openClose", "origin", "discretionaryAmt", "discretionaryUpToLimitPrice", "settlingFirm",
        "clearingAccount", "clearingIntent", "auctionStrategy", "startingPrice", "stockRefPrice", "delta",
        "stockRangeLower", "stockRangeUpper", "randomizeSize", "randomizePrice", "volatility", "volatilityType",
        "continuousUpdate", "referencePriceType", "deltaNeutralOrderType", "deltaNeutralAuxPrice",
        "deltaNeutralConId", "deltaNeutralSettlingFirm", "deltaNeutralClearingAccount", "deltaNeutralClearingIntent",
        "deltaNeutralOpenClose", "deltaNeutralShortSale", "deltaNeutralShortSaleSlot",
        "deltaNeutralDesignatedLocation", "scaleInitLevelSize", "scaleSubsLevelSize", "scalePriceIncrement",
        "scalePriceAdjustValue", "scalePriceAdjustInterval", "scaleProfitOffset", "scaleAutoReset",
        "scaleInitPosition", "scaleInitFillQty", "scaleRandomPercent", "hedgeType", "hedgeParam",
        "optOutSmartRouting", "algoStrategy", "algoParams", "smartComboRoutingParams", "orderComboLegs", "notHeld",
        "solicited", "referenceContractId", "isPeggedChangeAmountDecrease", "peggedChangeAmount",
        "referenceChangeAmount", "referenceExchangeId", "adjustedOrderType", "triggerPrice", "adjustedStopPrice",
        "adjustedStopLimitPrice", "adjustedTrailingAmount", "adjustableTrailingUnit", "conditions",
        "conditionsCancelOrder", "conditionsIgnoreRth", "cashQty", "autoCancelParent",
    }
)  # fmt: skip

# How TWS shows that there is none, beside ib_async's own default. From openOrder frames of gateways of versions 178 and
# 200 (github.com/ThomasMarcelis/ibkr-go, captures of 2026-04) and orders printed in ib_insync's issues.
NOTHING: Mapping[str, tuple[Any, ...]] = {
    "openClose": ("", "?"),
    "clearingIntent": ("IB",),
    "deltaNeutralOrderType": ("None",),
    "adjustedOrderType": ("None",),
    "cashQty": (0.0,),
    "exemptCode": (0,),
    "minQty": (0,),
    "percentOffset": (0.0,),
    "lmtPriceOffset": (0.0,),
}

Applies = Callable[[ib_async.Order], bool]


def _adjusts(order: ib_async.Order) -> bool:
    return order.adjustedOrderType not in ("", "None")


def _neutral(order: ib_async.Order) -> bool:
    return order.deltaNeutralOrderType not in ("", "None")


def _by_volatility(order: ib_async.Order) -> bool:
    return order.orderType in BY_VOLATILITY


def _benchmarked(order: ib_async.Order) -> bool:
    return order.orderType in BENCHMARKED


def _limited(order: ib_async.Order) -> bool:
    """A trailing stop limit shows both forms of its limit and takes one: the offset, which moves with the stop."""
    offset = order.orderType == "TRAIL LIMIT" and unset.number(order.lmtPriceOffset) not in (None, 0.0)
    return not offset and _priced("lmtPrice", order)


def _priced(name: str, order: ib_async.Order) -> bool:
    return unset.order_price(name, order) is not None


# Fields that mean something only beside another one, and are filled in where that is not there.
ONLY: Mapping[str, Applies] = {
    "lmtPrice": _limited,
    "auxPrice": partial(_priced, "auxPrice"),
    "trailStopPrice": partial(_priced, "trailStopPrice"),
    "trailingPercent": partial(_priced, "trailingPercent"),
    "lmtPriceOffset": lambda order: order.orderType == "TRAIL LIMIT",
    "displaySize": lambda order: unset.is_something(order.displaySize),
    "ocaType": lambda order: bool(order.ocaGroup),
    "goodTillDate": lambda order: order.tif == "GTD",
    "faMethod": lambda order: bool(order.faGroup),
    "faPercentage": lambda order: bool(order.faGroup),
    "hedgeParam": lambda order: bool(order.hedgeType),
    "algoParams": lambda order: bool(order.algoStrategy),
    "conditionsCancelOrder": lambda order: bool(order.conditions),
    "conditionsIgnoreRth": lambda order: bool(order.conditions),
    **dict.fromkeys(("volatility", "volatilityType", "continuousUpdate", "referencePriceType"), _by_volatility),
    **dict.fromkeys(
        ("triggerPrice", "adjustedStopPrice", "adjustedStopLimitPrice", "adjustedTrailingAmount",
         "adjustableTrailingUnit"), _adjusts,
    ),
    **dict.fromkeys([each for each in ASKABLE if each.startswith("deltaNeutral")], _neutral),
    **dict.fromkeys(
        ("referenceContractId", "isPeggedChangeAmountDecrease", "peggedChangeAmount", "referenceChangeAmount",
         "referenceExchangeId"), _benchmarked,
    ),
}  # fmt: skip

NONE = ib_async.Order()
TERMS = ("totalQuantity", "orderType", "lmtPrice", "auxPrice", "tif", "trailingPercent")
PEGGED = frozenset({"REL", "MIDPRICE"})
LINKS = frozenset({"parentId", "ocaGroup", "ocaType"})  # stay as they are at TWS without being named again
PERM_ID_DIGITS = 8  # of the shortest seen


def asked_of(told: ib_async.Order) -> ib_async.Order:
    """Return the requested fields of an order that TWS shows, as far as the order alone shows them."""
    asked = {
        name: getattr(told, name)
        for name in ASKABLE
        if ONLY.get(name, _always)(told) and getattr(told, name) not in NOTHING.get(name, ())
    }
    return ib_async.Order(**asked)


def requested(
    told: ib_async.Order, sent: ib_async.Order | None, told_first: ib_async.Order | None, held: bool
) -> ib_async.Order:
    """The order that a change of it starts from: as it was sent, with what has been changed since in TWS or by us; of
    an earlier worker's or another program's order, what TWS shows without what it fills in.

    `told_first` is TWS's first word on what was `sent`: a field that reads the same in it and now is as it was asked
    for. Unless the parent is open and holds it (`held`), the order hangs on nothing any more.
    """
    now = asked_of(told)
    if sent is None or told_first is None:
        order = replace(now, ocaGroup="", ocaType=0) if _given_by_tws(told) else now
    else:
        first = asked_of(told_first)
        newer = {each for each in ASKABLE if getattr(now, each) != getattr(first, each)}
        terms = {each for each in TERMS if getattr(sent, each) != getattr(NONE, each)}  # as TWS has confirmed them
        pegged = {"lmtPrice"} if told.orderType in PEGGED else set()  # TWS shows where the order is pegged to now
        order = replace(sent, **{each: getattr(now, each) for each in (newer - LINKS - pegged) | terms})
    return replace(order, transmit=True, parentId=order.parentId if held else 0)


def _given_by_tws(told: ib_async.Order) -> bool:
    """A group that TWS made of the exits of a parent: its name is the parent's permId."""
    name = told.ocaGroup
    return name.isdecimal() and (told.parentId != 0 or len(name) >= PERM_ID_DIGITS)


def _always(_: ib_async.Order) -> bool:
    return True
