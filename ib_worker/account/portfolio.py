"""An account's positions with their prices and profits, in its base currency: what TWS's messages come to. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from bridge.text.contract_name import contract_name
from bridge.tools.account import AccountUpdate, PnL, Position
from bridge.tools.portfolio import AccountTotals
from bridge.tools.types import Cell, Contract
from ib_worker.account.exchange_rates import AccountRates, AccountRow, account_rates
from ib_worker.tws.values import convert

COLUMNS = (
    "account", "name", "conId", "position", "avgPrice", "marketPrice", "currency", "marketValue", "weight",
    "unrealizedPnL", "realizedPnL", "dailyPnL", "age_s",
)  # fmt: skip
OFTEN_EQUAL = ("account", "currency", "realizedPnL", "age_s")  # told once where they are the same in all rows
SMALL_PRICE = 10.0  # below it four digits after the point are too few
CLOSE = 0.005  # of a cost: TWS rounds what it works out

Row = dict[str, Cell]


@dataclass(frozen=True)
class PricedPosition:
    """One position. Prices are in the contract's currency, amounts in the account's base currency; `rate` is one unit
    of the first in the second. None: TWS has not told it."""

    account: str
    contract: Contract
    position: float
    avgCost: float | None
    avgPrice: float | None
    rate: float | None
    marketPrice: float | None = None
    marketValue: float | None = None
    unrealizedPNL: float | None = None
    realizedPNL: float | None = None
    dailyPnL: float | None = None
    priced: datetime | None = None  # when TWS sent the price

    @property
    def size(self) -> float:
        """Return the worth of the position, long or short; its cost where no value is known."""
        if self.marketValue is not None:
            return abs(self.marketValue)
        return abs(self.position * (self.avgCost or 0.0) * (self.rate or 1.0))


@dataclass(frozen=True)
class AccountPicture:
    """One account: its base currency and rates, its main values, and what it holds."""

    account: str
    rates: AccountRates
    values: Mapping[str, float]  # by tag, in the base currency
    holdings: Sequence[PricedPosition]
    valued: datetime | None = None  # when TWS sent its net liquidation

    def totals(self, pnl: PnL, now: datetime) -> AccountTotals:
        others = {each.contract.currency or "" for each in self.holdings} - {self.rates.base}
        return AccountTotals(
            account=self.account,
            currency=self.rates.base,
            netLiquidation=cents(self.values.get("NetLiquidation")),
            cash=cents(self.values.get("TotalCashValue")),
            grossPositionValue=cents(self.values.get("GrossPositionValue")),
            dailyPnL=cents(pnl.dailyPnL),
            unrealizedPnL=cents(pnl.unrealizedPnL),
            realizedPnL=cents(pnl.realizedPnL),
            positions=len(self.holdings),
            rates={each: rate for each, rate in sorted(self.rates.rates.items()) if each in others},
            age_s=age_s(self.valued, now),
        )


def picture(
    account: str,
    rows: Iterable[AccountRow],
    held: Iterable[AccountUpdate | Position],
    valued: datetime | None = None,
) -> AccountPicture:
    """Return an account out of its values and the lines of its portfolio, or its positions without prices."""
    told = list(rows)
    rates = account_rates(told, account)
    numbers = ((each.tag, convert.number(each.value)) for each in told if each.currency == rates.base)
    values = {tag: number for tag, number in numbers if number is not None}
    return AccountPicture(account, rates, values, [_holding(each, rates) for each in held], valued)


def rate_of(contract: Contract, rates: AccountRates) -> float | None:
    if rates.base is None:
        return None
    return 1.0 if contract.currency == rates.base else rates.rates.get(contract.currency or "")


def _holding(told: AccountUpdate | Position, rates: AccountRates) -> PricedPosition:
    contract = told.contract
    assert contract is not None  # of a portfolio's line, as of a position
    assert told.position is not None
    rate = rate_of(contract, rates)
    cost = told.avgCost if isinstance(told, Position) else told.averageCost
    bare = PricedPosition(told.account, contract, told.position, cost, told.avgPrice, rate)
    if isinstance(told, Position):
        return bare
    return replace(
        bare,
        marketPrice=told.marketPrice,
        marketValue=_times(told.marketValue, rate),
        unrealizedPNL=_times(told.unrealizedPNL, rate),
        realizedPNL=_times(told.realizedPNL, rate),
        priced=told.time,
    )


def with_pnl(held: PricedPosition, figures: Sequence[float], at: datetime) -> PricedPosition:
    """Return the position with the figures of pnlSingle, which TWS works out each second. What it does not tell stays
    as the Account window had it."""
    position, daily, unrealized, realized, value = (convert.number(each) for each in figures)
    factor = factor_of(held, unrealized, value)
    if factor is None or held.rate is None:
        return held
    told = replace(held, dailyPnL=_times(daily, factor))
    if value is None or unrealized is None or position != held.position:
        return told
    price = convert.unit_price(held.contract, value * factor / held.rate / position) if position else None
    return replace(
        told,
        marketPrice=held.marketPrice if price is None else round(price, 6),
        marketValue=value * factor,
        unrealizedPNL=unrealized * factor,
        realizedPNL=_times(realized, factor),
        priced=at,
    )


def currency_of(held: Position, figures: Sequence[float], rates: AccountRates) -> str | None:
    """Return the currency that the figures of pnlSingle are in; None where it can't be told."""
    _, _, unrealized, _, value = (convert.number(each) for each in figures)
    rate = rate_of(held.contract, rates)
    priced = PricedPosition(held.account, held.contract, held.position, held.avgCost, held.avgPrice, rate)
    factor = factor_of(priced, unrealized, value)
    if factor is None:
        return None
    return rates.base if factor == 1.0 else held.contract.currency


