"""Orders, their states and executions, as the wire and the world exchange them."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from ibgateway.simulator.model.contracts import Contract


@dataclass(frozen=True)
class OrderCondition:
    """One condition; only the fields of its `condType` are set.

    1 price, 3 time, 4 margin, 5 execution, 6 volume, 7 percent change.
    """

    condType: int
    conjunction: str = "a"
    isMore: bool = True
    value: str = ""  # price, time, percent, volume or change percent, as sent
    conId: int = 0
    exch: str = ""
    triggerMethod: int = 0
    secType: str = ""
    symbol: str = ""


@dataclass(frozen=True)
class Order:
    """An order as a client sends it with placeOrder (3). The world echoes the fields that it does not act on."""

    action: str = ""
    totalQuantity: Decimal = Decimal(0)
    orderType: str = ""
    lmtPrice: float | None = None
    auxPrice: float | None = None
    tif: str = ""
    ocaGroup: str = ""
    ocaType: int = 0
    orderRef: str = ""
    transmit: bool = True
    parentId: int = 0
    account: str = ""
    outsideRth: bool = False
    goodAfterTime: str = ""
    goodTillDate: str = ""
    activeStartTime: str = ""
    activeStopTime: str = ""
    trailStopPrice: float | None = None
    trailingPercent: float | None = None
    lmtPriceOffset: float | None = None
    percentOffset: float | None = None
    discretionaryAmt: float = 0.0
    cashQty: float | None = None
    minQty: int | None = None
    displaySize: int | None = None
    triggerMethod: int = 0
    allOrNone: bool = False
    hidden: bool = False
    blockOrder: bool = False
    sweepToFill: bool = False
    whatIf: bool = False
    conditions: tuple[OrderCondition, ...] = ()
    conditionsCancelOrder: bool = False
    conditionsIgnoreRth: bool = False
    adjustedOrderType: str = ""
    triggerPrice: float | None = None
    adjustedStopPrice: float | None = None
    adjustedStopLimitPrice: float | None = None
    adjustedTrailingAmount: float | None = None
    adjustableTrailingUnit: int = 0
    algoStrategy: str = ""
    algoParams: tuple[tuple[str, str], ...] = ()
    orderComboLegs: tuple[float | None, ...] = ()  # a price for each leg
    smartComboRoutingParams: tuple[tuple[str, str], ...] = ()
    faGroup: str = ""
    faMethod: str = ""
    faPercentage: str = ""
    # echoed only
    openClose: str = ""
    origin: int = 0
    rule80A: str = ""
    overridePercentageConstraints: bool = False
    designatedLocation: str = ""
    shortSaleSlot: int = 0
    exemptCode: int = -1
    settlingFirm: str = ""
    clearingAccount: str = ""
    clearingIntent: str = ""
    auctionStrategy: int = 0
    startingPrice: float | None = None
    stockRefPrice: float | None = None
    delta: float | None = None
    stockRangeLower: float | None = None
    stockRangeUpper: float | None = None
    randomizeSize: bool = False
    randomizePrice: bool = False
    volatility: float | None = None
    volatilityType: int | None = None
    continuousUpdate: int = 0
    referencePriceType: int | None = None
    deltaNeutralOrderType: str = ""
    deltaNeutralAuxPrice: float | None = None
    deltaNeutralConId: int = 0
    deltaNeutralSettlingFirm: str = ""
    deltaNeutralClearingAccount: str = ""
    deltaNeutralClearingIntent: str = ""
    deltaNeutralOpenClose: str = ""
    deltaNeutralShortSale: bool = False
    deltaNeutralShortSaleSlot: int = 0
    deltaNeutralDesignatedLocation: str = ""
    scaleInitLevelSize: int | None = None
    scaleSubsLevelSize: int | None = None
    scalePriceIncrement: float | None = None
    scalePriceAdjustValue: float | None = None
    scalePriceAdjustInterval: int | None = None
    scaleProfitOffset: float | None = None
    scaleAutoReset: bool = False
    scaleInitPosition: int | None = None
    scaleInitFillQty: int | None = None
    scaleRandomPercent: bool = False
    scaleTable: str = ""
    hedgeType: str = ""
    hedgeParam: str = ""
    optOutSmartRouting: bool = False
    algoId: str = ""
    notHeld: bool = False
    solicited: bool = False
    modelCode: str = ""
    orderMiscOptions: str = ""
    referenceContractId: int = 0
    peggedChangeAmount: float | None = None
    isPeggedChangeAmountDecrease: bool = False
    referenceChangeAmount: float | None = None
    referenceExchangeId: str = ""
    extOperator: str = ""
    softDollarTier: tuple[str, str, str] = ("", "", "")  # name, value, display name
    mifid2DecisionMaker: str = ""
    mifid2DecisionAlgo: str = ""
    mifid2ExecutionTrader: str = ""
    mifid2ExecutionAlgo: str = ""
    dontUseAutoPriceForHedge: bool = False
    isOmsContainer: bool = False
    discretionaryUpToLimitPrice: bool = False
    autoCancelDate: str = ""
    refFuturesConId: int = 0
    autoCancelParent: bool = False
    shareholder: str = ""
    imbalanceOnly: bool = False
    routeMarketableToBbo: bool = False
    parentPermId: int = 0
    usePriceMgmtAlgo: int | None = None
    duration: int | None = None
    postToAts: int | None = None
    advancedErrorOverride: str = ""
    manualOrderTime: str = ""
    minTradeQty: int | None = None
    minCompeteSize: int | None = None
    competeAgainstBestOffset: float | None = None
    midOffsetAtWhole: float | None = None
    midOffsetAtHalf: float | None = None
    customerAccount: str = ""
    professionalCustomer: bool = False
    bondAccruedInterest: str = ""
    includeOvernight: bool = False
    manualOrderIndicator: int | None = None
    submitter: str = ""


@dataclass(frozen=True)
class OrderState:
    """The fields that openOrder (5) adds to the order: status, and what-if margin and commission."""

    status: str
    initMarginBefore: float | None = None
    maintMarginBefore: float | None = None
    equityWithLoanBefore: float | None = None
    initMarginChange: float | None = None
    maintMarginChange: float | None = None
    equityWithLoanChange: float | None = None
    initMarginAfter: float | None = None
    maintMarginAfter: float | None = None
    equityWithLoanAfter: float | None = None
    commission: float | None = None
    minCommission: float | None = None
    maxCommission: float | None = None
    commissionCurrency: str = ""
    marginCurrency: str = ""
    rejectReason: str = ""
    warningText: str = ""
    completedTime: str = ""  # as TWS prints it
    completedStatus: str = ""


@dataclass(frozen=True)
class OpenOrder:
    """An order and its state, as openOrder (5) and the lists of open and completed orders show it."""

    clientId: int
    orderId: int
    permId: int
    contract: Contract
    order: Order
    state: OrderState
    filled: Decimal = Decimal(0)


@dataclass(frozen=True)
class OrderStatus:
    clientId: int
    orderId: int
    status: str
    filled: Decimal
    remaining: Decimal
    avgFillPrice: float
    permId: int
    parentId: int
    lastFillPrice: float
    whyHeld: str = ""
    mktCapPrice: float = 0.0


@dataclass(frozen=True)
class Execution:
    clientId: int
    orderId: int
    contract: Contract
    execId: str
    time: float
    acctNumber: str
    exchange: str
    side: str  # BOT or SLD
    shares: Decimal
    price: float
    permId: int
    liquidation: int
    cumQty: Decimal
    avgPrice: float
    orderRef: str = ""
    evRule: str = ""
    evMultiplier: float | None = None
    modelCode: str = ""
    lastLiquidity: int = 2
    pendingPriceRevision: bool = False
    submitter: str = ""


@dataclass(frozen=True)
class CommissionReport:
    clientId: int
    execId: str
    commission: float
    currency: str
    realizedPNL: float | None
    yield_: float | None = None
    yieldRedemptionDate: int = 0


@dataclass(frozen=True)
class OrderError:
    """An error or notice about an order: error (4) with the order's id."""

    clientId: int
    orderId: int
    code: int
    text: str
    advancedOrderRejectJson: str = ""


@dataclass(frozen=True)
class Exercise:
    """A client's request to exercise options (action 1), or to let them lapse (2). `override`: also out of the
    money."""

    clientId: int
    reqId: int
    action: int
    quantity: int
    account: str
    override: bool


@dataclass(frozen=True)
class ExecutionFilter:
    clientId: int = 0
    acctCode: str = ""
    time: str = ""
    symbol: str = ""
    secType: str = ""
    exchange: str = ""
    side: str = ""
    lastNDays: int | None = None
    specificDates: tuple[str, ...] = ()
