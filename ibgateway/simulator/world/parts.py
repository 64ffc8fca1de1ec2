"""The parts of a world and their assembly: instruments, market, accounts, exchange, news."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from ibgateway.simulator.model.account import AccountPosition
from ibgateway.simulator.model.contracts import Contract
from ibgateway.simulator.model.events import Event
from ibgateway.simulator.world.account.broker import Broker
from ibgateway.simulator.world.exchange.exchange import Exchange
from ibgateway.simulator.world.instruments.directory import Directory
from ibgateway.simulator.world.instruments.instrument import Instrument
from ibgateway.simulator.world.market.generic_ticks import GenericTickCounter
from ibgateway.simulator.world.market.market import Market
from ibgateway.simulator.world.market.series.user_history import load
from ibgateway.simulator.world.reference.advisor import Advisor
from ibgateway.simulator.world.reference.news import News
from ibgateway.simulator.world.time.calendar import calendar

FIRST_START = datetime(2000, 2, 1, tzinfo=UTC).timestamp()
LAST_START = datetime(2030, 12, 15, tzinfo=UTC).timestamp()


@dataclass(frozen=True)
class WorldConfig:
    """The settings of a world: the same settings and the same calls give the same events, to the tick."""

    seed: int
    start: float  # epoch seconds, UTC
    accounts: tuple[str, ...] = ("DU1234567",)
    data: Path | None = None  # a folder of the user's own daily history, see data/SOURCES.md
    first_perm_id: int | None = None  # the seed's own where it is not said
    price_levels: str = "recorded"  # or "2025", see data/SOURCES.md
    base_currency: str = "USD"  # of every account; its opening cash is in dollars all the same


class WorldParts:
    """The parts of one world, and its time; each class of queries and operations builds on them."""

    def __init__(self, config: WorldConfig) -> None:
        if not FIRST_START <= config.start <= LAST_START:
            raise ValueError("the start is outside the calendars: choose one between 2000-02-01 and 2030-12-15")
        self.config = config
        self.now = config.start
        self.accounts = config.accounts
        own = load(config.data) if config.data is not None else {}
        self._directory = Directory({symbol: each.guess for symbol, each in own.items()}, config.price_levels)
        self._market = Market(config.seed, config.start, self._directory, own)
        self._generic = GenericTickCounter(self._market)
        self._broker = Broker(self._market, self._directory, config.accounts, config.start, config.base_currency)
        self._exchange = Exchange(config.seed, self._broker, self._directory)
        if config.first_perm_id is not None:
            self._exchange.registry.number_from(config.first_perm_id)
        self._news = News(config.seed, self._directory)
        self._halts: list[tuple[str, str, float, float]] = []
        self._advisor = Advisor(config.accounts)
        self._broker.groups = self._advisor.groups()
        self._next_day = self._day_after(config.start)

    def _of(self, contract: Contract) -> Instrument:
        return self._directory.require(contract)

    def _today(self) -> date:
        """Return the date in New York, by which derivatives are listed."""
        return calendar("US_STOCK").local(self.now).date()

    def _day_after(self, time: float) -> float:
        """Return the start of the next trading day."""
        days = calendar("US_STOCK")
        return days.open_of(days.index_at(time) + 1)

    def _drain(self) -> list[Event]:
        """Return the events; after a change of a position, also the account's new values."""
        events = self._exchange.drain()
        for account in dict.fromkeys(each.account for each in events if isinstance(each, AccountPosition)):
            events += self._broker.account_values(account, self.now)
        return events
