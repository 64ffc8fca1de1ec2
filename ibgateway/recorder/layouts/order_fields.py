"""The three layouts that carry a whole order: placeOrder (3), openOrder (5) and completedOrder (101)."""

from __future__ import annotations

from ibgateway.recorder.layouts.contract_fields import ASKED, DELTA_NEUTRAL, HELD
from ibgateway.recorder.layouts.field_grammar import (
    ConditionalParts,
    Part,
    before,
    between,
    given,
    message,
    since,
    times,
    when,
)

UNSET = {"", "1.7976931348623157E308", "1.7976931348623157e+308", "1.7976931348623157e308"}
PEG_BENCH = ("PEG BENCH", "PEGBENCH")
PEG_BEST = ("PEG BEST", "PEGBEST")
PEG_MID = ("PEG MID", "PEGMID")


def _positive(text: str) -> bool:
    """Scale orders are those with a price increment above zero."""
    try:
        return text not in UNSET and float(text) > 0
    except ValueError:
        return False


_LEGS: tuple[Part, ...] = (
    times(
        "comboLegs",
        "legConId ratio legAction legExchange legOpenClose legShortSaleSlot legDesignatedLocation legExemptCode",
    ),
    times("orderComboLegs", "legPrice"),
    times("smartComboRoutingParams", "routingTag routingValue"),
)
_SCALE: tuple[Part, ...] = (
    "scaleInitLevelSize scaleSubsLevelSize scalePriceIncrement",
    ConditionalParts(
        "scalePriceIncrement",
        _positive,
        (
            "scalePriceAdjustValue scalePriceAdjustInterval scaleProfitOffset scaleAutoReset",
            "scaleInitPosition scaleInitFillQty scaleRandomPercent",
        ),
    ),
)
_HEDGE: tuple[Part, ...] = ("hedgeType", given("hedgeType", "hedgeParam"))
_ALGO: tuple[Part, ...] = ("algoStrategy", given("algoStrategy", times("algoParams", "algoTag algoValue")))
_BENCHMARK = when(
    "orderType",
    PEG_BENCH,
    "referenceContractId isPeggedChangeAmountDecrease peggedChangeAmount referenceChangeAmount referenceExchangeId",
)
_CONDITIONS: tuple[Part, ...] = (
    times(
        "conditions",
        "condType conjunction",
        when("condType", ["5"], "condSecType condExchange condSymbol"),
        when("condType", ["1", "3", "4", "6", "7"], "isMore condValue"),
        when("condType", ["1", "6", "7"], "condConId condExchange"),
        when("condType", ["1"], "condTriggerMethod"),
    ),
    ConditionalParts("conditions", lambda text: text not in {"", "0"}, ("conditionsIgnoreRth conditionsCancelOrder",)),
)
_PEG_PRICES = "minTradeQty minCompeteSize competeAgainstBestOffset midOffsetAtWhole midOffsetAtHalf"

PLACE_ORDER = message(
    "placeOrder",
    f"orderId {ASKED} secIdType secId",
    "action totalQuantity orderType lmtPrice auxPrice tif ocaGroup account openClose origin orderRef",
    "transmit parentId blockOrder sweepToFill displaySize triggerMethod outsideRth hidden",
    when("secType", ["BAG"], *_LEGS),
    "sharesAllocation discretionaryAmt goodAfterTime goodTillDate faGroup faMethod faPercentage",
    before(177, "faProfile"),
    "modelCode shortSaleSlot designatedLocation exemptCode ocaType rule80A settlingFirm allOrNone minQty percentOffset",
    "eTradeOnly firmQuoteOnly nbboPriceCap auctionStrategy startingPrice stockRefPrice delta",
    "stockRangeLower stockRangeUpper overridePercentageConstraints volatility volatilityType",
    "deltaNeutralOrderType deltaNeutralAuxPrice",
    given(
        "deltaNeutralOrderType",
        "deltaNeutralConId deltaNeutralSettlingFirm deltaNeutralClearingAccount deltaNeutralClearingIntent",
        "deltaNeutralOpenClose deltaNeutralShortSale deltaNeutralShortSaleSlot deltaNeutralDesignatedLocation",
    ),
    "continuousUpdate referencePriceType trailStopPrice trailingPercent",
    *_SCALE,
    "scaleTable activeStartTime activeStopTime",
    *_HEDGE,
    "optOutSmartRouting clearingAccount clearingIntent notHeld",
    *DELTA_NEUTRAL,
    *_ALGO,
    "algoId whatIf orderMiscOptions solicited randomizeSize randomizePrice",
    _BENCHMARK,
    *_CONDITIONS,
    "adjustedOrderType triggerPrice lmtPriceOffset adjustedStopPrice adjustedStopLimitPrice adjustedTrailingAmount",
    "adjustableTrailingUnit extOperator softDollarTierName softDollarTierValue cashQty",
    "mifid2DecisionMaker mifid2DecisionAlgo mifid2ExecutionTrader mifid2ExecutionAlgo",
    "dontUseAutoPriceForHedge isOmsContainer discretionaryUpToLimitPrice usePriceMgmtAlgo",
    since(158, "duration"),
    since(160, "postToAts"),
    since(162, "autoCancelParent"),
    since(166, "advancedErrorOverride"),
    since(169, "manualOrderTime"),
    since(
        170,
        when("exchange", ["IBKRATS"], "minTradeQty"),
        when(
            "orderType",
            PEG_BEST,
            "minCompeteSize competeAgainstBestOffset",
            when("competeAgainstBestOffset", ["Infinite"], "midOffsetAtWhole midOffsetAtHalf"),
        ),
        when("orderType", PEG_MID, "midOffsetAtWhole midOffsetAtHalf"),
    ),
    since(183, "customerAccount"),
    since(184, "professionalCustomer"),
    between(187, 190, "rfqText rfqOperator"),
    since(189, "includeOvernight"),
    since(192, "manualOrderIndicator"),
    since(199, "imbalanceOnly"),
)

