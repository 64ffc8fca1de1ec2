"""The shapes that the wire and the world hand each other: contracts, orders, what happens to them, market data.

Nothing here knows bytes, sockets or clocks. Names are TWS's own; `None` is TWS's "unset".
Times are seconds since the epoch, UTC, on the simulator's clock.
Quantities are `Decimal`, as TWS counts them; prices are floats.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal


class Refusal(Exception):
    """The world's refusal of a request: the code and the text that TWS's error message (4) carries."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(f"{code}: {text}")
        self.code = code
        self.text = text


# --- contracts ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ComboLeg:
    conId: int
    ratio: int
    action: str
    exchange: str = ""
    openClose: int = 0
    shortSaleSlot: int = 0
    designatedLocation: str = ""
    exemptCode: int = -1


@dataclass(frozen=True)
class DeltaNeutralContract:
    conId: int
    delta: float
    price: float


@dataclass(frozen=True)
class Contract:
    """A contract as a client names it (any field may be empty) or as the world knows it (all that apply are set)."""

    conId: int = 0
    symbol: str = ""
    secType: str = ""
    lastTradeDateOrContractMonth: str = ""
    strike: float | None = None
    right: str = ""
    multiplier: str = ""
    exchange: str = ""
    primaryExchange: str = ""
    currency: str = ""
    localSymbol: str = ""
    tradingClass: str = ""
    includeExpired: bool = False
    secIdType: str = ""
    secId: str = ""
    issuerId: str = ""
    comboLegsDescrip: str = ""
    comboLegs: tuple[ComboLeg, ...] = ()
    deltaNeutralContract: DeltaNeutralContract | None = None


@dataclass(frozen=True)
class BondDetails:
    cusip: str = ""
    ratings: str = ""
    descAppend: str = ""
    bondType: str = ""
    couponType: str = ""
    callable: bool = False
    putable: bool = False
    coupon: float = 0.0
    convertible: bool = False
    maturity: str = ""
    issueDate: str = ""
    nextOptionDate: str = ""
    nextOptionType: str = ""
    nextOptionPartial: bool = False
    notes: str = ""


@dataclass(frozen=True)
class ContractDetails:
    contract: Contract
    marketName: str
    minTick: float
    orderTypes: str
    validExchanges: str
    priceMagnifier: int = 1
    underConId: int = 0
    longName: str = ""
    contractMonth: str = ""
    industry: str = ""
    category: str = ""
    subcategory: str = ""
    timeZoneId: str = "US/Eastern"
    tradingHours: str = ""
    liquidHours: str = ""
    evRule: str = ""
    evMultiplier: int = 0
    aggGroup: int = 1
    underSymbol: str = ""
    underSecType: str = ""
    marketRuleIds: str = ""
    secIdList: tuple[tuple[str, str], ...] = ()
    realExpirationDate: str = ""
    lastTradeTime: str = ""
    stockType: str = ""
    minSize: Decimal = Decimal("1")
    sizeIncrement: Decimal = Decimal("1")
    suggestedSizeIncrement: Decimal = Decimal("100")
    bond: BondDetails | None = None


@dataclass(frozen=True)
class ContractDescription:
    """One match of a symbol search."""

    contract: Contract
    derivativeSecTypes: tuple[str, ...] = ()
    description: str = ""


@dataclass(frozen=True)
class OptionChain:
    """One (exchange, trading class) of reqSecDefOptParams."""

    exchange: str
    underlyingConId: int
    tradingClass: str
    multiplier: str
    expirations: tuple[str, ...]
    strikes: tuple[float, ...]


# --- market data -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar. `time` is its start; a daily bar's is midnight UTC of its trading day."""

    time: float
    open: float
    high: float
    low: float
    close: float
    volume: Decimal
    wap: float
    count: int


@dataclass(frozen=True, slots=True)
class Trade:
    """One print on the tape (tick-by-tick Last)."""

    time: float
    price: float
    size: Decimal
    exchange: str
    unreported: bool = False
    pastLimit: bool = False
    conditions: str = ""


