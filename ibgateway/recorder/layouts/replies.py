"""The layouts of a gateway's frames, by message id."""

from __future__ import annotations

from ibgateway.recorder.layouts.contract_fields import EXPIRY, HELD
from ibgateway.recorder.layouts.field_grammar import Message, before, between, message, since, times, when
from ibgateway.recorder.layouts.order_fields import COMPLETED_ORDER, OPEN_ORDER

_BAR = "date open high low close volume wap barCount"
_HOURS = "timeZoneId tradingHours liquidHours"
_FUND = """
    fundName fundFamily fundType fundFrontLoad fundBackLoad fundBackLoadTimeInterval fundManagementFee fundClosed
    fundClosedForNewInvestors fundClosedForNewMoney fundNotifyAmount fundMinimumInitialPurchase
    fundSubsequentMinimumPurchase fundBlueSkyStates fundBlueSkyTerritories fundDistributionPolicyIndicator
    fundAssetType
"""
_SECURITY_IDS = times("secIdList", "secIdTag secIdValue")
_SIZES = "minSize sizeIncrement suggestedSizeIncrement"

CONTRACT_DETAILS = message(
    "contractDetails",
    before(164, "version"),
    f"reqId symbol secType {EXPIRY}",
    since(182, "lastTradeDate"),
    "strike right exchange currency localSymbol marketName tradingClass conId minTick",
    before(164, "mdSizeMultiplier"),
    "multiplier orderTypes validExchanges priceMagnifier underConId longName primaryExchange contractMonth",
    f"industry category subcategory {_HOURS} evRule evMultiplier",
    _SECURITY_IDS,
    "aggGroup underSymbol underSecType marketRuleIds realExpirationDate stockType",
    between(163, 164, "sizeMinTick"),
    since(164, _SIZES),
    since(179, when("secType", ["FUND"], _FUND)),
    since(186, times("ineligibilityReasonList", "reasonId reasonDescription")),
)

BOND_DETAILS = message(
    "bondContractDetails",
    before(164, "version"),
    "reqId symbol secType cusip coupon maturity issueDate ratings bondType couponType convertible callable putable",
    "descAppend exchange currency marketName tradingClass conId minTick",
    before(164, "mdSizeMultiplier"),
    "orderTypes validExchanges nextOptionDate nextOptionType nextOptionPartial notes longName",
    since(188, _HOURS),
    "evRule evMultiplier",
    _SECURITY_IDS,
    "aggGroup marketRuleIds",
    since(164, _SIZES),
)

