"""Market scanners: ranks the catalogue's instruments as they stand now."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from html import escape

import numpy as np

from ibgateway.simulator.model.chunks import Pieces
from ibgateway.simulator.model.contracts import ContractDetails
from ibgateway.simulator.model.errors import Refusal
from ibgateway.simulator.model.research import ScannerQuery, ScannerRow
from ibgateway.simulator.world.instruments.details import details
from ibgateway.simulator.world.instruments.directory import Directory
from ibgateway.simulator.world.instruments.instrument import Instrument
from ibgateway.simulator.world.market.market import Market
from ibgateway.simulator.world.reference.company import shares_outstanding

MOST_ROWS = 50
INSTRUMENTS = {
    "STK": "US Stocks",
    "ETF.EQ.US": "US Equity ETFs",
    "STOCK.EU": "Europe Stocks",
    "IND.US": "US Indexes",
}
LOCATIONS = {
    "STK.US": ("STK", "USD"),
    "STK.US.MAJOR": ("STK", "USD"),
    "STK.NASDAQ": ("STK", "USD"),
    "STK.NYSE": ("STK", "USD"),
    "STK.EU": ("STK", "EUR"),
    "STK.EU.IBIS": ("STK", "EUR"),
    "ETF.EQ.US": ("STK", "USD"),
    "ETF.EQ.US.MAJOR": ("STK", "USD"),
    "IND.US": ("IND", "USD"),
}
PLACES = {
    "STK.US": "US Stocks",
    "STK.US.MAJOR": "Listed/NASDAQ",
    "STK.NASDAQ": "NASDAQ",
    "STK.NYSE": "NYSE",
    "STK.EU": "Europe",
    "STK.EU.IBIS": "Xetra",
    "ETF.EQ.US": "US Equity ETFs",
    "ETF.EQ.US.MAJOR": "Listed US Equity ETFs",
    "IND.US": "US Indexes",
}
LISTED_US = frozenset({"STK.NASDAQ", "STK.NYSE"})
FILTERS = (  # code, name, unit in the code
    ("price", "Price", ""),
    ("volume", "Volume", ""),
    ("marketCap", "Market Cap (M)", "1e6"),
    ("changePerc", "Change (%)", ""),
)
STOCK_TYPES = (("inc:COMMON", "Common"), ("inc:ADR", "ADR"), ("inc:ETF", "ETF"), ("inc:REIT", "REIT"))
LISTINGS = {"STK.NASDAQ": "NASDAQ", "STK.NYSE": "NYSE", "STK.EU.IBIS": "IBIS"}


@dataclass(frozen=True)
class DayPerformance:
    """One instrument's prices and volume of the day."""

    instrument: Instrument
    last: float
    close: float
    opening: float
    high: float
    low: float
    volume: float

    @property
    def change(self) -> float:
        return (self.last / self.close - 1) * 100

    @property
    def cap(self) -> float:
        return self.last * shares_outstanding(self.instrument) / 1e6


Score = Callable[[DayPerformance], float]
# Scan code: its name, and what it ranks by, highest first.
CODES: dict[str, tuple[str, Score]] = {
    "TOP_PERC_GAIN": ("Top % Gainers", lambda s: s.change),
    "TOP_PERC_LOSE": ("Top % Losers", lambda s: -s.change),
    "MOST_ACTIVE": ("Most Active", lambda s: s.volume),
    "MOST_ACTIVE_USD": ("Most Active ($)", lambda s: s.volume * s.last),
    "HOT_BY_VOLUME": ("Hot Contracts by Volume", lambda s: s.volume / max(s.instrument.volume, 1)),
    "HOT_BY_PRICE": ("Hot Contracts by Price", lambda s: abs(s.change)),
    "TOP_OPEN_PERC_GAIN": ("Top % Gainers Since Open", lambda s: s.last / s.opening - 1),
    "TOP_OPEN_PERC_LOSE": ("Top % Losers Since Open", lambda s: 1 - s.last / s.opening),
    "HIGH_OPEN_GAP": ("Top Close-to-Open % Gainers", lambda s: s.opening / s.close - 1),
    "LOW_OPEN_GAP": ("Top Close-to-Open % Losers", lambda s: 1 - s.opening / s.close),
    "TOP_PRICE_RANGE": ("Top Price Range", lambda s: (s.high - s.low) / s.close),
    "TOP_TRADE_COUNT": ("Top Trade Count", lambda s: s.volume),
    "TOP_VOLUME_RATE": ("Top Volume Rate", lambda s: s.volume),
    "MARKET_CAP_USD": ("Highest Market Cap", lambda s: s.cap),
    "HIGH_LAST_VS_EMA20": ("Highest Last vs EMA(20)", lambda s: s.change),
}


def scan(market: Market, directory: Directory, query: ScannerQuery, now: float) -> Pieces[list[ScannerRow]]:
    """Ranked rows; an unknown scan code or place is refused at once, as the historical data service does."""
    if query.scanCode not in CODES or query.locationCode not in LOCATIONS:
        raise Refusal(162, "Historical Market Data Service error message:Invalid scanner subscription parameters")
    return _rank(market, directory, query, now)


def _rank(market: Market, directory: Directory, query: ScannerQuery, now: float) -> Pieces[list[ScannerRow]]:
    """A piece is an instrument, whose day may have to be drawn."""
    found: list[DayPerformance] = []
    for each in _eligible(directory, query):
        yield
        found.append(_standing(market, each, now))
    ranked = sorted((each for each in found if _passes(each, query)), key=CODES[query.scanCode][1], reverse=True)
    wanted = MOST_ROWS if query.numberOfRows is None or query.numberOfRows < 0 else query.numberOfRows
    return [
        ScannerRow(rank, _shown(each.instrument, now)) for rank, each in enumerate(ranked[: min(wanted, MOST_ROWS)])
    ]