@dataclass(frozen=True, slots=True)
class Quote:
    """The best bid and offer from `time` on (tick-by-tick BidAsk). `None` prices: no quote on that side."""

    time: float
    bid: float | None
    bidSize: Decimal
    ask: float | None
    askSize: Decimal
    bidExchange: str = ""
    askExchange: str = ""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a quote line shows at one instant."""

    time: float
    quote: Quote
    last: float | None
    lastSize: Decimal
    lastTime: float | None
    lastExchange: str
    open: float | None
    high: float | None
    low: float | None
    close: float | None  # the previous session's
    volume: Decimal
    halted: int = 0


@dataclass(frozen=True, slots=True)
class DepthLevel:
    price: float
    size: Decimal
    marketMaker: str = ""


@dataclass(frozen=True, slots=True)
class OptionComputation:
    impliedVol: float | None
    delta: float | None
    optPrice: float | None
    pvDividend: float | None
    gamma: float | None
    vega: float | None
    theta: float | None
    undPrice: float | None


@dataclass(frozen=True)
class TradingSession:
    """One session of a schedule: start and end, and the trading day it belongs to (yyyymmdd)."""

    start: float
    end: float
    refDate: str


# --- orders ------------------------------------------------------------------------------------------------------


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
    """An order as a client sends it with placeOrder (3). What the world does not act on, it keeps and echoes."""

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
    """What openOrder (5) adds to the order: status, and what-if margin and commission."""

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


# --- what the world tells: each says which client it is for (`clientId`), in the order that TWS would send it ------


@dataclass(frozen=True)
class OpenOrder:
    """An order and its state, as openOrder (5) shows it. Also what open and completed order lists hold."""

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
class Position:
    account: str
    contract: Contract
    position: Decimal
    avgCost: float


@dataclass(frozen=True)
class PortfolioItem:
    account: str
    contract: Contract
    position: Decimal
    marketPrice: float
    marketValue: float
    averageCost: float
    unrealizedPNL: float
    realizedPNL: float


@dataclass(frozen=True)
class AccountValue:
    account: str
    tag: str
    value: str  # as TWS prints it
    currency: str = ""
    modelCode: str = ""


@dataclass(frozen=True)
class PnL:
    dailyPnL: float | None
    unrealizedPnL: float | None
    realizedPnL: float | None


@dataclass(frozen=True)
class PnLSingle:
    pos: Decimal
    dailyPnL: float | None
    unrealizedPnL: float | None
    realizedPnL: float | None
    value: float | None


Event = OpenOrder | OrderStatus | Execution | CommissionReport | OrderError | Position | PortfolioItem | AccountValue


# --- the rest ----------------------------------------------------------------------------------------------------


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


@dataclass(frozen=True)
class ScannerQuery:
    numberOfRows: int | None = None
    instrument: str = ""
    locationCode: str = ""
    scanCode: str = ""
    abovePrice: float | None = None
    belowPrice: float | None = None
    aboveVolume: int | None = None
    marketCapAbove: float | None = None
    marketCapBelow: float | None = None
    filters: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class ScannerRow:
    rank: int
    details: ContractDetails
    distance: str = ""
    benchmark: str = ""
    projection: str = ""
    legsStr: str = ""


@dataclass(frozen=True)
class Headline:
    time: float
    providerCode: str
    articleId: str
    headline: str
    extraData: str = ""


@dataclass(frozen=True)
class Article:
    articleType: int  # 0 text or HTML, 1 binary (base64)
    text: str


@dataclass(frozen=True)
class DepthExchange:
    exchange: str
    secType: str
    listingExch: str
    serviceDataType: str
    aggGroup: int | None = None


@dataclass(frozen=True)
class SmartComponent:
    bitNumber: int
    exchange: str
    exchangeLetter: str


@dataclass(frozen=True)
class PriceIncrement:
    lowEdge: float
    increment: float


@dataclass(frozen=True)
class Requested:
    """A historical request's answer: its bars and the span that they cover."""

    bars: list[Bar] = field(default_factory=list)
    start: float = 0.0
    end: float = 0.0
