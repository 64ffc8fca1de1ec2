"""Quote feeds: one for each contract, shared by the clients that watch it; each tick is encoded once for all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Protocol

from ibgateway.simulator.gateway import combo_quotes as combos
from ibgateway.simulator.gateway import ticks
from ibgateway.simulator.gateway.rt_volume import RtVolume
from ibgateway.simulator.model.contracts import Contract
from ibgateway.simulator.model.market_data import OptionComputation, Snapshot
from ibgateway.simulator.wire.messages import market_data
from ibgateway.simulator.world.world import World

DELAY_S = 900.0  # delayed data is fifteen minutes old
PERIODS_S = {"OPT": 0.1, "FOP": 0.1, "CASH": 0.05}  # TWS samples quotes: options faster than the rest, forex most
PERIOD_S = 0.25
GENERICS_S = 2.0  # statistics change slowly
OPTIONS = {"OPT", "FOP"}
HEADS = (
    market_data.TICK_PRICE,
    market_data.TICK_SIZE,
    market_data.TICK_OPTION,
    market_data.TICK_GENERIC,
    market_data.TICK_STRING,
)


class Sink(Protocol):
    """A receiver of messages, such as a client's connection."""

    def send(self, payload: bytes) -> None: ...
    def send_all(self, payloads: Iterable[bytes]) -> None: ...


@dataclass(eq=False)
class QuoteWatcher:
    """One client's subscription to quotes: its sink, its request id, and the ticks that it asked for."""

    sink: Sink
    reqId: int
    style: ticks.Style
    codes: frozenset[int] = frozenset()  # generic tick codes
    frozen_at: float | None = None  # the moment whose quote is shown while the market is closed
    heads: dict[int, bytes] = field(init=False)

    def __post_init__(self) -> None:
        self.heads = {msgId: market_data.head(msgId, self.reqId) for msgId in HEADS}
        self.wanted = frozenset(kind for code in self.codes for kind in ticks.GENERIC_TICKS[code][1])

    def send(self, some: Iterable[ticks.Tick]) -> None:
        heads = self.heads
        self.sink.send_all([heads[msgId] + tail for msgId, tail in some])