_SHOWN = "action totalQuantity orderType lmtPrice auxPrice tif ocaGroup account openClose origin orderRef"
_ADVISOR: tuple[Part, ...] = ("faGroup faMethod faPercentage", before(177, "faProfile"))
_TERMS = "modelCode goodTillDate rule80A percentOffset settlingFirm shortSaleSlot designatedLocation exemptCode"
_BOX = "startingPrice stockRefPrice delta stockRangeLower stockRangeUpper displaySize"
_DN_ORDER = "deltaNeutralShortSale deltaNeutralShortSaleSlot deltaNeutralDesignatedLocation"
_MARGINS = """
    initMarginBefore maintMarginBefore equityWithLoanBefore initMarginChange maintMarginChange equityWithLoanChange
    initMarginAfter maintMarginAfter equityWithLoanAfter
"""
_OUTSIDE_RTH = " ".join(f"{name}OutsideRTH" for name in _MARGINS.split())

OPEN_ORDER = message(
    "openOrder",
    f"orderId {HELD} {_SHOWN}",
    "clientId permId outsideRth hidden discretionaryAmt goodAfterTime sharesAllocation",
    *_ADVISOR,
    f"{_TERMS} auctionStrategy {_BOX} blockOrder sweepToFill allOrNone minQty ocaType",
    "eTradeOnly firmQuoteOnly nbboPriceCap parentId triggerMethod",
    "volatility volatilityType deltaNeutralOrderType deltaNeutralAuxPrice",
    given(
        "deltaNeutralOrderType",
        "deltaNeutralConId deltaNeutralSettlingFirm deltaNeutralClearingAccount deltaNeutralClearingIntent",
        f"deltaNeutralOpenClose {_DN_ORDER}",
    ),
    "continuousUpdate referencePriceType trailStopPrice trailingPercent basisPoints basisPointsType comboLegsDescrip",
    *_LEGS,
    *_SCALE,
    *_HEDGE,
    "optOutSmartRouting clearingAccount clearingIntent notHeld",
    *DELTA_NEUTRAL,
    *_ALGO,
    f"solicited whatIf status {_MARGINS} commission minCommission maxCommission commissionCurrency",
    since(
        195,
        f"marginCurrency {_OUTSIDE_RTH} suggestedSize rejectReason",
        times(
            "orderAllocations",
            "account position positionDesired positionAfter desiredAllocQty allowedAllocQty isMonetary",
        ),
    ),
    "warningText randomizeSize randomizePrice",
    _BENCHMARK,
    *_CONDITIONS,
    "adjustedOrderType triggerPrice adjustedTrailStopPrice lmtPriceOffset adjustedStopPrice adjustedStopLimitPrice",
    "adjustedTrailingAmount adjustableTrailingUnit softDollarTierName softDollarTierValue softDollarTierDisplayName",
    "cashQty dontUseAutoPriceForHedge isOmsContainer discretionaryUpToLimitPrice usePriceMgmtAlgo",
    since(158, "duration"),
    since(160, "postToAts"),
    since(162, "autoCancelParent"),
    since(170, _PEG_PRICES),
    since(183, "customerAccount"),
    since(184, "professionalCustomer"),
    since(185, "bondAccruedInterest"),
    since(189, "includeOvernight"),
    since(193, "extOperator manualOrderIndicator"),
    since(198, "submitter"),
    since(199, "imbalanceOnly"),
)

COMPLETED_ORDER = message(
    "completedOrder",
    f"{HELD} {_SHOWN} permId outsideRth hidden discretionaryAmt goodAfterTime",
    *_ADVISOR,
    f"{_TERMS} {_BOX} sweepToFill allOrNone minQty ocaType triggerMethod",
    "volatility volatilityType deltaNeutralOrderType deltaNeutralAuxPrice",
    given("deltaNeutralOrderType", f"deltaNeutralConId {_DN_ORDER}"),
    "continuousUpdate referencePriceType trailStopPrice trailingPercent comboLegsDescrip",
    *_LEGS,
    *_SCALE,
    *_HEDGE,
    "clearingAccount clearingIntent notHeld",
    *DELTA_NEUTRAL,
    *_ALGO,
    "solicited status randomizeSize randomizePrice",
    _BENCHMARK,
    *_CONDITIONS,
    "stopPrice lmtPriceOffset cashQty dontUseAutoPriceForHedge isOmsContainer autoCancelDate filledQuantity",
    "refFuturesConId autoCancelParent shareholder imbalanceOnly routeMarketableToBbo parentPermId",
    "completedTime completedStatus",
    since(170, _PEG_PRICES),
    since(183, "customerAccount"),
    since(184, "professionalCustomer"),
    since(198, "submitter"),
)
