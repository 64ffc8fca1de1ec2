"""openOrder (5) and completedOrder (101): an order with everything that was sent with it, echoed in TWS's order."""

from __future__ import annotations

from ibgateway.simulator.model.contracts import Contract
from ibgateway.simulator.model.orders import OpenOrder, Order, OrderCondition, OrderState
from ibgateway.simulator.wire.encoding.text import (
    UNSET_DECIMAL,
    UNSET_DOUBLE,
    UNSET_INTEGER,
    UNSET_LONG,
    Value,
    java_double,
    message,
    minimal,
)
from ibgateway.simulator.wire.messages.fields import order_contract

PEG_BENCH = {"PEG BENCH", "PEGBENCH"}
NOT_INSIDER = "Not an insider or substantial shareholder"


def _or_unset(number: int | None) -> Value:
    return UNSET_INTEGER if number is None else number


def _main(order: Order) -> list[Value]:
    return [
        order.action,
        order.totalQuantity,
        order.orderType,
        order.lmtPrice or 0.0,
        order.auxPrice or 0.0,
        order.tif,
        order.ocaGroup,
        order.account,
        order.openClose,
        order.origin,
        order.orderRef,
    ]


def _flags(order: Order) -> list[Value]:
    return [order.outsideRth, order.hidden, minimal(order.discretionaryAmt), order.goodAfterTime]


def _advisor(order: Order, version: int, rule80A: str) -> list[Value]:
    fields: list[Value] = [order.faGroup, order.faMethod, order.faPercentage]
    if version < 177:
        fields.append("")  # faProfile
    return [
        *fields,
        order.modelCode,
        order.goodTillDate,
        order.rule80A or rule80A,
        order.percentOffset,
        order.settlingFirm,
        order.shortSaleSlot,
        order.designatedLocation,
        order.exemptCode,
    ]


def _box(order: Order) -> list[Value]:
    return [
        order.startingPrice,
        order.stockRefPrice,
        order.delta,
        order.stockRangeLower,
        order.stockRangeUpper,
        order.displaySize or UNSET_INTEGER,
    ]


def _volatility(order: Order, open_order: bool) -> list[Value]:
    """Without a delta-neutral order TWS writes `None`, which is not empty: so its fields always follow."""
    kind = order.deltaNeutralOrderType or "None"
    fields: list[Value] = [order.volatility, order.volatilityType or 0, kind, order.deltaNeutralAuxPrice]
    fields.append(order.deltaNeutralConId)
    if open_order:
        fields += [order.deltaNeutralSettlingFirm, order.deltaNeutralClearingAccount]
        fields += [order.deltaNeutralClearingIntent, order.deltaNeutralOpenClose or "?"]
    fields += [order.deltaNeutralShortSale, order.deltaNeutralShortSaleSlot, order.deltaNeutralDesignatedLocation]
    return [*fields, order.continuousUpdate, order.referencePriceType or 0]


def _legs(contract: Contract, order: Order) -> list[Value]:
    fields: list[Value] = [contract.comboLegsDescrip, len(contract.comboLegs)]
    for leg in contract.comboLegs:
        fields += [leg.conId, leg.ratio, leg.action, leg.exchange, leg.openClose]
        fields += [leg.shortSaleSlot, leg.designatedLocation, leg.exemptCode]
    fields += [len(order.orderComboLegs), *order.orderComboLegs]
    fields.append(len(order.smartComboRoutingParams))
    return [*fields, *[text for pair in order.smartComboRoutingParams for text in pair]]


def _scale_and_hedge(order: Order) -> list[Value]:
    fields = [_or_unset(order.scaleInitLevelSize), _or_unset(order.scaleSubsLevelSize), order.scalePriceIncrement]
    if (order.scalePriceIncrement or 0) > 0:
        fields += [order.scalePriceAdjustValue, order.scalePriceAdjustInterval, order.scaleProfitOffset]
        fields += [order.scaleAutoReset, order.scaleInitPosition, order.scaleInitFillQty, order.scaleRandomPercent]
    fields.append(order.hedgeType)
    return [*fields, order.hedgeParam] if order.hedgeType else fields


def _neutral_and_algo(contract: Contract, order: Order) -> list[Value]:
    neutral = contract.deltaNeutralContract
    fields: list[Value] = [1, neutral.conId, neutral.delta, neutral.price] if neutral else [0]
    fields.append(order.algoStrategy)
    if order.algoStrategy:
        fields += [len(order.algoParams), *[text for pair in order.algoParams for text in pair]]
    return [*fields, order.solicited]


def _margins(state: OrderState) -> list[Value]:
    """Unset margins are the unset double."""
    return [
        java_double(x)
        for x in (
            state.initMarginBefore,
            state.maintMarginBefore,
            state.equityWithLoanBefore,
            state.initMarginChange,
            state.maintMarginChange,
            state.equityWithLoanChange,
            state.initMarginAfter,
            state.maintMarginAfter,
            state.equityWithLoanAfter,
        )
    ]


def _what_if(order: Order, state: OrderState, version: int) -> list[Value]:
    fields: list[Value] = [order.whatIf, state.status, *_margins(state)]
    fields += [state.commission, state.minCommission, state.maxCommission, state.commissionCurrency]
    if version >= 195:
        fields += [state.marginCurrency, *[UNSET_DOUBLE] * 9]  # margins outside regular hours
        fields += [UNSET_DECIMAL, state.rejectReason, 0]  # suggested size, reason, no allocations
    return [*fields, state.warningText]