class QuoteFeed:
    """The ticks of one contract."""

    def __init__(self, world: World, contract: Contract, delayed: bool) -> None:
        self.world = world
        self.contract = contract
        self.delay = DELAY_S if delayed else 0.0
        self.watchers: list[QuoteWatcher] = []
        self._by_style: dict[ticks.Style, list[QuoteWatcher]] = {}  # who sees the same ticks
        self._period = PERIODS_S.get(contract.secType, PERIOD_S)
        self._snapshot = combos.snapshot(world, contract, world.now - self.delay)
        self._computation: OptionComputation | None = None
        self._generics: ticks.Generics = {}
        self._rt_volume: RtVolume | None = None
        self._unchanged_until = 0.0  # of the snapshot
        self._upto = world.now
        self.due = world.now + self._period
        self._generics_due = world.now

    def join(self, watcher: QuoteWatcher) -> None:
        """Send the line as it stands, then every change."""
        watcher.send(self._look(watcher))
        self.watchers.append(watcher)
        self._by_style.setdefault(watcher.style, []).append(watcher)
        self._generics_due = min(self._generics_due, self.world.now)

    def leave(self, watcher: QuoteWatcher) -> None:
        if watcher not in self.watchers:
            return
        self.watchers.remove(watcher)
        alike = self._by_style[watcher.style]
        alike.remove(watcher)
        if not alike:
            del self._by_style[watcher.style]

    def _look(self, watcher: QuoteWatcher) -> Iterator[ticks.Tick]:
        first = self._snapshot
        if watcher.frozen_at is not None:
            first = replace(first, quote=combos.snapshot(self.world, self.contract, watcher.frozen_at).quote)
        yield from ticks.changes(None, first, watcher.style)
        if self.contract.secType in OPTIONS:
            self._computation = self.world.option_computation(self.contract, self.world.now - self.delay)
            yield from self._option(watcher.style, self._snapshot, self._computation)
        if watcher.wanted:
            yield from ticks.generic_changes({}, self._generic_ticks(), watcher.wanted, watcher.style)

    def _generic_ticks(self) -> ticks.Generics:
        self._generics = self.world.generic_ticks(self.contract, self.world.now - self.delay)
        return self._generics

    # --- changes -------------------------------------------------------------------------------------------------

    def advance(self, now: float) -> None:
        self.due = now + self._period
        if now - self.delay >= self._unchanged_until or self.world.has_halted:
            self._send_changes(now - self.delay)
        self._send_generics(now)
        self._send_trades_and_news(now)
        self._upto = now

    def _send_changes(self, at: float) -> None:
        before, after = self._snapshot, combos.snapshot(self.world, self.contract, at)
        self._snapshot = after
        if self.contract.secType in OPTIONS:  # they are looked at often, and change every two seconds
            self._unchanged_until = self.world.unchanged_until(self.contract, at)
        for style, watchers in self._by_style.items():
            changed = self._changed(before, after, style)
            if changed:
                for watcher in watchers:
                    watcher.send(changed)

    def _changed(self, before: Snapshot, after: Snapshot, style: ticks.Style) -> list[ticks.Tick]:
        changed = ticks.changes(before, after, style)
        if changed and self.contract.secType in OPTIONS:
            computation = self.world.option_computation(self.contract, after.time)
            if computation != self._computation:
                self._computation = computation
                changed += self._option(style, after, computation)
        return changed

    def _option(self, style: ticks.Style, look: Snapshot, model: OptionComputation) -> Iterator[ticks.Tick]:
        """Model greeks, and the volatilities that bid, ask and last imply."""
        prices = (
            (ticks.OPTION_BID, look.quote.bid),
            (ticks.OPTION_ASK, look.quote.ask),
            (ticks.OPTION_LAST, look.last),
        )
        for tickType, price in prices:
            if price and model.undPrice:
                implied = self.world.implied_volatility(self.contract, price, model.undPrice)
                yield market_data.TICK_OPTION, market_data.option_tail(style.kind(tickType), implied)
        yield market_data.TICK_OPTION, market_data.option_tail(style.kind(ticks.OPTION_MODEL), model)

    def _send_generics(self, now: float) -> None:
        if now < self._generics_due:
            return
        wanting = [watcher for watcher in self.watchers if watcher.wanted]
        self._generics_due = now + GENERICS_S
        before, after = self._generics, self._generic_ticks() if wanting else {}
        for watcher in wanting:
            watcher.send(ticks.generic_changes(before, after, watcher.wanted, watcher.style))

    def _send_trades_and_news(self, now: float) -> None:
        for code in (ticks.RT_VOLUME, ticks.RT_TRADE_VOLUME):
            wanting = [watcher for watcher in self.watchers if code in watcher.codes]
            if wanting:
                self._rt_volume = self._rt_volume or RtVolume(self.world, self.contract, self._upto)
                for watcher in wanting:
                    watcher.send(self._rt_volume.ticks(ticks.GENERIC_TICKS[code][1][0], self._upto, now))
        wanting = [watcher for watcher in self.watchers if ticks.NEWS in watcher.codes]
        if wanting:
            for headline in self.world.headlines(self._upto, now, self.contract):
                for watcher in wanting:
                    watcher.sink.send(market_data.tick_news(watcher.reqId, headline))


class QuoteFeeds:
    """All feeds of a gateway; their number is the number of market-data lines in use."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.paused = False  # while a farm or the link is down no ticks come
        self._feeds: dict[tuple[Contract, bool], QuoteFeed] = {}

    def __len__(self) -> int:
        return len(self._feeds)

    def has(self, contract: Contract, delayed: bool) -> bool:
        return (contract, delayed) in self._feeds

    def join(self, contract: Contract, watcher: QuoteWatcher) -> QuoteFeed:
        key = (contract, watcher.style.delayed)
        feed = self._feeds.get(key)
        if feed is None:
            feed = self._feeds[key] = QuoteFeed(self.world, contract, watcher.style.delayed)
        feed.join(watcher)
        return feed

    def leave(self, feed: QuoteFeed, watcher: QuoteWatcher) -> None:
        feed.leave(watcher)
        if not feed.watchers:
            self._feeds.pop((feed.contract, feed.delay > 0), None)

    def due(self, now: float) -> list[QuoteFeed]:
        return [] if self.paused else [feed for feed in self._feeds.values() if feed.due <= now]
