"""One instrument of the world: identity, price grid, trading hours, and its price series."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from ibgateway.simulator.model.contracts import BondDetails, Contract
from ibgateway.simulator.world.time.calendar import Calendar, calendar


@dataclass(frozen=True)
class Instrument:
    """One instrument. Its prices are counted in ticks: price = ticks × step / scale, exact for every tick size."""

    conId: int
    secType: str
    symbol: str
    currency: str
    primaryExchange: str
    exchanges: tuple[str, ...]  # SMART first where it is routed
    hours: str
    series: str
    longName: str = ""
    localSymbol: str = ""
    tradingClass: str = ""
    multiplier: str = ""
    step: int = 1
    scale: int = 100
    ruleId: int = 26
    factor: float = 1.0  # price of one = series × factor
    volume: float = 1e6  # of an average day
    volume_share: float = 1.0  # of its series' volume
    spread: int = 1  # in ticks
    industry: str = ""
    category: str = ""
    subcategory: str = ""
    stockType: str = ""
    isin: str = ""
    cusip: str = ""
    strikeStep: float = 0.0  # of its options; 0: none are listed
    expiry: date | None = None
    strike: float | None = None
    right: str = ""
    underConId: int = 0
    bond: BondDetails | None = None

    @property
    def calendar(self) -> Calendar:
        return calendar(self.hours)

    @property
    def minTick(self) -> float:  # noqa: N802 - TWS's name
        return self.step / self.scale

    @property
    def units(self) -> float:
        """Return the factor from one contract's price to money."""
        return float(self.multiplier or 1)

    @property
    def quoted(self) -> bool:
        """Report if the instrument has quotes: an index has none."""
        return self.secType != "IND"

    @property
    def prints(self) -> bool:
        """Report if the instrument has prints: forex has none."""
        return self.secType not in ("CASH", "BOND")

    def price(self, ticks: int) -> float:
        return int(ticks) * self.step / self.scale

    def ticks(self, price: float) -> int:
        """Return the nearest tick."""
        return round(price * self.scale / self.step)

    def on_grid(self, price: float) -> bool:
        """Report if the price conforms to the instrument's price grid."""
        ticks = Decimal(repr(price)) * self.scale / self.step
        return abs(ticks - round(ticks)) < Decimal("1e-6")

    def contract(self, exchange: str = "") -> Contract:
        """Return the complete contract for the client's exchange."""
        return Contract(
            conId=self.conId,
            symbol=self.symbol,
            secType=self.secType,
            lastTradeDateOrContractMonth=f"{self.expiry:%Y%m%d}" if self.expiry else "",
            strike=self.strike,
            right=self.right,
            multiplier="" if self.secType == "BOND" else self.multiplier,
            exchange=exchange or self.exchanges[0],
            primaryExchange=self.primaryExchange if self.secType in ("STK", "BOND") else "",
            currency=self.currency,
            localSymbol=self.localSymbol or self.symbol,
            tradingClass=self.tradingClass or self.symbol,
        )
