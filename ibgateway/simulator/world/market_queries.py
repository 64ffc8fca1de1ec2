"""The queries about contracts, market data and history, as methods of the world.

Every method that takes `contract` after "as resolve() returned it" trusts it to be complete.
"""

from __future__ import annotations

from decimal import Decimal
from functools import partial

from ibgateway.simulator.model.chunks import Pieces, at_once
from ibgateway.simulator.model.contracts import (
    Contract,
    ContractDescription,
    ContractDetails,
    PriceIncrement,
    SecDefOptParams,
)
from ibgateway.simulator.model.errors import Refusal
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
from ibgateway.simulator.world.history import historical_ticks as past
from ibgateway.simulator.world.history.bars import bars
from ibgateway.simulator.world.instruments import search
from ibgateway.simulator.world.instruments.details import details, market_rule
from ibgateway.simulator.world.instruments.instrument import Instrument
from ibgateway.simulator.world.market.depth import depth
from ibgateway.simulator.world.market.option_pricing.options import DERIVED, computation, implied
from ibgateway.simulator.world.parts import WorldParts


class MarketQueries(WorldParts):
    """Contracts, market data and history."""

    def _option(self, contract: Contract, *positive: float) -> Instrument:
        """Return the option of a calculation; Refusal 321 for another contract or a number not above 0."""
        option = self._of(contract)
        if option.secType not in DERIVED or not all(number > 0 for number in positive):
            raise Refusal(321, "Error validating request.-'bG' : cause - Invalid option, price or volatility")
        return option

    def _until(self, end: float | None) -> float:
        """Return the end of a query: never later than now."""
        return self.now if end is None else min(end, self.now)

    # --- contracts -----------------------------------------------------------------------------------------------

    def contract_details(self, contract: Contract) -> list[ContractDetails]:
        """Return every match of a possibly incomplete contract, best first; Refusal 200 if there is none."""
        found = self._directory.find(contract, self._today())
        if contract.exchange or contract.conId:
            return [details(each, contract.exchange, self.now) for each in found]
        return [details(each, exchange, self.now) for each in found for exchange in each.exchanges]

    def resolve(self, contract: Contract) -> Contract:
        """Return the one complete contract, with the requested exchange; Refusal 200 if unknown or ambiguous."""
        return self._directory.one(contract, self._today()).contract(contract.exchange)

    def matching_symbols(self, pattern: str) -> list[ContractDescription]:
        """Return up to 16 matches of a symbol or a company's name."""
        return search.matching_symbols(self._directory, pattern)

    def option_chains(
        self, underlyingSymbol: str, futFopExchange: str, underlyingSecType: str, underlyingConId: int
    ) -> list[SecDefOptParams]:
        """Return one entry for each exchange and trading class; empty if the underlying has no options."""
        return search.option_chains(
            self._directory, self._today(), underlyingSymbol, futFopExchange, underlyingSecType, underlyingConId
        )

    def market_rule(self, marketRuleId: int) -> list[PriceIncrement]:
        """Return price increments, lowest edge first; Refusal 321 if the rule is unknown."""
        return market_rule(marketRuleId)

    def smart_components(self, bboExchange: str) -> list[SmartComponent]:
        """Return the exchanges of a bboExchange's letters; `bbo_exchange` returns a contract's."""
        return search.smart_components(bboExchange)

    def bbo_exchange(self, contract: Contract) -> str:
        """Return the bboExchange of tickReqParams (81), such as 9c0001."""
        return search.bbo_exchange(self._of(contract))

    def depth_exchanges(self) -> list[DepthExchange]:
        """Return the exchanges that offer depth."""
        return search.depth_exchanges()

    def schedule(self, contract: Contract, end: float | None, days: int, useRTH: bool) -> list[TradingSession]:
        """Return the sessions of the last `days` calendar days that start before `end` (None: now), oldest first."""
        return self._of(contract).calendar.sessions(self.now if end is None else end, days, useRTH)

    def time_zone(self, contract: Contract) -> str:
        """Return the exchange's zone as TWS names it, such as US/Eastern."""
        return self._of(contract).calendar.hours.zone

    # --- market data: `contract` as resolve() returned it --------------------------------------------------------

    def quotes(self, contract: Contract, after: float, upto: float) -> list[BidAsk]:
        """Return the changes of the best bid and offer in (after, upto], oldest first."""
        return self._market.quotes(self._of(contract), after, upto)

    def trades(self, contract: Contract, after: float, upto: float) -> list[Trade]:
        """Return the prints in (after, upto], oldest first."""
        return self._market.trades(self._of(contract), after, upto)

    def snapshot(self, contract: Contract, at: float | None = None) -> Snapshot:
        """Return the quote, last trade and day's figures at `at` (None: now)."""
        return self._market.snapshot(self._of(contract), self.now if at is None else at)

    def unchanged_until(self, contract: Contract, at: float) -> float:
        """Return the time of the first quote or print after `at`: the snapshot is the same until then, unless trading
        is halted. `at` itself where the contract is closed."""
        tape = self._market.tape_at(self._of(contract), at)
        return at if tape is None else tape.unchanged_until(at)

    @property
    def has_halted(self) -> bool:
        """Report if trading in any instrument was ever halted."""
        return bool(self._halts)

    def depth(
        self, contract: Contract, rows: int, at: float | None = None
    ) -> tuple[list[DepthLevel], list[DepthLevel]]:
        """Return bids and offers, best first, at most `rows` of each, without clients' own orders."""
        return depth(self._market, self._of(contract), rows, self.now if at is None else at)

    def halt(self, contract: Contract, until: float) -> None:
        """Halt an instrument from now on: no quotes, no prints, no fills, tick 49 is 1, and a bulletin is sent."""
        of = self._of(contract)
        self._market.halt(of, self.now, until)
        self._exchange.lifecycle.reschedule(of, self.now)
        self._halts.append((of.symbol, of.primaryExchange, self.now, until))

    def option_computation(self, contract: Contract, at: float | None = None) -> OptionComputation:
        """Return model price and greeks of an option or future option (tickOptionComputation 13)."""
        option, at = self._of(contract), self.now if at is None else at
        under = self._market.price(self._market.underlying(option), at)
        return computation(option, at, under, self._market.option_volatility(option, at, under))

    def option_price(self, contract: Contract, volatility: float, underPrice: float) -> OptionComputation:
        """Return the answer to calculateOptionPrice (55)."""
        option = self._option(contract, volatility, underPrice)
        return computation(option, self.now, underPrice, volatility)

    def implied_volatility(self, contract: Contract, optionPrice: float, underPrice: float) -> OptionComputation:
        """Return the answer to calculateImpliedVolatility (54); impliedVol is None if no volatility gives the price."""
        option = self._option(contract, optionPrice, underPrice)
        return implied(option, self.now, optionPrice, underPrice)

    def generic_ticks(self, contract: Contract, at: float | None = None) -> dict[int, float | str | Decimal]:
        """Return the generic ticks by tick type id: 21 average volume, 23 and 24 volatilities, 49 halted …"""
        return self._generic.ticks(self._of(contract), self.now if at is None else at)

    # --- history; `end` None is now ------------------------------------------------------------------------------

    def bars(
        self, contract: Contract, end: float | None, duration: str, barSize: str, whatToShow: str, useRTH: bool
    ) -> HistoricalBars:
        """Return the bars of the span that ends at `end`, oldest first; Refusal 162 or 321 with TWS's text."""
        return at_once(self.bars_in_pieces(contract, end, duration, barSize, whatToShow, useRTH))

    def bars_in_pieces(
        self, contract: Contract, end: float | None, duration: str, barSize: str, whatToShow: str, useRTH: bool
    ) -> Pieces[HistoricalBars]:
        """Return the same bars, computed day by day: a year of ticks takes seconds to draw."""
        return bars(self._market, self._of(contract), self.now, end, duration, barSize, whatToShow, useRTH)

    def head_timestamp(self, contract: Contract, whatToShow: str, useRTH: bool) -> float:
        """Return the start of the earliest data."""
        return past.head_timestamp(self._market, self._of(contract), whatToShow, useRTH)

    def histogram(self, contract: Contract, useRTH: bool, period: str) -> list[tuple[float, Decimal]]:
        """Return price and traded size over a period such as "3 days", by price."""
        return at_once(self.histogram_in_pieces(contract, useRTH, period))

    def histogram_in_pieces(self, contract: Contract, useRTH: bool, period: str) -> Pieces[list[tuple[float, Decimal]]]:
        """Return the same histogram, computed session by session."""
        return past.histogram(self._market, self._of(contract), useRTH, period, self.now)

    def historical_trades(
        self, contract: Contract, start: float | None, end: float | None, number: int, useRTH: bool
    ) -> list[Trade]:
        """Return at most `number` prints (up to 1,000), from `start` on or up to `end`; the last second is complete."""
        of = self._of(contract)
        return past.historical(
            self._market, of, partial(self._market.trades, of), start, self._until(end), number, useRTH
        )

    def historical_quotes(
        self, contract: Contract, start: float | None, end: float | None, number: int, useRTH: bool
    ) -> list[BidAsk]:
        """Return best bids and offers as `historical_trades` does prints."""
        of = self._of(contract)
        return past.historical(
            self._market, of, partial(self._market.quotes, of), start, self._until(end), number, useRTH
        )

    def historical_midpoints(
        self, contract: Contract, start: float | None, end: float | None, number: int, useRTH: bool
    ) -> list[tuple[float, float]]:
        """Return times and midpoints as `historical_trades` does prints."""
        return past.midpoints(self.historical_quotes(contract, start, end, number, useRTH))

    def history_of(self, symbol: str) -> str:
        """Describe a symbol's daily history (recorded, close only, derived, synthetic, own) and its source."""
        return self._market.history_of(symbol)
