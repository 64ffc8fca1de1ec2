"""The last known values of one contract, as its ticks leave them. Pure."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from bridge.tools.market.market_data import Quote, RawTick
from bridge.tools.types import MarketDataType
from ib_worker.tws.values import unset

# Types of 65 and more are the delayed twins of the live ones.
BID, ASK, LAST = frozenset({1, 66}), frozenset({2, 67}), frozenset({4, 68})
PRICES = {6: "high", 7: "low", 9: "close", 14: "open", 72: "high", 73: "low", 75: "close", 76: "open"}
BID_SIZE, ASK_SIZE, LAST_SIZE = frozenset({0, 69}), frozenset({3, 70}), frozenset({5, 71})
VOLUME = frozenset({8, 74})
HALTED = frozenset({49, 90})
INTEREST = {27: "callInterest", 28: "putInterest"}  # of an option, the one of its right
MODEL = (13, 83)  # types of tickOptionComputation, live and delayed

_Tick = tuple[int, float | None, float | None]  # tick type, price, size
LEAST_GREEK = 1e-10  # of one unit of the underlying
Computation = tuple[float, ...]  # impliedVol, delta, optPrice, pvDividend, gamma, vega, theta, undPrice


@dataclass(frozen=True)
class OptionGreeks:
    """An option by TWS's model: `vega` is of one point of volatility in percent, `theta` of one day. None: TWS has not
    computed it."""

    impliedVol: float | None
    delta: float | None
    optPrice: float | None
    gamma: float | None
    vega: float | None
    theta: float | None
    undPrice: float | None

    @classmethod
    def of(cls, computed: Computation) -> "OptionGreeks":
        """Read the values of tickOptionComputation, where -1 and -2 stand for what was not computed."""
        impliedVol, delta, optPrice, _, gamma, vega, theta, undPrice = computed
        return cls(
            impliedVol=unset.value("tickOptionComputation.level", impliedVol),
            delta=_greek(delta),
            optPrice=unset.value("tickOptionComputation.level", optPrice),
            gamma=_greek(gamma),
            vega=_greek(vega),
            theta=_greek(theta),
            undPrice=unset.value("tickOptionComputation.level", undPrice),
        )


def _greek(told: float) -> float | None:
    """Return a greek; 0 for what a model's arithmetic leaves of it far from the money, such as 2.352e-60."""
    found = unset.value("tickOptionComputation.greek", told)
    return 0.0 if found is not None and abs(found) < LEAST_GREEK else found


