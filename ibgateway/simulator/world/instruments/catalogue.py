"""Reads the shipped catalogue: stocks, funds, indices and currency pairs, and the roots of futures."""

from __future__ import annotations

import csv
from dataclasses import dataclass, replace
from hashlib import blake2b
from math import log
from pathlib import Path

from ibgateway.simulator.world.instruments.bonds import bond
from ibgateway.simulator.world.instruments.guess import Guess
from ibgateway.simulator.world.instruments.instrument import Instrument

DATA = Path(__file__).parents[1] / "data"

# What SMART routes a US stock to, as a real contractDetails lists it.
US_EXCHANGES = (  # noqa: SIM905 - a list of this length reads better as a line
    "SMART,AMEX,NYSE,CBOE,PHLX,ISE,CHX,ARCA,NASDAQ,DRCTEDGE,BEX,BATS,EDGEA,BYX,IEX,EDGX,FOXRIVER,PEARL,NYSENAT,"
    "LTSE,MEMX,IBEOS,OVERNIGHT,TPLUS0,PSX"
).split(",")
EXCHANGES = {
    "US_STOCK": tuple(US_EXCHANGES),
    "XETRA": ("SMART", "IBIS", "IBIS2", "EUDARK", "TGATE", "GETTEX"),
    "LSE": ("SMART", "LSE", "CHIXUK", "BATSUK", "TRQXUK"),
}
OWN_IDS, OWN_IDS_SPAN = 1_950_000_000, 100_000_000  # contract ids of the user's own symbols
GRID = {"FOREX": (5, 100_000), "LSE": (5, 10_000)}  # step and scale; a cent otherwise
YEN_GRID = (5, 1_000)
RECORDED_LEVELS = "recorded"
STRIKE_STEPS = (0.5, 1.0, 2.5, 5.0, 10.0, 25.0, 50.0)
RULES = {"FOREX": 239, "LSE": 1947, "XETRA": 1867}


@dataclass(frozen=True)
class SeriesSpec:
    """The price series of one or more instruments: its trading hours, and its guess if there is no data."""

    name: str
    hours: str
    guess: Guess


@dataclass(frozen=True)
class Root:
    """A family of futures."""

    name: str
    exchange: str
    currency: str
    multiplier: str
    longName: str
    series: str
    factor: float
    step: int
    scale: int
    volume: float
    months: str  # letters of the delivery months
    settles: str
    strikeStep: float
    volumeShare: float


class Catalogue:
    """Everything that does not expire, in the shipped order; the order numbers options, so new rows go to the end."""

    def __init__(self, own: dict[str, Guess] | None = None, price_levels: str = RECORDED_LEVELS) -> None:
        self._levels = {} if price_levels == RECORDED_LEVELS else _levels()
        self.series: dict[str, SeriesSpec] = {}
        self.instruments: list[Instrument] = [self._instrument(row) for row in _rows("instruments.csv")]
        self.roots: list[Root] = [self._root(row) for row in _rows("futures.csv")]
        self.bonds: list[Instrument] = [self._bond(row) for row in _rows("bonds.csv")]
        for symbol, guess in (own or {}).items():
            self._take(symbol, guess)

    def levelled(self, series: str) -> bool:
        """Report if the series is scaled to end at its guess's price."""
        return series in self._levels

    def _level(self, series: str, price: float) -> float:
        return self._levels.get(series, price)

    def _take(self, symbol: str, guess: Guess) -> None:
        """Take a symbol of the user's own history: a known one, or a new US stock."""
        for number, each in enumerate(self.instruments):
            if symbol in (each.symbol, each.localSymbol) and (each.currency == "USD" or each.secType == "CASH"):
                self.series[symbol] = SeriesSpec(symbol, each.hours, guess)
                self.instruments[number] = replace(each, series=symbol, factor=1.0, volume_share=1.0)
                return
        self.series[symbol] = SeriesSpec(symbol, "US_STOCK", guess)
        self.instruments.append(_own_stock(symbol, guess))

    def _bond(self, row: dict[str, str]) -> Instrument:
        made = bond(row)
        self.series[made.series] = SeriesSpec(
            made.series, made.hours, Guess(float(row["price"]), float(row["volatility"]), made.volume)
        )
        return made

    def _instrument(self, row: dict[str, str]) -> Instrument:
        hours, factor = row["hours"], float(row["factor"])
        listed = float(row["price"]) / factor
        price = self._level(row["series"], listed)
        guess = Guess(price, float(row["volatility"]), float(row["volume"]))
        spec = self.series.setdefault(row["series"], SeriesSpec(row["series"], hours, guess))
        step, scale = YEN_GRID if row["currency"] == "JPY" else GRID.get(hours, (1, 100))
        exchanges = EXCHANGES.get(hours, (row["primaryExchange"],)) if row["secType"] == "STK" else ()
        return Instrument(
            conId=int(row["conId"]),
            secType=row["secType"],
            symbol=row["symbol"],
            currency=row["currency"],
            primaryExchange=row["primaryExchange"],
            exchanges=exchanges or (row["primaryExchange"],),
            hours=hours,
            series=row["series"],
            longName=row["longName"],
            localSymbol=row["series"] if row["secType"] == "CASH" else row["symbol"],
            tradingClass=row["tradingClass"],
            step=step,
            scale=scale,
            ruleId=RULES.get(hours, 26),
            factor=factor,
            volume=float(row["volume"]),
            volume_share=float(row["volume"]) / max(spec.guess.volume, 1),
            spread=int(row["spread"]),
            industry=row["industry"],
            category=row["category"],
            subcategory=row["subcategory"],
            stockType=row["stockType"],
            isin=row["isin"],
            strikeStep=_step(float(row["strikeStep"]), price / listed),
        )

    def _root(self, row: dict[str, str]) -> Root:
        price = self._level(row["series"], float(row["price"]))
        guess = Guess(price, float(row["volatility"]), float(row["volume"]))
        self.series.setdefault(row["series"], SeriesSpec(row["series"], "CME", guess))
        return Root(
            name=row["root"],
            exchange=row["exchange"],
            currency=row["currency"],
            multiplier=row["multiplier"],
            longName=row["longName"],
            series=row["series"],
            factor=float(row["factor"]),
            step=int(row["step"]),
            scale=int(row["scale"]),
            volume=float(row["volume"]),
            months=row["months"],
            settles=row["settles"],
            strikeStep=float(row["strikeStep"]),
            volumeShare=float(row["volumeShare"]),
        )


def _levels() -> dict[str, float]:
    return {row["series"]: float(row["price"]) for row in _rows("levels.csv")}


def _step(listed: float, scaled: float) -> float:
    """Return the distance of two strikes after scaling; 0 if no options are listed for the symbol."""
    if not listed or scaled == 1:
        return listed
    return min(STRIKE_STEPS, key=lambda step: abs(log(step / (listed * scaled))))


def _own_stock(symbol: str, guess: Guess) -> Instrument:
    number = int.from_bytes(blake2b(symbol.encode(), digest_size=4).digest(), "big") % OWN_IDS_SPAN
    return Instrument(
        conId=OWN_IDS + number,
        secType="STK",
        symbol=symbol,
        currency="USD",
        primaryExchange="NASDAQ",
        exchanges=EXCHANGES["US_STOCK"],
        hours="US_STOCK",
        series=symbol,
        longName=symbol,
        localSymbol=symbol,
        tradingClass="NMS",
        volume=guess.volume,
        stockType="COMMON",
    )


def _rows(name: str) -> list[dict[str, str]]:
    with (DATA / name).open(newline="") as lines:
        return list(csv.DictReader(lines))