def _condition(condition: OrderCondition) -> list[Value]:
    fields: list[Value] = [condition.condType, condition.conjunction]
    if condition.condType == 5:
        return [*fields, condition.secType, condition.exch, condition.symbol]
    fields += [condition.isMore, condition.value]
    if condition.condType in {1, 6, 7}:
        fields += [condition.conId, condition.exch]
    if condition.condType == 1:
        fields.append(condition.triggerMethod)
    return fields


def _randomize_and_conditions(order: Order) -> list[Value]:
    fields: list[Value] = [order.randomizeSize, order.randomizePrice]
    if order.orderType in PEG_BENCH:
        fields += [order.referenceContractId, order.isPeggedChangeAmountDecrease, order.peggedChangeAmount]
        fields += [order.referenceChangeAmount, order.referenceExchangeId]
    fields.append(len(order.conditions))
    for condition in order.conditions:
        fields += _condition(condition)
    if order.conditions:
        fields += [order.conditionsIgnoreRth, order.conditionsCancelOrder]
    return fields


def _adjusted(order: Order) -> list[Value]:
    prices = (
        order.triggerPrice,
        order.trailStopPrice,
        order.lmtPriceOffset,
        order.adjustedStopPrice,
        order.adjustedStopLimitPrice,
        order.adjustedTrailingAmount,
    )
    return [
        order.adjustedOrderType or "None",
        *map(java_double, prices),
        order.adjustableTrailingUnit,
        *order.softDollarTier,
        minimal(order.cashQty or 0),
        order.dontUseAutoPriceForHedge,
        order.isOmsContainer,
        order.discretionaryUpToLimitPrice,
        order.usePriceMgmtAlgo or 0,
    ]


def _pegs(order: Order) -> list[Value]:
    offset = order.competeAgainstBestOffset
    return [
        order.minTradeQty,
        order.minCompeteSize,
        "Infinity" if offset == float("inf") else offset,
        order.midOffsetAtWhole,
        order.midOffsetAtHalf,
    ]


def _newer(order: Order, version: int) -> list[Value]:
    """Return the fields of versions 158 to 199, in the order of their versions."""
    gated: list[tuple[int, list[Value]]] = [
        (158, [order.duration]),
        (160, [order.postToAts]),
        (162, [order.autoCancelParent]),
        (170, _pegs(order)),
        (183, [order.customerAccount]),
        (184, [order.professionalCustomer]),
        (185, [order.bondAccruedInterest]),
        (189, [order.includeOvernight]),
        (193, [order.extOperator, _or_unset(order.manualOrderIndicator)]),
        (198, [order.submitter]),
        (199, [order.imbalanceOnly]),
    ]
    return [field for since, fields in gated if version >= since for field in fields]


def open_order(version: int, shown: OpenOrder) -> bytes:
    order, contract = shown.order, shown.contract
    fields: list[Value] = [shown.orderId, *order_contract(contract), *_main(order)]
    fields += [shown.clientId, shown.permId, *_flags(order)]
    fields.append(f"{shown.permId}.0/{order.account}/100")  # shares allocation, obsolete
    fields += [*_advisor(order, version, "0"), order.auctionStrategy, *_box(order)]
    fields += [order.blockOrder, order.sweepToFill, order.allOrNone, order.minQty, order.ocaType or 3]
    fields += [0, 0, ""]  # eTradeOnly, firmQuoteOnly, nbboPriceCap: obsolete
    fields += [order.parentId, order.triggerMethod, *_volatility(order, open_order=True)]
    fields += [order.trailStopPrice, order.trailingPercent, "", ""]  # basis points and their type
    fields += [*_legs(contract, order), *_scale_and_hedge(order)]
    fields += [order.optOutSmartRouting, order.clearingAccount, order.clearingIntent or "IB", order.notHeld]
    fields += [*_neutral_and_algo(contract, order), *_what_if(order, shown.state, version)]
    fields += [*_randomize_and_conditions(order), *_adjusted(order), *_newer(order, version)]
    return message(5, *fields)


def completed_order(version: int, shown: OpenOrder) -> bytes:
    """Return completedOrder (101); it has no order id and no client id, only `permId` and `orderRef` identify it."""
    order, contract, state = shown.order, shown.contract, shown.state
    fields: list[Value] = [*order_contract(contract), *_main(order), shown.permId, *_flags(order)]
    none = "0" if order.tif == "GTC" else ""  # as captured: an order of the day has no rule80A, an older one `0`
    fields += [*_advisor(order, version, none), *_box(order), order.sweepToFill, order.allOrNone, order.minQty]
    fields += [order.ocaType or 3, order.triggerMethod, *_volatility(order, open_order=False)]
    fields += [order.trailStopPrice, order.trailingPercent, *_legs(contract, order), *_scale_and_hedge(order)]
    fields += [order.clearingAccount, order.clearingIntent or "IB", order.notHeld]
    fields += [*_neutral_and_algo(contract, order), state.status, *_randomize_and_conditions(order)]
    fields += [java_double(order.trailStopPrice), java_double(order.lmtPriceOffset), minimal(order.cashQty or 0)]
    fields += [order.dontUseAutoPriceForHedge, order.isOmsContainer, order.autoCancelDate, shown.filled]
    fields += [order.refFuturesConId or UNSET_INTEGER, order.autoCancelParent, order.shareholder or NOT_INSIDER]
    fields += [order.imbalanceOnly, order.routeMarketableToBbo, order.parentPermId or UNSET_LONG]
    fields += [state.completedTime, state.completedStatus]
    if version >= 170:
        fields += _pegs(order)
    if version >= 183:
        fields.append(order.customerAccount)
    if version >= 184:
        fields.append(order.professionalCustomer)
    if version >= 198:
        fields.append(order.submitter)
    return message(101, *fields)
