"""Options and futures, made on request; each contract id encodes its terms."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from ibgateway.simulator.world.instruments.catalogue import Catalogue, Root
from ibgateway.simulator.world.instruments.expiries import (
    MONTH_LETTERS,
    delivery_months,
    future_expiry,
    is_option_expiry,
    option_expiries,
)
from ibgateway.simulator.world.instruments.instrument import Instrument
from ibgateway.simulator.world.time.calendar import calendar

# Contract ids above IBKR's own, below 2^31 since some clients hold them in 32 bits.
OPTION_IDS = 1_000_000_000
FUTURE_IDS = 1_870_000_000
DAYS = 12_000  # from 2000-01-01
STRIKES = 256
MONTHS = 2_000
FIRST_DAY = date(2000, 1, 1)
LISTED_FUTURES = {"HMUZ": 5}  # delivery months ahead
STRIKE_RANGE = (0.5, 1.6)  # of the underlying's reference price
OPTION_EXCHANGES = ("SMART", "AMEX", "BOX", "CBOE", "CBOE2", "EDGX", "ISE", "MIAX", "NASDAQOM", "PHLX", "PSE")
INDEX_OPTION_EXCHANGES = ("SMART", "CBOE")


@dataclass(frozen=True)
class Underlying:
    """The underlying of listed options: a stock, an index, or a family of futures."""

    number: int
    symbol: str
    strikeStep: float
    price: float  # what the listed strikes are centred on
    secType: str  # of its options: OPT or FOP
    exchanges: tuple[str, ...]
    multiplier: str
    conId: int  # 0 for futures: each option has its own
    hours: str


class Derivatives:
    """All options and futures of the catalogue."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._roots = {root.name: (number, root) for number, root in enumerate(catalogue.roots)}
        self._by_conId = {each.conId: each for each in catalogue.instruments}
        self.underlyings: list[Underlying] = []
        for each in catalogue.instruments:
            if each.strikeStep:
                self._list_options(each)
        for root in catalogue.roots:
            if root.strikeStep:
                self._list_future_options(root)

    def _list_options(self, on: Instrument) -> None:
        spec = self._catalogue.series[on.series]
        exchanges = INDEX_OPTION_EXCHANGES if on.secType == "IND" else OPTION_EXCHANGES
        number, price = len(self.underlyings), spec.guess.price * on.factor
        self.underlyings.append(
            Underlying(number, on.symbol, on.strikeStep, price, "OPT", exchanges, "100", on.conId, "US_OPTION")
        )

    def _list_future_options(self, root: Root) -> None:
        number, price = len(self.underlyings), self._catalogue.series[root.series].guess.price * root.factor
        self.underlyings.append(
            Underlying(number, root.name, root.strikeStep, price, "FOP", (root.exchange,), root.multiplier, 0, "CME")
        )

    # --- futures -------------------------------------------------------------------------------------------------

    def futures(self, symbol: str, today: date, expired: bool = False) -> Iterator[Instrument]:
        """Return the listed futures of a family, nearest first; with `expired`, also those of the last year."""
        if symbol not in self._roots:
            return
        number, root = self._roots[symbol]
        start = today - timedelta(days=365) if expired else today
        count = LISTED_FUTURES.get(root.months, 12) + (len(root.months) if expired else 0)
        for year, month in delivery_months(start, root.months, count + 1):
            future = self._future(number, root, year, month)
            if expired or (future.expiry and future.expiry >= today):
                yield future

    def future(self, conId: int) -> Instrument | None:
        number, months = divmod(conId - FUTURE_IDS, MONTHS)
        if not 0 <= number < len(self._catalogue.roots) or months >= 31 * 12:
            return None
        root = self._catalogue.roots[number]
        year, month = 2000 + months // 12, months % 12 + 1
        return self._future(number, root, year, month) if MONTH_LETTERS[month - 1] in root.months else None

    def _future(self, number: int, root: Root, year: int, month: int) -> Instrument:
        return Instrument(
            conId=FUTURE_IDS + number * MONTHS + (year - 2000) * 12 + month - 1,
            secType="FUT",
            symbol=root.name,
            currency=root.currency,
            primaryExchange=root.exchange,
            exchanges=(root.exchange, "QBALGO"),
            hours="CME",
            series=root.series,
            longName=root.longName,
            localSymbol=f"{root.name}{MONTH_LETTERS[month - 1]}{year % 10}",
            tradingClass=root.name,
            multiplier=root.multiplier,
            step=root.step,
            scale=root.scale,
            ruleId=67 if root.step == 25 else 32,
            factor=root.factor,
            volume=root.volume,
            volume_share=root.volumeShare,
            expiry=future_expiry(year, month, root.settles, calendar("CME")),
        )

    # --- options -------------------------------------------------------------------------------------------------

    def underlying(self, symbol: str, secType: str) -> Underlying | None:
        matches = (each for each in self.underlyings if each.symbol == symbol and each.secType == secType)
        return next(matches, None)

    def expiries(self, on: Underlying, today: date) -> list[date]:
        return option_expiries(today, calendar(on.hours))

    def strikes(self, on: Underlying) -> list[float]:
        low, high = (int(share * on.price / on.strikeStep) for share in STRIKE_RANGE)
        return [index * on.strikeStep for index in range(max(low, 1), min(high, STRIKES - 1) + 1)]

    def option(self, on: Underlying, expiry: date, strike: float, right: str) -> Instrument | None:
        """Return the option, listed today or not; None if it cannot exist."""
        index = round(strike / on.strikeStep)
        if index * on.strikeStep != strike or not 0 < index < STRIKES or not FIRST_DAY <= expiry <= date(2030, 12, 31):
            return None
        if not is_option_expiry(expiry, calendar(on.hours)):
            return None
        number = on.number * DAYS + (expiry - FIRST_DAY).days
        conId = OPTION_IDS + (number * STRIKES + index) * 2 + (right == "P")
        return self._option(on, conId, expiry, strike, right)

    def option_of(self, conId: int) -> Instrument | None:
        rest, put = divmod(conId - OPTION_IDS, 2)
        rest, index = divmod(rest, STRIKES)
        number, day = divmod(rest, DAYS)
        if not 0 <= number < len(self.underlyings) or conId >= FUTURE_IDS:
            return None
        on = self.underlyings[number]
        return self.option(on, FIRST_DAY + timedelta(days=day), index * on.strikeStep, "P" if put else "C")

    def _option(self, on: Underlying, conId: int, expiry: date, strike: float, right: str) -> Instrument:
        of = self._by_conId.get(on.conId) or self._future_under(on.symbol, expiry)
        weekly = not 15 <= expiry.day <= 21
        return Instrument(
            conId=conId,
            secType=on.secType,
            symbol=on.symbol,
            currency=of.currency,
            primaryExchange=on.exchanges[-1] if on.secType == "FOP" else "",
            exchanges=on.exchanges,
            hours=on.hours,
            series=of.series,
            longName=of.longName,
            localSymbol=_local_symbol(on, expiry, strike, right),
            tradingClass=on.symbol + ("W" if weekly and of.secType == "IND" else ""),
            multiplier=on.multiplier,
            step=5 if on.secType == "FOP" else 1,
            ruleId=110 if on.secType == "FOP" else 32,
            factor=of.factor,
            volume=200,
            industry=of.industry,
            category=of.category,
            subcategory=of.subcategory,
            expiry=expiry,
            strike=strike,
            right=right,
            underConId=of.conId,
        )

    def _future_under(self, symbol: str, expiry: date) -> Instrument:
        return next(each for each in self.futures(symbol, expiry) if each.expiry and each.expiry >= expiry)


def _local_symbol(on: Underlying, expiry: date, strike: float, right: str) -> str:
    if on.secType == "FOP":
        return f"{on.symbol}{MONTH_LETTERS[expiry.month - 1]}{expiry.year % 10}W{expiry.day:02d} {right}{strike:g}"
    return f"{on.symbol:<6}{expiry:%y%m%d}{right}{round(strike * 1000):08d}"
