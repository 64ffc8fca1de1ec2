"""The layouts of clients' frames, by message id."""

from __future__ import annotations

from ibgateway.recorder.layouts.contract_fields import ASKED, DELTA_NEUTRAL, HELD, QUOTE_LEGS
from ibgateway.recorder.layouts.field_grammar import Message, OptionalField, before, between, message, since, times
from ibgateway.recorder.layouts.order_fields import PLACE_ORDER

_SCANNER = """
    numberOfRows instrument locationCode scanCode abovePrice belowPrice aboveVolume marketCapAbove marketCapBelow
    moodyRatingAbove moodyRatingBelow spRatingAbove spRatingBelow maturityDateAbove maturityDateBelow
    couponRateAbove couponRateBelow excludeConvertible averageOptionVolumeAbove scannerSettingPairs stockTypeFilter
    scannerSubscriptionFilterOptions scannerSubscriptionOptions
"""

REQUESTS: dict[int, Message] = {
    1: message(
        "reqMktData",
        f"version reqId {ASKED}",
        QUOTE_LEGS,
        *DELTA_NEUTRAL,
        "genericTickList snapshot regulatorySnapshot mktDataOptions",
    ),
    2: message("cancelMktData", "version reqId"),
    3: PLACE_ORDER,
    4: message(
        "cancelOrder",
        before(192, "version"),
        "orderId",
        since(169, "manualCancelOrderTime"),
        between(187, 190, "rfqText rfqOperator rfqNumber"),
        since(192, "extOperator manualOrderIndicator"),
    ),
    5: message("reqOpenOrders", "version"),
    6: message("reqAccountUpdates", "version subscribe acctCode"),
    7: message(
        "reqExecutions",
        "version reqId clientId acctCode time symbol secType exchange side",
        since(200, "lastNDays", times("specificDates", "date")),
    ),
    8: message("reqIds", "version numIds"),
    9: message("reqContractDetails", f"version reqId {ASKED} includeExpired secIdType secId", since(176, "issuerId")),
    10: message("reqMktDepth", f"version reqId {ASKED} numRows isSmartDepth mktDepthOptions"),
    11: message("cancelMktDepth", "version reqId isSmartDepth"),
    12: message("reqNewsBulletins", "version allMsgs"),
    13: message("cancelNewsBulletins", "version"),
    14: message("setServerLogLevel", "version logLevel"),
    15: message("reqAutoOpenOrders", "version autoBind"),
    16: message("reqAllOpenOrders", "version"),
    17: message("reqManagedAccts", "version"),
    18: message("requestFA", "version faDataType"),
    19: message("replaceFA", "version faDataType xml reqId"),
    20: message(
        "reqHistoricalData",
        f"reqId {ASKED} includeExpired endDateTime barSizeSetting durationStr useRTH whatToShow formatDate",
        QUOTE_LEGS,
        "keepUpToDate chartOptions",
    ),
    21: message(
        "exerciseOptions",
        f"version reqId {HELD} exerciseAction exerciseQuantity account override",
        since(180, "manualOrderTime"),
        since(183, "customerAccount"),
        since(184, "professionalCustomer"),
    ),
    22: message("reqScannerSubscription", "reqId", _SCANNER),
    23: message("cancelScannerSubscription", "version reqId"),
    24: message("reqScannerParameters", "version"),
    25: message("cancelHistoricalData", "version reqId"),
    49: message("reqCurrentTime", "version"),
    50: message("reqRealTimeBars", f"version reqId {ASKED} barSize whatToShow useRTH realTimeBarsOptions"),
    51: message("cancelRealTimeBars", "version reqId"),
    52: message(
        "reqFundamentalData",
        "version reqId conId symbol secType exchange primaryExchange currency localSymbol reportType options",
        OptionalField("options"),
    ),
    53: message("cancelFundamentalData", "version reqId"),
    54: message(
        "calculateImpliedVolatility", f"version reqId {ASKED} optionPrice underPrice options", OptionalField("options")
    ),
    55: message(
        "calculateOptionPrice", f"version reqId {ASKED} volatility underPrice options", OptionalField("options")
    ),
    56: message("cancelCalculateImpliedVolatility", "version reqId"),
    57: message("cancelCalculateOptionPrice", "version reqId"),
    58: message("reqGlobalCancel", before(192, "version"), since(192, "extOperator manualOrderIndicator")),
    59: message("reqMarketDataType", "version marketDataType"),
    61: message("reqPositions", "version"),
    62: message("reqAccountSummary", "version reqId group tags"),
    63: message("cancelAccountSummary", "version reqId"),
    64: message("cancelPositions", "version"),
    65: message("verifyRequest", "version apiName apiVersion"),
    66: message("verifyMessage", "version apiData"),
    67: message("queryDisplayGroups", "version reqId"),
    68: message("subscribeToGroupEvents", "version reqId groupId"),
    69: message("updateDisplayGroup", "version reqId contractInfo"),
    70: message("unsubscribeFromGroupEvents", "version reqId"),
    71: message("startApi", "version clientId optionalCapabilities"),
    72: message("verifyAndAuthRequest", "version apiName apiVersion opaqueIsvKey"),
    73: message("verifyAndAuthMessage", "version apiData xyzResponse"),
    74: message("reqPositionsMulti", "version reqId account modelCode"),
    75: message("cancelPositionsMulti", "version reqId"),
    76: message("reqAccountUpdatesMulti", "version reqId account modelCode ledgerAndNLV"),
    77: message("cancelAccountUpdatesMulti", "version reqId"),
    78: message("reqSecDefOptParams", "reqId underlyingSymbol futFopExchange underlyingSecType underlyingConId"),
    79: message("reqSoftDollarTiers", "reqId"),
    80: message("reqFamilyCodes"),
    81: message("reqMatchingSymbols", "reqId pattern"),
    82: message("reqMktDepthExchanges"),
    83: message("reqSmartComponents", "reqId bboExchange"),
    84: message("reqNewsArticle", "reqId providerCode articleId newsArticleOptions"),
    85: message("reqNewsProviders"),
    86: message(
        "reqHistoricalNews",
        "reqId conId providerCodes startDateTime endDateTime totalResults historicalNewsOptions",
    ),
    87: message("reqHeadTimeStamp", f"reqId {ASKED} includeExpired useRTH whatToShow formatDate"),
    88: message("reqHistogramData", f"reqId {ASKED} includeExpired useRTH timePeriod"),
    89: message("cancelHistogramData", "reqId"),
    90: message("cancelHeadTimeStamp", "reqId"),
    91: message("reqMarketRule", "marketRuleId"),
    92: message("reqPnL", "reqId account modelCode"),
    93: message("cancelPnL", "reqId"),
    94: message("reqPnLSingle", "reqId account modelCode conId"),
    95: message("cancelPnLSingle", "reqId"),
    96: message(
        "reqHistoricalTicks",
        f"reqId {ASKED} includeExpired startDateTime endDateTime numberOfTicks whatToShow useRth ignoreSize",
        "miscOptions",
    ),
    97: message("reqTickByTickData", f"reqId {ASKED} tickType numberOfTicks ignoreSize"),
    98: message("cancelTickByTickData", "reqId"),
    99: message("reqCompletedOrders", "apiOnly"),
    100: message("reqWshMetaData", "reqId"),
    101: message("cancelWshMetaData", "reqId"),
    102: message(
        "reqWshEventData",
        "reqId conId",
        since(171, "filter fillWatchlist fillPortfolio fillCompetitors"),
        since(173, "startDate endDate totalLimit"),
    ),
    103: message("cancelWshEventData", "reqId"),
    104: message("reqUserInfo", "reqId"),
    105: message("reqCurrentTimeInMillis"),
}
