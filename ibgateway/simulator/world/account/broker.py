"""All accounts: their books, what they are worth, and what an order would make of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal

from ibgateway.simulator.model.account import AccountPnL, AccountPosition, AccountValue, PortfolioItem, PositionPnL
from ibgateway.simulator.model.errors import Refusal
from ibgateway.simulator.world.account import statement
from ibgateway.simulator.world.account.allocation import BY_AMOUNT, EQUAL, METHODS, NET_LIQ, AccountShare, Group, shared
from ibgateway.simulator.world.account.ledger import Holding, Ledger
from ibgateway.simulator.world.account.margin import AccountWorth, Prices, value, worth
from ibgateway.simulator.world.instruments.directory import Directory
from ibgateway.simulator.world.instruments.instrument import Instrument
from ibgateway.simulator.world.market.market import Market

OPENING_CASH = Decimal(1_000_000)
# Held from the beginning, bought this many trading days ago. AAPL is left out, so that a first order of it shows.
OPENING_HOLDINGS = ((272093, 500), (8314, 100), (756733, 100))
BOUGHT_DAYS_AGO = 20
OPENING_FEE = Decimal(1)


class Broker:
    """Keeps the ledgers; everything is valued at the time that is given."""

    def __init__(
        self, market: Market, directory: Directory, accounts: tuple[str, ...], start: float, base: str = "USD"
    ) -> None:
        self.market = market
        self.base = base
        self._directory = directory
        self.ledgers = {account: Ledger(account, base) for account in accounts}
        self.groups: dict[str, Group] = {}  # an advisor's
        for ledger in self.ledgers.values():
            self._open(ledger, start)

    def _open(self, ledger: Ledger, start: float) -> None:
        ledger.deposit("USD", OPENING_CASH)
        for conId, quantity in OPENING_HOLDINGS:
            instrument = self._directory.get(conId)
            if instrument is not None:
                index = max(instrument.calendar.index_at(start) - BOUGHT_DAYS_AGO, self.market.first_day(instrument))
                price = instrument.price(self.market.liquid_row(instrument, index).close)
                ledger.trade(instrument, Decimal(quantity), Decimal(repr(price)), OPENING_FEE)
        self._begin_day_of(ledger, start)

    def parts(self, faGroup: str, faMethod: str, at: float) -> list[AccountShare]:
        """Share an order for a group among its accounts, by their present values."""
        group = self.groups.get(faGroup)
        method = faMethod or (group.method if group else "")
        if group is None or method not in METHODS or not set(group.amounts) <= set(self.ledgers):
            raise Refusal(321, f"Error validating request.-'bN' : cause - Invalid account group '{faGroup[:40]}'")
        if method in BY_AMOUNT:
            weights = group.amounts
        elif method == EQUAL:
            weights = dict.fromkeys(group.amounts, Decimal(1))
        else:
            worths = {account: self.worth(account, at) for account in group.amounts}
            weights = {
                account: Decimal(max(round(worth.net if method == NET_LIQ else worth.available), 0))
                for account, worth in worths.items()
            }
        found = shared(weights)
        if not found:
            raise Refusal(201, "Order rejected - reason:No account of the group can take a part of the order")
        return found

    def begin_day(self, at: float) -> None:
        """Begin a trading day: daily and realised profit start at zero."""
        for ledger in self.ledgers.values():
            self._begin_day_of(ledger, at)

    def _begin_day_of(self, ledger: Ledger, at: float) -> None:
        closes = replace(self._prices(at), of=lambda each: self.market.previous_close(each, at))
        ledger.previous_equity = worth(ledger, closes).with_loan
        ledger.begin_day(closes.of)

    # --- valuation -----------------------------------------------------------------------------------------------

    def rate(self, currency: str, at: float) -> float:
        """Return the value of one unit of a currency in the accounts' base currency."""
        return 1.0 if currency == self.base else self._in_dollars(currency, at) / self._in_dollars(self.base, at)

    def _in_dollars(self, currency: str, at: float) -> float:
        if currency == "USD":
            return 1.0
        for pair in self._directory.fixed():
            if pair.secType == "CASH" and pair.symbol == currency and pair.currency == "USD":
                return self.market.price(pair, at)
            if pair.secType == "CASH" and pair.symbol == "USD" and pair.currency == currency:
                return 1 / self.market.price(pair, at)
        raise KeyError(currency)

    def worth(self, account: str, at: float) -> AccountWorth:
        ledger = self.ledgers[account]
        unsettled = sum(float(amount) * self.rate(currency, at) for currency, amount in ledger.unsettled.items())
        found = worth(ledger, self._prices(at))
        return replace(found, unsettled=unsettled, previous=ledger.previous_equity)

    def _prices(self, at: float) -> Prices:
        return Prices(
            lambda each: self.market.price(each, at),
            lambda currency: self.rate(currency, at),
            lambda each: self._under_price(each, at),
        )

    def worth_after(self, account: str, trades: Iterable[tuple[Instrument, Decimal, float]], at: float) -> AccountWorth:
        """Return the account's worth after these trades (instrument, signed quantity, price)."""
        ledger = self.ledgers[account]
        cash = dict(ledger.cash)
        held = {each.instrument.conId: (each.instrument, each.quantity, each.basis) for each in _open_holdings(ledger)}
        for instrument, quantity, price in trades:
            amount = quantity * Decimal(repr(round(price * instrument.units, 6)))
            if instrument.secType != "FUT":
                cash[instrument.currency] = cash.get(instrument.currency, Decimal(0)) - amount
            if instrument.secType == "CASH":
                cash[instrument.symbol] = cash.get(instrument.symbol, Decimal(0)) + quantity
            before = held.get(instrument.conId, (instrument, Decimal(0), Decimal(0)))
            basis = Decimal(repr(price * instrument.units)) if not before[1] else before[2]
            held[instrument.conId] = (instrument, before[1] + quantity, basis)
        return value(cash, held.values(), self._prices(at))

    def _under_price(self, option: Instrument, at: float) -> float:
        under = self._directory.get(option.underConId)
        return self.market.price(under, at) if under is not None else 0.0

    # --- what TWS shows ------------------------------------------------------------------------------------------

    def position(self, account: str, instrument: Instrument) -> AccountPosition:
        held = self.ledgers[account].holdings.get(instrument.conId) or Holding(instrument)
        return _position(account, held)

    def positions(self, account: str | None) -> list[AccountPosition]:
        return [
            _position(name, held)
            for name, ledger in self.ledgers.items()
            if account in (None, name)
            for held in ledger.holdings.values()
            if held.quantity or held.spent or held.start_quantity
        ]

    def item(self, account: str, instrument: Instrument, at: float) -> PortfolioItem:
        held = self.ledgers[account].holdings.get(instrument.conId) or Holding(instrument)
        price = self.market.price(instrument, at)
        amount = float(held.quantity) * price * instrument.units
        return PortfolioItem(
            account=account,
            contract=instrument.contract(instrument.primaryExchange or instrument.exchanges[0]),
            position=held.quantity,
            marketPrice=price,
            marketValue=round(amount, 2),
            averageCost=round(float(held.cost), 8),
            unrealizedPNL=round(amount - float(held.quantity * held.cost), 2),
            realizedPNL=round(float(held.realized), 2),
        )

    def portfolio(self, account: str, at: float) -> list[PortfolioItem]:
        held = self.ledgers[account].holdings.values()
        return [self.item(account, each.instrument, at) for each in held if each.quantity or each.spent]

    def account_values(self, account: str, at: float) -> list[AccountValue]:
        """Return the Account Window's values, currencies included."""
        ledger = self.ledgers[account]
        return statement.window(account, self.worth(account, at), ledger.base) + self.ledger_rows(account, at)

    def ledger_rows(self, account: str, at: float) -> list[AccountValue]:
        return statement.ledger_rows(self.ledgers[account], self._prices(at))

    def known(self, account: str) -> str:
        """Return the account; Refusal 321 if there is none of this name."""
        if account not in self.ledgers:
            raise Refusal(321, f"Error validating request.-'bN' : cause - Invalid account code: {account}")
        return account

    def summary(self, group: str, tags: str, at: float) -> list[AccountValue]:
        """Return the account summary of every account; "$LEDGER" alone means the base currency's.

        A tag that is not known has no rows: ibapi's own list of all tags (AccountSummaryTags) has ReqTEquity and
        ReqTMargin, which gateways do not know.
        """
        wanted = [tag.strip() for tag in tags.split(",") if tag.strip()]
        if group not in ("", "All"):
            raise Refusal(321, f"Error validating request.-'bF' : cause - Invalid group {group[:80]}")
        rows: list[AccountValue] = []
        for account, ledger in self.ledgers.items():
            rows += statement.summary(account, self.worth(account, at), ledger.base, wanted)
            rows += self._ledger_tags(account, wanted, at)
        return rows

    def _ledger_tags(self, account: str, tags: list[str], at: float) -> list[AccountValue]:
        asked = [tag.partition(":")[2] or "BASE" for tag in tags if tag.startswith(statement.LEDGER)]
        if not asked:
            return []
        return [row for row in self.ledger_rows(account, at) if "ALL" in asked or row.currency in asked]

    # --- profit and loss -----------------------------------------------------------------------------------------

    def pnl(self, account: str, at: float) -> AccountPnL:
        """Return the Portfolio window's numbers; daily profit is against the previous close."""
        daily = unrealized = 0.0
        for held in self.ledgers[account].holdings.values():
            rate = self.rate(held.instrument.currency, at)
            one = self._daily_and_unrealized(held, at)
            daily += one[0] * rate
            unrealized += one[1] * rate
        ledger = self.ledgers[account]
        realized = sum(float(amount) * self.rate(currency, at) for currency, amount in ledger.realized.items())
        return AccountPnL(round(daily, 4), round(unrealized, 4), round(realized, 4))

    def pnl_single(self, account: str, conId: int, at: float) -> PositionPnL:
        held = self.ledgers[account].holdings.get(conId)
        if held is None:
            return PositionPnL(Decimal(0), None, None, None, None)
        daily, unrealized = self._daily_and_unrealized(held, at)
        amount = float(held.quantity) * self.market.price(held.instrument, at) * held.instrument.units
        realized = round(float(held.realized), 4)
        return PositionPnL(held.quantity, round(daily, 4), round(unrealized, 4), realized, round(amount, 4))

    def _daily_and_unrealized(self, held: Holding, at: float) -> tuple[float, float]:
        instrument = held.instrument
        price = self.market.price(instrument, at) * instrument.units
        before = held.start_price * instrument.units
        amount = float(held.quantity) * price
        daily = amount - float(held.start_quantity) * before - float(held.spent)
        return daily, amount - float(held.quantity * held.cost)


def _open_holdings(ledger: Ledger) -> list[Holding]:
    return [held for held in ledger.holdings.values() if held.quantity]


def _position(account: str, held: Holding) -> AccountPosition:
    """Return a position; TWS puts the primary exchange into its contract."""
    instrument = held.instrument
    contract = instrument.contract(instrument.primaryExchange or instrument.exchanges[0])
    return AccountPosition(account, contract, held.quantity, round(float(held.cost), 8))