class QuoteState:
    """Takes ticks one by one. `quote` returns their values, with the ticks since the last call."""

    def __init__(self, symbol: str, conId: int, simulated: bool = False) -> None:
        self._symbol = symbol
        self._conId = conId
        self._simulated = simulated
        self.marketDataType: MarketDataType | None = None
        self.priced = False  # a price has come
        self.heard: datetime | None = None  # when the last ticks were taken
        self._values: dict[str, float | None] = {}
        self._halted: bool | None = None
        self._computations: dict[int, Computation] = {}  # by tick type
        self._ticks: list[_Tick] = []

    @property
    def changed(self) -> bool:
        return bool(self._ticks)

    @property
    def whole(self) -> bool:
        """Return whether TWS has sent bid, ask, last and close, which come one after another."""
        return all(name in self._values for name in ("bid", "ask", "last", "close"))

    @property
    def unquoted(self) -> bool:
        """Return whether there is neither a bid nor an ask, as outside trading hours."""
        return all(self._values.get(name) is None for name in ("bid", "ask"))

    @property
    def level(self) -> float | None:
        """The price that a watch compares: the last trade's, else the middle of bid and ask."""
        last, bid, ask = (self._values.get(name) for name in ("last", "bid", "ask"))
        if last is not None:
            return last
        return None if bid is None or ask is None else (bid + ask) / 2

    def price(self, tickType: int, price: float, size: float) -> None:
        """A price tick; the quote's and the last trade's carry their size."""
        self._ticks.append((tickType, unset.number(price), unset.number(size)))
        if tickType in BID:
            self._side("bid", price, size)
        elif tickType in ASK:
            self._side("ask", price, size)
        elif tickType in LAST:
            self._last(price, size)
        elif tickType in PRICES:
            backed = unset.is_something(size)
            self._values[PRICES[tickType]] = unset.value("tickPrice.day", price, backed=backed)
        self.priced = True

    def size(self, tickType: int, size: float) -> None:
        self._ticks.append((tickType, None, unset.number(size)))
        if tickType in BID_SIZE:
            self._side("bid", self._values.get("bid"), size)
        elif tickType in ASK_SIZE:
            self._side("ask", self._values.get("ask"), size)
        elif tickType in LAST_SIZE:
            self._values["lastSize"] = unset.value("tickSize.size", size)
        elif tickType in VOLUME:
            self._values["volume"] = unset.value("tickSize.size", size)
        elif tickType in INTEREST:
            self._values[INTEREST[tickType]] = unset.value("tickSize.size", size)

    def generic(self, tickType: int, value: float) -> None:
        """Only the halt is of interest."""
        if tickType in HALTED:
            halted = unset.value("tickGeneric.halted", value)
            self._halted = None if halted is None else bool(halted)

    def computation(self, tickType: int, values: Computation) -> None:
        """An option's volatility, price and greeks by TWS's model, or by its bid, ask or last trade."""
        self._computations[tickType] = values

    @property
    def greeks(self) -> OptionGreeks | None:
        """Return TWS's model of the option; None while TWS has sent none with a delta."""
        found = next((OptionGreeks.of(self._computations[each]) for each in MODEL if each in self._computations), None)
        return None if found is None or found.delta is None else found

    def open_interest(self, right: str) -> float | None:
        """Return an option's open interest, which comes as the one of its right."""
        return self._values.get("putInterest" if right == "P" else "callInterest")

    def skip(self, at: datetime) -> None:
        """Note that ticks have come which nobody reads one by one."""
        self._ticks.clear()
        self.heard = at

    def quote(self, at: datetime) -> Quote:
        ticks, self._ticks = self._ticks, []
        self.heard = at
        return self.known(at, [RawTick(tickType=kind, price=price, size=size) for kind, price, size in ticks])

    def encoded(self, at: datetime) -> bytes:
        """Return `quote` as JSON. Its values are checked as they come in: pydantic's way takes three times as long."""
        ticks, self._ticks = self._ticks, []
        self.heard = at
        raw = [{"tickType": kind, "price": price, "size": size} for kind, price, size in ticks]
        return msgspec.json.encode(self._fields(at) | {"ticks": raw})

    def known(self, at: datetime, ticks: list[RawTick] | None = None) -> Quote:
        """Return the current values, and keep the ticks for the next call."""
        return Quote(**self._fields(at), ticks=ticks or [])

    def _fields(self, at: datetime) -> dict[str, Any]:
        """Return the fields of a Quote, in its order, but for the ticks."""
        value = self._values.get
        return {
            "symbol": self._symbol,
            "conId": self._conId,
            "time": at,
            "marketDataType": self.marketDataType,
            "simulated": self._simulated,
            "bid": value("bid"),
            "bidSize": value("bidSize"),
            "ask": value("ask"),
            "askSize": value("askSize"),
            "last": value("last"),
            "lastSize": value("lastSize"),
            "volume": value("volume"),
            "open": value("open"),
            "high": value("high"),
            "low": value("low"),
            "close": value("close"),
            "halted": self._halted,
        }

    def _side(self, name: str, price: float | None, size: float) -> None:
        """Nobody quotes without a size."""
        backed = unset.is_something(size)
        self._values[name] = unset.value("tickPrice.quote", price, backed=backed)
        self._values[f"{name}Size"] = float(size) if backed else None

    def _last(self, price: float, size: float) -> None:
        """An index has a last price without a size."""
        last = unset.value("tickPrice.last", price, backed=unset.is_something(size))
        self._values["last"] = last
        self._values["lastSize"] = None if last is None else unset.value("tickSize.size", size)