def factor_of(held: PricedPosition, unrealized: float | None, value: float | None) -> float | None:
    """Return what turns the figures of pnlSingle into the base currency. IBKR does not say whether they are in it or in
    the contract's: value less profit is the cost, which is known in the contract's. None where neither fits."""
    if held.rate == 1.0:
        return 1.0
    if held.rate is None or unrealized is None or value is None or not held.avgCost:
        return None
    cost, told = held.position * held.avgCost, value - unrealized
    factors = {held.rate: abs(told / cost - 1), 1.0: abs(told / (cost * held.rate) - 1)} if cost else {}
    factor, off = min(factors.items(), key=lambda each: each[1], default=(None, 1.0))
    return factor if off < CLOSE else None


def row(held: PricedPosition, net: float | None, now: datetime) -> Row:
    """Return the cells of one position; `net` is its account's net liquidation."""
    weight = None  # of a debt nothing is a share, and a currency pair's value is in the cash
    if held.marketValue is not None and net is not None and net > 0 and not is_cash(held.contract):
        weight = round(held.marketValue / net * 100, 2)
    return {
        "account": held.account,
        "name": contract_name(held.contract),
        "conId": held.contract.conId,
        "position": _short(held.position),
        "avgPrice": _short(held.avgPrice, _digits(held)),
        "marketPrice": _short(held.marketPrice, 6),
        "currency": held.contract.currency,
        "marketValue": cents(held.marketValue),
        "weight": weight,
        "unrealizedPnL": cents(held.unrealizedPNL),
        "realizedPnL": cents(held.realizedPNL),
        "dailyPnL": cents(held.dailyPnL),
        "age_s": age_s(held.priced, now),
    }


def is_cash(contract: Contract) -> bool:
    """Return whether a position is one of currencies, which the account has in its cash too."""
    return contract.secType == "CASH"


def age_s(at: datetime | None, now: datetime) -> int | None:
    return None if at is None else max(round((now - at).total_seconds()), 0)


def _digits(held: PricedPosition) -> int:
    """Return the digits after the point of an average price: four of a rate of exchange would move its profit."""
    return 8 if is_cash(held.contract) or abs(held.avgPrice or 0.0) < SMALL_PRICE else 4


def same_in_all(rows: Sequence[Row]) -> Row:
    """Return the cells that are equal in all rows, of the columns where that is usual."""
    return {name: rows[0][name] for name in OFTEN_EQUAL if rows and len({each[name] for each in rows}) == 1}


def cents(amount: float | None) -> float | None:
    return _short(amount, 2)


def _short(value: float | None, digits: int = 8) -> float | None:
    """Return a number with so many digits after the point; a whole one as an integer, which has fewer tokens."""
    if value is None:
        return None
    rounded = round(value, digits)
    return int(rounded) if rounded.is_integer() else rounded


def _times(amount: float | None, rate: float | None) -> float | None:
    return None if amount is None or rate is None else amount * rate
