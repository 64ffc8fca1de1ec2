"""The world behind the wire: one facade over instruments, market, exchange and account, moved by `advance(now)`.

Pure: no sockets, no clock, no threads, no randomness but the seed.
Every method that takes a client's contract raises `Refusal(code, text)` with TWS's own code and text.
Every method that takes `contract` after "as resolve() returned it" trusts it to be complete.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import partial
from pathlib import Path

from ibgateway.simulator.model.account import AccountPnL, AccountValue, PortfolioItem, Position, PositionPnL
from ibgateway.simulator.model.chunks import Pieces, at_once
from ibgateway.simulator.model.contracts import (
    Contract,
    ContractDescription,
    ContractDetails,
    OptionChain,
    PriceIncrement,
)
from ibgateway.simulator.model.errors import Refusal
from ibgateway.simulator.model.events import Event
from ibgateway.simulator.model.market_data import (
    BidAsk,
    DepthExchange,
    DepthLevel,
    HistoricalBars,
    OptionComputation,
    SmartComponent,
    Snapshot,
    Trade,
    TradingSession,
)
from ibgateway.simulator.model.orders import CommissionReport, Execution, ExecutionFilter, OpenOrder, Order, OrderStatus
from ibgateway.simulator.model.research import Article, Headline, ScannerQuery, ScannerRow
from ibgateway.simulator.world.account.broker import Broker
from ibgateway.simulator.world.exchange import order_lists as orders
from ibgateway.simulator.world.exchange.exchange import Exchange
from ibgateway.simulator.world.history import historical_ticks as past
from ibgateway.simulator.world.history.bars import bars
from ibgateway.simulator.world.instruments import search
from ibgateway.simulator.world.instruments.details import details, market_rule
from ibgateway.simulator.world.instruments.directory import Directory
from ibgateway.simulator.world.instruments.instrument import Instrument
from ibgateway.simulator.world.market.depth import depth
from ibgateway.simulator.world.market.generic_ticks import GenericTickCounter
from ibgateway.simulator.world.market.market import Market
from ibgateway.simulator.world.market.option_pricing.options import DERIVED, computation, implied
from ibgateway.simulator.world.market.series.user_history import load
from ibgateway.simulator.world.reference import events, fundamentals, scanner
from ibgateway.simulator.world.reference.advisor import Advisor
from ibgateway.simulator.world.reference.company import figures
from ibgateway.simulator.world.reference.news import PROVIDERS, News, bulletins
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


class World:
    """Everything behind the wire."""

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
        self._broker = Broker(self._market, self._directory, config.accounts, config.start)
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

    def _option(self, contract: Contract, *positive: float) -> Instrument:
        """An option whose model can be asked; Refusal 321 for anything else."""
        option = self._of(contract)
        if option.secType not in DERIVED or not all(number > 0 for number in positive):
            raise Refusal(321, "Error validating request.-'bG' : cause - Invalid option, price or volatility")
        return option

    def _until(self, start: float | None, end: float | None) -> float:
        """There is no future to be had."""
        return self.now if end is None else min(end, self.now)

    def _today(self) -> date:
        """The date in New York, by which derivatives are listed."""
        return calendar("US_STOCK").local(self.now).date()

    def _day_after(self, time: float) -> float:
        """Return the start of the next trading day."""
        days = calendar("US_STOCK")
        return days.open_of(days.index_at(time) + 1)

    # --- time ----------------------------------------------------------------------------------------------------

    def advance(self, now: float) -> list[Event]:
        """Run the world up to `now` and return what happened to orders and accounts, in TWS's order."""
        while True:
            time, happens = self._next()
            if time > now:
                self.now = max(self.now, now)
                return self._told()
            self.now = max(self.now, time)
            happens()

    def _next(self) -> tuple[float, Callable[[], None]]:
        """Return the time of the next event: an order's, an expiry, or the start of a day."""
        candidates: list[tuple[float | None, Callable[[], None]]] = [
            (self._exchange.life.next_due(), self._exchange.life.run_next),
            (self._exchange.expiries.next_due(), lambda: self._exchange.expiries.run(self.now)),
            (self._next_day, self._begin_day),
        ]
        return min(((time, act) for time, act in candidates if time is not None), key=lambda each: each[0])

    def _told(self) -> list[Event]:
        """Return the events; after a change of a position, also the account's new values."""
        events = self._exchange.drain()
        for account in dict.fromkeys(each.account for each in events if isinstance(each, Position)):
            events += self._broker.account_values(account, self.now)
        return events

    def _begin_day(self) -> None:
        self._broker.begin_day(self.now)
        self._next_day = self._day_after(self.now)

    def next_due(self) -> float | None:
        """The earliest instant at which `advance` may yield an event; None when nothing is scheduled."""
        times = (self._exchange.life.next_due(), self._exchange.expiries.next_due())
        return min((time for time in times if time is not None), default=None)

    # --- contracts -----------------------------------------------------------------------------------------------

    def contract_details(self, contract: Contract) -> list[ContractDetails]:
        """Every match of a possibly incomplete contract, best first; Refusal 200 when there is none."""
        found = self._directory.find(contract, self._today())
        if contract.exchange or contract.conId:
            return [details(each, contract.exchange, self.now) for each in found]
        return [details(each, exchange, self.now) for each in found for exchange in each.exchanges]

    def resolve(self, contract: Contract) -> Contract:
        """The one complete contract that is meant, its exchange as asked; Refusal 200 when unknown or ambiguous."""
        return self._directory.one(contract, self._today()).contract(contract.exchange)

    def matching_symbols(self, pattern: str) -> list[ContractDescription]:
        """Up to sixteen matches of a symbol or a company's name."""
        return search.matching_symbols(self._directory, pattern)

    def option_chains(
        self, underlyingSymbol: str, futFopExchange: str, underlyingSecType: str, underlyingConId: int
    ) -> list[OptionChain]:
        """One entry for each exchange and trading class; empty when the underlying has no options."""
        return search.option_chains(
            self._directory, self._today(), underlyingSymbol, futFopExchange, underlyingSecType, underlyingConId
        )

    def market_rule(self, marketRuleId: int) -> list[PriceIncrement]:
        """Price increments, lowest edge first; Refusal 321 when the rule is unknown."""
        return market_rule(marketRuleId)

    def smart_components(self, bboExchange: str) -> list[SmartComponent]:
        """The exchanges behind a bboExchange's letters; `bbo_exchange` gives a contract's."""
        return search.smart_components(bboExchange)

    def bbo_exchange(self, contract: Contract) -> str:
        """Return the bboExchange of tickReqParams (81), such as 9c0001."""
        return search.bbo_exchange(self._of(contract))

    def depth_exchanges(self) -> list[DepthExchange]:
        """Return the exchanges that offer depth."""
        return search.depth_exchanges()

    def schedule(self, contract: Contract, end: float | None, days: int, useRTH: bool) -> list[TradingSession]:
        """The last `days` calendar days' sessions that start before `end` (None: now), oldest first."""
        return self._of(contract).calendar.sessions(self.now if end is None else end, days, useRTH)

    def time_zone(self, contract: Contract) -> str:
        """The exchange's zone as TWS names it, such as US/Eastern."""
        return self._of(contract).calendar.hours.zone

    # --- market data: `contract` as resolve() returned it --------------------------------------------------------

    def quotes(self, contract: Contract, after: float, upto: float) -> list[BidAsk]:
        """Changes of the best bid and offer in (after, upto], oldest first."""
        return self._market.quotes(self._of(contract), after, upto)

    def trades(self, contract: Contract, after: float, upto: float) -> list[Trade]:
        """Prints in (after, upto], oldest first."""
        return self._market.trades(self._of(contract), after, upto)

    def snapshot(self, contract: Contract, at: float | None = None) -> Snapshot:
        """Return the quote, last trade and day's figures at `at` (None: now)."""
        return self._market.snapshot(self._of(contract), self.now if at is None else at)

    def depth(
        self, contract: Contract, rows: int, at: float | None = None
    ) -> tuple[list[DepthLevel], list[DepthLevel]]:
        """Bids and offers, best first, at most `rows` of each; clients' own orders do not show."""
        return depth(self._market, self._of(contract), rows, self.now if at is None else at)

    def halt(self, contract: Contract, until: float) -> None:
        """Halt an instrument from now on: no quotes, no prints, no fills, tick 49 is 1, and bulletins tell of it."""
        of = self._of(contract)
        self._market.halt(of, self.now, until)
        self._exchange.life.reschedule(of, self.now)
        self._halts.append((of.symbol, of.primaryExchange, self.now, until))

    def option_computation(self, contract: Contract, at: float | None = None) -> OptionComputation:
        """Model price and greeks of an option or future option (tickOptionComputation 13)."""
        option, at = self._of(contract), self.now if at is None else at
        under = self._market.price(self._market.underlying(option), at)
        return computation(option, at, under, self._market.option_volatility(option, at, under))

    def option_price(self, contract: Contract, volatility: float, underPrice: float) -> OptionComputation:
        """calculateOptionPrice (55)."""
        option = self._option(contract, volatility, underPrice)
        return computation(option, self.now, underPrice, volatility)

    def implied_volatility(self, contract: Contract, optionPrice: float, underPrice: float) -> OptionComputation:
        """calculateImpliedVolatility (54); impliedVol is None when no volatility gives that price."""
        option = self._option(contract, optionPrice, underPrice)
        return implied(option, self.now, optionPrice, underPrice)

    def generic_ticks(self, contract: Contract, at: float | None = None) -> dict[int, float | str | Decimal]:
        """Values of the generic ticks by tick type id: 21 average volume, 23 and 24 volatilities, 49 halted …"""
        return self._generic.ticks(self._of(contract), self.now if at is None else at)

    # --- history; `end` None is now ------------------------------------------------------------------------------

    def bars(
        self, contract: Contract, end: float | None, duration: str, barSize: str, whatToShow: str, useRTH: bool
    ) -> HistoricalBars:
        """Bars of the span that ends at `end`, oldest first; Refusal 162 or 321 as TWS words it."""
        return at_once(self.bars_in_pieces(contract, end, duration, barSize, whatToShow, useRTH))

    def bars_in_pieces(
        self, contract: Contract, end: float | None, duration: str, barSize: str, whatToShow: str, useRTH: bool
    ) -> Pieces[HistoricalBars]:
        """The same, day by day: a year of ticks takes seconds to draw."""
        return bars(self._market, self._of(contract), self.now, end, duration, barSize, whatToShow, useRTH)

    def head_timestamp(self, contract: Contract, whatToShow: str, useRTH: bool) -> float:
        """The start of the earliest data."""
        return past.head_timestamp(self._market, self._of(contract), whatToShow, useRTH)

    def histogram(self, contract: Contract, useRTH: bool, period: str) -> list[tuple[float, Decimal]]:
        """Price and traded size over a period such as "3 days", by price."""
        return at_once(self.histogram_in_pieces(contract, useRTH, period))

    def histogram_in_pieces(self, contract: Contract, useRTH: bool, period: str) -> Pieces[list[tuple[float, Decimal]]]:
        """The same, session by session."""
        return past.histogram(self._market, self._of(contract), useRTH, period, self.now)

    def historical_trades(
        self, contract: Contract, start: float | None, end: float | None, number: int, useRTH: bool
    ) -> list[Trade]:
        """At most `number` prints (at most 1,000), from `start` on or up to `end`, whole seconds completed."""
        of = self._of(contract)
        return past.historical(
            self._market, of, partial(self._market.trades, of), start, self._until(start, end), number, useRTH
        )

    def historical_quotes(
        self, contract: Contract, start: float | None, end: float | None, number: int, useRTH: bool
    ) -> list[BidAsk]:
        """As `historical_trades`, of best bids and offers."""
        of = self._of(contract)
        return past.historical(
            self._market, of, partial(self._market.quotes, of), start, self._until(start, end), number, useRTH
        )

    def historical_midpoints(
        self, contract: Contract, start: float | None, end: float | None, number: int, useRTH: bool
    ) -> list[tuple[float, float]]:
        """As `historical_trades`, of times and midpoints."""
        return past.midpoints(self.historical_quotes(contract, start, end, number, useRTH))

    def history_of(self, symbol: str) -> str:
        """Describe a symbol's daily history (recorded, close only, derived, synthetic, own) and its source."""
        return self._market.history_of(symbol)

    # --- orders --------------------------------------------------------------------------------------------------

    def place_order(self, clientId: int, orderId: int, contract: Contract, order: Order) -> list[Event]:
        """A new order, a modification or a what-if (an OpenOrder whose state holds the margins). Never raises."""
        self._exchange.place(clientId, orderId, contract, order, self.now)
        return self._told()

    def cancel_order(self, clientId: int, orderId: int, manualTime: str = "") -> list[Event]:
        """Cancel; 10147, 10148 or 161 come back as OrderError."""
        self._exchange.cancel(clientId, orderId, self.now)
        return self._told()

    def global_cancel(self, clientId: int) -> list[Event]:
        """Cancel every open order of every client."""
        self._exchange.cancel_all(self.now)
        return self._told()

    def fill(self, clientId: int, orderId: int, size: Decimal | None, price: float | None) -> list[Event]:
        """Fill an open order whatever the market does: all of it, at the market's price, where nothing else is said."""
        self._exchange.fill(clientId, orderId, size, price, self.now)
        return self._told()

    def next_order_id(self, clientId: int) -> int:
        """The next valid order id of a client id: above every id it used in this world, kept over its sessions."""
        return self._exchange.registry.next_order_id(clientId)

    def open_orders(self, clientId: int | None) -> list[OpenOrder]:
        """Open orders of one client, or of all (None), oldest first."""
        return orders.open_orders(self._exchange, clientId, self.now)

    def order_status_of(self, open_order: OpenOrder) -> OrderStatus:
        """The current orderStatus (3) of an order that this world gave out."""
        return orders.status_of(self._exchange, open_order)

    def completed_orders(self, apiOnly: bool) -> list[OpenOrder]:
        """The day's filled, cancelled and rejected orders, latest first; orderId 0 as TWS does not tell it."""
        return orders.completed(self._exchange, self.now)

    def executions(self, filter: ExecutionFilter) -> list[tuple[Execution, CommissionReport | None]]:
        """The day's executions that pass the filter, oldest first, with their commission reports."""
        return orders.executions(self._exchange, filter, self.now)

    def exercise_option(
        self, clientId: int, reqId: int, contract: Contract, action: int, quantity: int, account: str, override: bool
    ) -> list[Event]:
        """Exercise (action 1) or lapse (2) options that are held; Refusal 201 or 321 when that can't be."""
        option = self._directory.one(contract, self._today())
        self._exchange.expiries.exercise(clientId, reqId, option, action, quantity, account, override, self.now)
        return self._told()

    # --- account -------------------------------------------------------------------------------------------------

    def positions(self, account: str | None) -> list[Position]:
        """Positions of one account or of all (None); a position closed today stays with 0."""
        return self._broker.positions(account)

    def portfolio(self, account: str) -> list[PortfolioItem]:
        """Return the rows of updatePortfolio (7)."""
        return self._broker.portfolio(account, self.now)

    def account_values(self, account: str) -> list[AccountValue]:
        """The Account Window's set of updateAccountValue (6), the $LEDGER currencies included."""
        return self._broker.account_values(account, self.now)

    def account_summary(self, group: str, tags: str) -> list[AccountValue]:
        """Tags are comma separated; "$LEDGER", "$LEDGER:EUR" and "$LEDGER:ALL" as TWS; Refusal 321 for nonsense."""
        return self._broker.summary(group, tags, self.now)

    def pnl(self, account: str, modelCode: str) -> AccountPnL:
        """The Portfolio window's numbers; Refusal 321 for an unknown account."""
        return self._broker.pnl(self._broker.known(account), self.now)

    def pnl_single(self, account: str, modelCode: str, conId: int) -> PositionPnL:
        """The same, of one contract; all None and pos 0 when it is not held."""
        return self._broker.pnl_single(self._broker.known(account), conId, self.now)

    # --- reference data ------------------------------------------------------------------------------------------

    def scan(self, query: ScannerQuery) -> list[ScannerRow]:
        """Ranked rows, at most fifty; Refusal 162 for an unknown scan code."""
        return at_once(self.scan_in_pieces(query))

    def scan_in_pieces(self, query: ScannerQuery) -> Pieces[list[ScannerRow]]:
        """The same, instrument by instrument."""
        return scanner.scan(self._market, self._directory, query, self.now)

    def scanner_parameters(self) -> str:
        """XML."""
        return scanner.parameters()

    def news_providers(self) -> list[tuple[str, str]]:
        """Code and name."""
        return list(PROVIDERS)

    def historical_news(
        self, conId: int, providerCodes: str, start: float | None, end: float | None, total: int
    ) -> list[Headline]:
        """Latest first, at most `total` (at most 300); codes are joined by "+"."""
        return self._news.historical(conId, providerCodes, start, end, total, self.now)

    def article(self, providerCode: str, articleId: str) -> Article:
        """One article; Refusal 10172 when there is none."""
        return self._news.article(providerCode, articleId)

    def headlines(self, after: float, upto: float, contract: Contract | None) -> list[Headline]:
        """News ticks in (after, upto] of one contract, or the broad tape (None)."""
        return self._news.ticks(None if contract is None else self._of(contract), after, upto)

    def bulletins(self, after: float, upto: float) -> list[tuple[int, int, str, str]]:
        """Bulletins in (after, upto]: id, type (1 news, 2 halt, 3 resumption), text, exchange."""
        return bulletins(after, upto, self._halts)

    def fundamental_data(self, contract: Contract, reportType: str) -> str:
        """XML; Refusal 430 when the report is not available."""
        of = self._of(contract)
        price = self._market.price(of, self.now)
        return fundamentals.report(fundamentals.ReportSubject(of, price, self._today(), figures(of, price)), reportType)

    def wsh_meta(self) -> str:
        """Wall Street Horizon's event types, JSON."""
        return events.meta()

    def wsh_events(self, conId: int = 0, filter: str = "", start: str = "", end: str = "", total: int = 100) -> str:
        """Corporate events, JSON."""
        return events.events(self._directory, conId, filter, start, end, total, self._today())

    def fa_config(self, kind: int) -> str:
        """Advisor's groups (1) or aliases (3), XML."""
        return self._advisor.config(kind)

    def replace_fa(self, kind: int, xml: str) -> str:
        """Replace it and return TWS's replaceFAEnd text."""
        text = self._advisor.replace(kind, xml)
        self._broker.groups = self._advisor.groups()
        return text

    def family_codes(self) -> list[tuple[str, str]]:
        """Account and family code."""
        return [(account, "") for account in self.accounts]

    def soft_dollar_tiers(self) -> list[tuple[str, str, str]]:
        """Name, value, display name."""
        return []

    def user_info(self) -> str:
        """The white branding id, empty for IBKR's own users."""
        return ""
