"""The summary of a stream, of bounded size: first, last, high, low and a few samples."""

from collections.abc import Hashable, Iterable
from typing import Any

from bridge.tools.account import AccountUpdate

Quote = dict[str, Any]

SAMPLES = 10
MAIN_FIGURES = frozenset({
    "NetLiquidation", "TotalCashValue", "EquityWithLoanValue", "AvailableFunds", "BuyingPower", "ExcessLiquidity",
    "GrossPositionValue", "InitMarginReq", "MaintMarginReq", "UnrealizedPnL", "RealizedPnL", "Cushion",
})  # fmt: skip


class EvenSample:
    """About `most` items spread evenly over all that were added: memory stays bounded over an hour of ticks."""

    def __init__(self, most: int = SAMPLES) -> None:
        self._most = most
        self._kept: list[Any] = []
        self._stride = 1
        self._added = 0
        self._last: Any = None

    def add(self, item: Any) -> None:
        if self._added % self._stride == 0:
            self._kept.append(item)
        self._added += 1
        self._last = item
        if len(self._kept) >= 4 * self._most:
            self._kept = self._kept[::2]
            self._stride *= 2

    def chosen(self) -> list[Any]:
        """At most `most` of what was added, the first and the last among them, evenly spaced."""
        spread = self._kept if (self._added - 1) % self._stride == 0 else [*self._kept, self._last]
        if len(spread) <= self._most:
            return list(spread)
        step = (len(spread) - 1) / (self._most - 1)
        return [spread[round(place * step)] for place in range(self._most)]


class QuoteSummary:
    """First, last, high, low and samples of a contract's quotes."""

    def __init__(self, opening: Quote | None) -> None:
        self.first: Quote | None = None
        self.last: Quote | None = None
        self.high: float | None = None
        self.low: float | None = None
        self.samples = EvenSample()
        if opening is not None and price_of(opening) is not None:
            self.see(opening)

    def see(self, quote: Quote) -> None:
        quote = {**quote, "ticks": []}  # the ticks have gone out; in a summary they only cost
        self.first = self.first or quote
        self.last = quote
        self.samples.add(quote)
        price = price_of(quote)
        if price is not None:
            self.high = price if self.high is None else max(self.high, price)
            self.low = price if self.low is None else min(self.low, price)


def price_of(quote: Quote) -> float | None:
    """The last trade's price; the middle of bid and ask for what does not trade on an exchange, such as forex."""
    last, bid, ask = quote["last"], quote["bid"], quote["ask"]
    if last is not None:
        return float(last)
    return None if bid is None or ask is None else round((bid + ask) / 2, 10)


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
