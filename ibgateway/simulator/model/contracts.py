"""Contracts, their details, and option chains, as the wire and the world exchange them."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal


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
    """A contract as a client names it (any field may be empty) or as the world completes it."""

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
class SecDefOptParams:
    """One (exchange, trading class) of reqSecDefOptParams."""

    exchange: str
    underlyingConId: int
    tradingClass: str
    multiplier: str
    expirations: tuple[str, ...]
    strikes: tuple[float, ...]


@dataclass(frozen=True)
class PriceIncrement:
    lowEdge: float
    increment: float
