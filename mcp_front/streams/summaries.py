"""The summary of a stream, of bounded size: first, last, high, low and a few samples."""

from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any

from bridge.tools.account import AccountUpdate
from mcp_front.streams.updates import QuoteFigures, QuoteUpdate

SAMPLES = 10
DIGITS = 6  # of a mean and a spread, after the point
MAIN_FIGURES = frozenset({
    "NetLiquidation", "TotalCashValue", "EquityWithLoanValue", "AvailableFunds", "BuyingPower", "ExcessLiquidity",
    "GrossPositionValue", "InitMarginReq", "MaintMarginReq", "UnrealizedPnL", "RealizedPnL", "Cushion",
})  # fmt: skip


class EvenSample:
    """About `most` items spread evenly over all that were added: memory stays bounded over an hour of ticks."""

    def __init__(self, most: int = SAMPLES, kept_as: Callable[[Any], Any] = lambda item: item) -> None:
        """`kept_as` makes of an item what is kept of it, and is asked for those alone."""
        self._most = most
        self._kept_as = kept_as
        self._kept: list[Any] = []
        self._stride = 1
        self._added = 0
        self._last: Any = None

    def add(self, item: Any) -> None:
        if self._added % self._stride == 0:
            self._kept.append(self._kept_as(item))
        self._added += 1
        self._last = item
        if len(self._kept) >= 4 * self._most:
            self._kept = self._kept[::2]
            self._stride *= 2

    def chosen(self) -> list[Any]:
        """At most `most` of what was added, the first and the last among them, evenly spaced."""
        spread = self._kept if (self._added - 1) % self._stride == 0 else [*self._kept, self._kept_as(self._last)]
        if len(spread) <= self._most:
            return list(spread)
        step = (len(spread) - 1) / (self._most - 1)
        return [spread[round(place * step)] for place in range(self._most)]


class Course:
    """First, last, low, high and mean of a number, by update: each counts the same, however long it stood."""

    def __init__(self) -> None:
        self._ends: tuple[float, float] | None = None
        self._low = self._high = self._sum = 0.0
        self._count = 0

    def see(self, value: float | None) -> None:
        if value is None:
            return
        first, _ = self._ends or (value, value)
        self._low = min(self._low, value) if self._count else value
        self._high = max(self._high, value) if self._count else value
        self._ends, self._sum, self._count = (first, value), self._sum + value, self._count + 1

    def told(self) -> dict[str, float] | None:
        """Return the figures; None where there was no number."""
        if self._ends is None:
            return None
        mean = round(self._sum / self._count, DIGITS)
        return {"first": self._ends[0], "last": self._ends[1], "low": self._low, "high": self._high, "mean": mean}


class QuoteSummary:
    """First, last, high, low, spread and samples of a contract's quotes."""

    def __init__(self, opening: QuoteUpdate | None) -> None:
        self.first: dict[str, Any] | None = None
        self.last: QuoteUpdate | None = None
        self.high: float | None = None
        self.low: float | None = None
        self.spread = Course()
        self.samples = EvenSample(kept_as=_brief)
        if opening is not None and price_of(opening.figures) is not None:
            self.see(opening)

    def see(self, quote: QuoteUpdate) -> None:
        if self.first is None:
            self.first = quote.brief
        self.last = quote
        self.samples.add(quote)
        self.spread.see(spread_of(quote.figures.bid, quote.figures.ask))
        price = price_of(quote.figures)
        if price is not None:
            self.high = price if self.high is None else max(self.high, price)
            self.low = price if self.low is None else min(self.low, price)

    def sample(self) -> dict[str, Any]:
        """Return `same`, what is equal in all samples, and `sample`, each of them without that."""
        chosen = self.samples.chosen()
        same = same_in_all(chosen, [name for name in chosen[0] if name != "time"]) if len(chosen) > 1 else {}
        rows = [{name: value for name, value in each.items() if name not in same} for each in chosen]
        return {"same": same, "sample": rows}


def same_in_all(rows: Sequence[dict[str, Any]], names: Iterable[str]) -> dict[str, Any]:
    """Return the values, of these names, that are equal in all rows."""
    return {name: rows[0][name] for name in names if rows and all(each[name] == rows[0][name] for each in rows)}


def _brief(quote: QuoteUpdate) -> dict[str, Any]:
    return quote.brief


def spread_of(bid: float | None, ask: float | None) -> float | None:
    """Return ask less bid; None where either is unknown."""
    return None if bid is None or ask is None else round(ask - bid, DIGITS)


def price_of(quote: QuoteFigures) -> float | None:
    """The last trade's price; the middle of bid and ask for what does not trade on an exchange, such as forex."""
    if quote.last is not None:
        return quote.last
    return None if quote.bid is None or quote.ask is None else round((quote.bid + quote.ask) / 2, 10)


class AccountSummary:
    """The last value of each main figure of an account and of each of its positions."""

    def __init__(self) -> None:
        self._values: dict[Hashable, dict[str, Any]] = {}
        self._portfolio: dict[Hashable, dict[str, Any]] = {}

    def see(self, update: dict[str, Any]) -> None:
        if update["kind"] == "portfolio":
            self._portfolio[update_kind(update)] = update
        elif is_main(update):
            kept = {name: update[name] for name in ("account", "tag", "value", "currency")}
            self._values[update_kind(update)] = kept

    def closed(self, told: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """The positions that a worker, which tells all, does not tell: closed while nobody looked."""
        kinds = {update_kind(each) for each in told}
        gone = [each for kind, each in self._portfolio.items() if kind not in kinds and each["position"]]
        at = max((each["time"] for each in told), default=None)
        kept = ("kind", "account", "contract")
        unknown = dict.fromkeys(AccountUpdate.model_fields) | {"position": 0.0}
        return [unknown | {name: each[name] for name in kept} | {"time": at or each["time"]} for each in gone]

    def values(self) -> list[dict[str, Any]]:
        return list(self._values.values())

    def portfolio(self) -> list[dict[str, Any]]:
        return list(self._portfolio.values())


def update_kind(update: dict[str, Any]) -> Hashable:
    """Return the subject of an account update: the next update of the same subject replaces it."""
    contract = update.get("contract") or {}
    return update["account"], update["kind"], update.get("tag"), update.get("currency"), contract.get("conId")


def is_main(update: dict[str, Any]) -> bool:
    return update["kind"] == "portfolio" or update.get("tag") in MAIN_FIGURES


def main_updates(updates: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the updates worth a message each, of the hundred values that are known when a stream opens."""
    return [each for each in updates if is_main(each)]
