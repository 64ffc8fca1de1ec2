"""Finds out which options an underlying has, once an hour, and remembers the strikes that an expiry lacks."""

from collections import defaultdict
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any

import ib_async

from ib_worker.pacing.caller import current_caller
from ib_worker.pacing.single_flight import SingleFlight
from ib_worker.tws.values.convert import SMART

KEPT_S = 3600.0  # new strikes are listed during the day
KEPT = 200  # underlyings
RECENT_S = 60.0

# One message of TWS: exchange, tradingClass, multiplier, expirations, strikes.
Parameters = tuple[str, str, str, Sequence[str], Sequence[float]]
Fetch = Callable[[ib_async.Contract, str], Coroutine[Any, Any, list[Parameters]]]
Key = tuple[int, str]  # the underlying's conId, and the exchange


@dataclass(frozen=True)
class ChainClass:
    """The options of one trading class at one exchange. `strikes` are those of all expirations together."""

    tradingClass: str
    multiplier: str
    exchange: str
    expirations: tuple[str, ...]
    strikes: tuple[float, ...]


@dataclass(frozen=True)
class ListedChain:
    """The answer of TWS at `at`, by the worker's clock. `listed` and `unlisted`: strikes that TWS has
    found and has not, by class and expiry."""

    at: float
    classes: tuple[ChainClass, ...]
    listed: dict[tuple[str, str], set[float]] = field(default_factory=lambda: defaultdict(set))
    unlisted: dict[tuple[str, str], set[float]] = field(default_factory=lambda: defaultdict(set))


class OptionChains:
    """A chain that is known, or being asked for, costs TWS nothing."""

    def __init__(self, fetch: Fetch, clock: Callable[[], float]) -> None:
        self._fetch = fetch
        self._clock = clock
        self._known: dict[Key, ListedChain] = {}
        self._flights = SingleFlight()
        self._prices: dict[int, tuple[float, float]] = {}  # of underlyings, and when they were known

    def note_price(self, conId: int, price: float) -> None:
        self._prices[conId] = self._clock(), price
        while len(self._prices) > KEPT:
            del self._prices[next(iter(self._prices))]

    def recent_price(self, conId: int) -> float | None:
        """Return an underlying's price of the last minute: good enough to begin with the strikes around it."""
        at, price = self._prices.get(conId, (float("-inf"), None))
        return price if self._clock() - at <= RECENT_S else None

    async def chain(self, under: ib_async.Contract, exchange: str) -> ListedChain:
        """Return the chain of an underlying at an exchange; it has no classes where TWS knows no options. Raises
        RequestRefused."""
        key = under.conId, exchange
        known = self._known.get(key)
        if known is not None and self._clock() - known.at <= KEPT_S:
            return known
        return await self._flights.share((key, current_caller()), lambda: self._asked_for(key, under))

    def age_s(self, chain: ListedChain) -> float:
        return self._clock() - chain.at

    async def close(self) -> None:
        await self._flights.close()

    async def _asked_for(self, key: Key, under: ib_async.Contract) -> ListedChain:
        found = await self._fetch(under, key[1] if under.secType == "FUT" else "")
        chain = ListedChain(self._clock(), classes_at(found, key[1]))
        if chain.classes:
            self._known[key] = chain
        while len(self._known) > KEPT:
            del self._known[next(iter(self._known))]
        return chain


def classes_at(found: Sequence[Parameters], exchange: str) -> tuple[ChainClass, ...]:
    """Return the trading classes at an exchange. Where SMART is asked for and TWS names none there, as for options on
    futures, each class is told where it has most expirations."""
    there = [each for each in found if each[0] == exchange]
    if not there and exchange == SMART:
        there = sorted(found, key=lambda each: -len(each[3]))
    kept: dict[tuple[str, str], ChainClass] = {}
    for where, tradingClass, multiplier, expirations, strikes in there:
        made = ChainClass(tradingClass, multiplier, where, tuple(sorted(expirations)), tuple(sorted(strikes)))
        kept.setdefault((tradingClass, multiplier), made)
    return tuple(sorted(kept.values(), key=lambda each: (each.tradingClass, each.multiplier)))