def _shown(instrument: Instrument, now: float) -> ContractDetails:
    """A row's contract has no details but its market's name."""
    known = details(instrument, "SMART" if instrument.secType == "STK" else "", now)
    return replace(known, longName="", industry="", category="", subcategory="")


def _eligible(directory: Directory, query: ScannerQuery) -> list[Instrument]:
    secType, currency = LOCATIONS[query.locationCode]
    listing = LISTINGS.get(query.locationCode)
    funds = query.instrument.startswith("ETF")
    return [
        each
        for each in directory.fixed()
        if each.secType == secType
        and each.currency == currency
        and (listing is None or each.primaryExchange == listing)
        and (secType != "STK" or (each.stockType == "ETF") == funds)
    ]


def _standing(market: Market, instrument: Instrument, now: float) -> DayPerformance:
    """From the liquid hours' prints alone: quotes need not be drawn for a ranking."""
    index = instrument.calendar.index_at(now)
    close = market.previous_close(instrument, now)
    number = next(n for n, span in enumerate(instrument.calendar.spans(index)) if span.liquid)
    if instrument.calendar.spans(index)[number].start > now:
        return DayPerformance(instrument, close, close, close, close, close, 0.0)
    tape = market.tape(instrument, index, number)
    i = max(int(np.searchsorted(tape.prints.time, now, side="right")) - 1, 0)
    last, opening, high, low = (
        instrument.price(ticks)
        for ticks in (tape.prints.price[i], tape.row.open, tape.prints.high[i], tape.prints.low[i])
    )
    return DayPerformance(instrument, last, close, opening, high, low, float(tape.prints.volume[i]))


def _passes(each: DayPerformance, query: ScannerQuery) -> bool:
    tags = dict(query.filters)

    def within(value: float, above: object, below: object) -> bool:
        return (not above or value >= float(str(above))) and (not below or value <= float(str(below)))

    kind = str(tags.get("stkTypes", "")).removeprefix("inc:")
    return (
        kind in {"", each.instrument.stockType}
        and within(each.last, query.abovePrice or tags.get("priceAbove"), query.belowPrice or tags.get("priceBelow"))
        and within(each.volume, query.aboveVolume or tags.get("volumeAbove"), tags.get("volumeBelow"))
        and within(
            each.cap,
            query.marketCapAbove or tags.get("marketCapAbove1e6"),
            query.marketCapBelow or tags.get("marketCapBelow1e6"),
        )
        and within(each.change, tags.get("changePercAbove"), tags.get("changePercBelow"))
    )


def _location(place: str, kind: str, inner: str = "") -> str:
    return (
        f"<Location><displayName>{PLACES[place]}</displayName><locationCode>{place}</locationCode>"
        f"<instruments>{'ETF.EQ.US' if place.startswith('ETF') else kind}</instruments><routeExchange>SMART"
        f"</routeExchange>{f'<LocationTree>{inner}</LocationTree>' if inner else ''}</Location>"
    )


def _locations() -> str:
    """A market's exchanges are inside it."""
    outer = [place for place in LOCATIONS if place.count(".") == 1 + place.startswith("ETF.EQ")]
    return "".join(
        _location(
            place,
            LOCATIONS[place][0],
            "".join(_location(other, LOCATIONS[other][0]) for other in LOCATIONS if _inside(other, place)),
        )
        for place in outer
    )


def _inside(place: str, outer: str) -> bool:
    return place != outer and (place.startswith(f"{outer}.") or (outer == "STK.US" and place in LISTED_US))


def _field(code: str, name: str, kind: str, more: str = "") -> str:
    return (
        f'<AbstractField type="scanner.filter.{kind}"><code>{code}</code><displayName>{name}</displayName>{more}'
        "</AbstractField>"
    )


def _filters() -> str:
    ranges = "".join(
        f"<RangeFilter><id>{code.upper()}</id><category>{escape(name)}</category>"
        + "".join(_field(f"{code}{side}{unit}", escape(f"{name} {side}"), "DoubleField") for side in ("Above", "Below"))
        + "</RangeFilter>"
        for code, name, unit in FILTERS
    )
    values = "".join(
        f"<ComboValue><code>{code}</code><displayName>{name}</displayName></ComboValue>" for code, name in STOCK_TYPES
    )
    types = _field("stkTypes", "Stock type", "ComboField", f"<ComboValues>{values}</ComboValues>")
    return f"{ranges}<SimpleFilter><id>STKTYPE</id>{types}</SimpleFilter>"


def parameters() -> str:
    """scannerParameters (19): instruments, locations, scan codes and filters."""
    instruments = "".join(
        f"<Instrument><name>{escape(name)}</name><type>{kind}</type></Instrument>" for kind, name in INSTRUMENTS.items()
    )
    codes = "".join(
        f"<ScanType><displayName>{escape(name)}</displayName><scanCode>{code}</scanCode>"
        f"<instruments>STK,ETF.EQ.US,STOCK.EU</instruments></ScanType>"
        for code, (name, _) in CODES.items()
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<ScanParameterResponse>'
        f"<InstrumentList>{instruments}</InstrumentList><LocationTree>{_locations()}</LocationTree>"
        f"<ScanTypeList>{codes}</ScanTypeList><FilterList>{_filters()}</FilterList></ScanParameterResponse>"
    )