REPLIES: dict[int, Message] = {
    1: message("tickPrice", "version reqId tickType price size attrMask"),
    2: message("tickSize", "version reqId tickType size"),
    3: message(
        "orderStatus",
        "orderId status filled remaining avgFillPrice permId parentId lastFillPrice clientId whyHeld mktCapPrice",
    ),
    4: message(
        "error",
        before(194, "version"),
        "id errorCode errorString",
        since(166, "advancedOrderRejectJson"),
        since(194, "errorTime"),
    ),
    5: OPEN_ORDER,
    6: message("updateAccountValue", "version tag value currency account"),
    7: message(
        "updatePortfolio",
        f"version conId symbol secType {EXPIRY} strike right multiplier primaryExchange currency localSymbol",
        "tradingClass position marketPrice marketValue averageCost unrealizedPNL realizedPNL account",
    ),
    8: message("updateAccountTime", "version timeStamp"),
    9: message("nextValidId", "version orderId"),
    10: CONTRACT_DETAILS,
    11: message(
        "execDetails",
        f"reqId orderId {HELD} execId time acctNumber executionExchange side shares price permId clientId liquidation",
        "cumQty avgPrice orderRef evRule evMultiplier modelCode lastLiquidity",
        since(178, "pendingPriceRevision"),
        since(198, "submitter"),
    ),
    12: message("updateMktDepth", "version reqId position operation side price size"),
    13: message("updateMktDepthL2", "version reqId position marketMaker operation side price size isSmartDepth"),
    14: message("updateNewsBulletin", "version bulletinId bulletinType bulletinText bulletinExchange"),
    15: message("managedAccounts", "version accountsList"),
    16: message("receiveFA", "version faDataType xml"),
    17: message("historicalData", "reqId", before(196, "start end"), times("bars", _BAR)),
    18: BOND_DETAILS,
    19: message("scannerParameters", "version scannerXml"),
    20: message(
        "scannerData",
        "version reqId",
        times(
            "rows",
            f"rank conId symbol secType {EXPIRY} strike right exchange currency localSymbol marketName tradingClass",
            "distance benchmark projection legsStr",
        ),
    ),
    21: message(
        "tickOptionComputation",
        "reqId tickType tickAttrib impliedVol delta optPrice pvDividend gamma vega theta undPrice",
    ),
    45: message("tickGeneric", "version reqId tickType value"),
    46: message("tickString", "version reqId tickType value"),
    47: message(
        "tickEFP",
        "version reqId tickType basisPoints formattedBasisPoints impliedFuture holdDays futureLastTradeDate",
        "dividendImpact dividendsToLastTradeDate",
    ),
    49: message("currentTime", "version time"),
    50: message("realtimeBar", "version reqId time open high low close volume wap barCount"),
    51: message("fundamentalData", "version reqId data"),
    52: message("contractDetailsEnd", "version reqId"),
    53: message("openOrderEnd", "version"),
    54: message("accountDownloadEnd", "version account"),
    55: message("execDetailsEnd", "version reqId"),
    56: message("deltaNeutralValidation", "version reqId dnConId dnDelta dnPrice"),
    57: message("tickSnapshotEnd", "version reqId"),
    58: message("marketDataType", "version reqId marketDataType"),
    59: message("commissionReport", "version execId commission currency realizedPNL yield yieldRedemptionDate"),
    61: message("position", f"version account {HELD} position avgCost"),
    62: message("positionEnd", "version"),
    63: message("accountSummary", "version reqId account tag value currency"),
    64: message("accountSummaryEnd", "version reqId"),
    65: message("verifyMessageAPI", "version apiData"),
    66: message("verifyCompleted", "version isSuccessful errorText"),
    67: message("displayGroupList", "version reqId groups"),
    68: message("displayGroupUpdated", "version reqId contractInfo"),
    69: message("verifyAndAuthMessageAPI", "version apiData xyzChallenge"),
    70: message("verifyAndAuthCompleted", "version isSuccessful errorText"),
    71: message("positionMulti", f"version reqId account {HELD} position avgCost modelCode"),
    72: message("positionMultiEnd", "version reqId"),
    73: message("accountUpdateMulti", "version reqId account modelCode tag value currency"),
    74: message("accountUpdateMultiEnd", "version reqId"),
    75: message(
        "securityDefinitionOptionParameter",
        "reqId exchange underlyingConId tradingClass multiplier",
        times("expirations", "expiration"),
        times("strikes", "strike"),
    ),
    76: message("securityDefinitionOptionParameterEnd", "reqId"),
    77: message(
        "softDollarTiers",
        "reqId",
        times("tiers", "softDollarTierName softDollarTierValue softDollarTierDisplayName"),
    ),
    78: message("familyCodes", times("familyCodes", "account familyCode")),
    79: message(
        "symbolSamples",
        "reqId",
        times(
            "samples",
            "conId symbol secType primaryExchange currency",
            times("derivativeSecTypes", "derivativeSecType"),
            since(176, "description issuerId"),
        ),
    ),
    80: message("mktDepthExchanges", times("exchanges", "exchange secType listingExch serviceDataType aggGroup")),
    81: message("tickReqParams", "reqId minTick bboExchange snapshotPermissions"),
    82: message("smartComponents", "reqId", times("components", "bitNumber exchange exchangeLetter")),
    83: message("newsArticle", "reqId articleType articleText"),
    84: message("tickNews", "reqId timeStamp providerCode articleId headline extraData"),
    85: message("newsProviders", times("providers", "providerCode providerName")),
    86: message("historicalNews", "reqId time providerCode articleId headline"),
    87: message("historicalNewsEnd", "reqId hasMore"),
    88: message("headTimestamp", "reqId headTimestamp"),
    89: message("histogramData", "reqId", times("points", "price size")),
    90: message("historicalDataUpdate", "reqId barCount date open close high low wap volume"),
    91: message("rerouteMktDataReq", "reqId conId exchange"),
    92: message("rerouteMktDepthReq", "reqId conId exchange"),
    93: message("marketRule", "marketRuleId", times("priceIncrements", "lowEdge increment")),
    94: message("pnl", "reqId dailyPnL unrealizedPnL realizedPnL"),
    95: message("pnlSingle", "reqId pos dailyPnL unrealizedPnL realizedPnL value"),
    96: message("historicalTicks", "reqId", times("ticks", "time unused price size"), "done"),
    97: message(
        "historicalTicksBidAsk",
        "reqId",
        times("ticks", "time attrMask priceBid priceAsk sizeBid sizeAsk"),
        "done",
    ),
    98: message(
        "historicalTicksLast",
        "reqId",
        times("ticks", "time attrMask price size exchange specialConditions"),
        "done",
    ),
    99: message(
        "tickByTick",
        "reqId tickType time",
        when("tickType", ["1", "2"], "price size attrMask exchange specialConditions"),
        when("tickType", ["3"], "bidPrice askPrice bidSize askSize attrMask"),
        when("tickType", ["4"], "midPoint"),
    ),
    100: message("orderBound", "permId clientId orderId"),
    101: COMPLETED_ORDER,
    102: message("completedOrdersEnd"),
    103: message("replaceFAEnd", "reqId text"),
    104: message("wshMetaData", "reqId dataJson"),
    105: message("wshEventData", "reqId dataJson"),
    106: message(
        "historicalSchedule",
        "reqId startDateTime endDateTime timeZone",
        times("sessions", "sessionStart sessionEnd refDate"),
    ),
    107: message("userInfo", "reqId whiteBrandingId"),
    108: message("historicalDataEnd", "reqId start end"),
    109: message("currentTimeInMillis", "timeInMillis"),
}
