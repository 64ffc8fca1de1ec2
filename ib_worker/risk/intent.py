"""An order about to be checked, and what the session knows at that moment: the inputs of every check. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

Side = Literal["BUY", "SELL"]
Trading = Literal["open", "extended", "closed"]  # by the contract's own trading hours


@dataclass(frozen=True)
class Unit:
    """A contract's unit: the factors that turn its price into an amount of its currency. Multiplier 0: not reported."""

    secType: str
    symbol: str
    currency: str
    multiplier: Decimal = Decimal(0)
    priceMagnifier: int = 1  # contractDetails: prices are told in so many parts of the currency, pence or cents


@dataclass(frozen=True)
class OptionTerms:
    """The terms by which one option covers another. A long and a short of equal terms cancel out."""

    right: str  # C or P
    strike: float
    expiry: str  # YYYYMMDD
    multiplier: Decimal
    strikes_per_unit: int = 1  # the priceMagnifier, in which strikes are told since TWS 972
    series: str = ""  # only options of one series cover each other: those on futures, by what they expire into


@dataclass(frozen=True)
class Leg:
    """One leg of a combination, with the dearest price that it is quoted at."""

    unit: Unit
    ratio: int  # below zero where buying the combination sells the leg
    price: float | None
    option: OptionTerms | None = None


@dataclass(frozen=True)
class Combination:
    """The legs in one underlying of a combination that is open, or has filled and is in no position yet.

    Its long legs and its shares cover its own short legs alone: it may not fill, or the positions may have it already.
    """

    options: tuple[tuple[OptionTerms, Decimal], ...] = ()
    shares: Decimal = Decimal(0)


@dataclass(frozen=True)
class OptionBook:
    """An account's possible holdings in one underlying before this order.

    Open sells of options count as filled, open buys do not. `shares` are units of the underlying itself, once its open
    sells have filled and no open buy has; `most_shares` the other way round, which is what may cover a put.
    """

    options: tuple[tuple[OptionTerms, Decimal], ...] = ()
    shares: Decimal = Decimal(0)
    underlying: float | None = None  # its price
    most_shares: Decimal | None = None  # None: as many as `shares`
    combinations: tuple[Combination, ...] = ()
    unknown_legs: bool = False  # TWS has not told what a combination of this symbol trades

    @property
    def all_options(self) -> list[tuple[OptionTerms, Decimal]]:
        """Return the options with those of combinations."""
        return [*self.options, *(row for each in self.combinations for row in each.options)]


@dataclass(frozen=True)
class OrderIntent:
    """An order about to be accepted, its contract qualified. Prices are None where the order has none: see
    `order_prices`."""

    symbol: str
    secType: str
    currency: str
    multiplier: Decimal
    action: Side
    totalQuantity: Decimal
    orderType: str
    lmtPrice: float | None = None
    auxPrice: float | None = None
    outsideRth: bool = False
    filled: Decimal = Decimal(0)  # of an order that is changed: the position has it already
    trailingPercent: float | None = None
    priceMagnifier: int = 1
    minTick: float = 0.01
    option: OptionTerms | None = None
    waits: bool = False  # an open order holds it, and rests itself: it does not trade at the prices of now
    modelCode: str = ""  # an advisor's model, whose positions are not the account's
    described: str = ""  # what tells the contract from others of its name: a bond's CUSIP and maturity
    tif: str = "DAY"

    @property
    def remaining(self) -> Decimal:
        return self.totalQuantity - self.filled

    @property
    def sign(self) -> int:
        return 1 if self.action == "BUY" else -1

    @property
    def unit(self) -> Unit:
        return Unit(self.secType, self.symbol, self.currency, self.multiplier, self.priceMagnifier)


@dataclass(frozen=True)
class RiskInputs:
    """The session's data at one moment. None: not known, and a limit that needs the value rejects the order."""

    bid: float | None
    ask: float | None
    last: float | None
    quote_age_s: float | None
    position: Decimal  # signed, of this contract and account
    closing: Decimal  # unsigned, the remaining quantity of open orders of the same side, which may be filled first
    open_orders: int
    daily_pnl: float | None  # in the base currency
    base: str | None = None  # the account's base currency
    rates: Mapping[str, float] | None = None  # one unit of a currency in the base currency
    close: float | None = None
    trading: Trading | None = None  # None: the contract's hours are not known, or a data farm is down
    halted: bool | None = None
    late: bool = False  # the quote is delayed or frozen: good enough for a limit on paper, and holds up no exit
    legs: tuple[Leg, ...] = ()  # of a combination
    book: OptionBook = OptionBook()
