"""Gathers what the checks of an order need beyond its own quote: rates, trading hours, and legs."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation

import ib_async

from bridge.tool import ToolError
from bridge.tools.types import Contract, ContractArguments
from ib_worker.account.exchange_rates import AccountRates, AccountRow, account_rates, quoted_rate
from ib_worker.pacing.message_pacer import Priority
from ib_worker.pre_trade.trading_hours import trading_at
from ib_worker.risk.intent import Leg, OptionTerms, Trading, Unit
from ib_worker.risk.order_prices import usable
from ib_worker.session.session import Session, utcnow
from ib_worker.tws.errors import TwsError
from ib_worker.tws.requests import CURRENT_TIME
from ib_worker.tws.values import convert, time_zones

ALL_GROUPS = "All"
RATE_TAGS = "NetLiquidation,$LEDGER:ALL"
RATES_KEPT_S = 300.0  # TWS computes account values anew every three minutes
CLOCK_KEPT_S = 60.0
RETRY_S = 10.0  # what TWS has not told is asked again after this, and holds no order up before
DETAILS_S = SUMMARY_S = 3.0  # together below the time that an order has
CLOCK_S = 1.0  # TWS ignores the question within a second of its last answer
OPTIONS = {"OPT": "STK", "FOP": "FUT"}  # and what may cover them


@dataclass(frozen=True)
class Quoted:
    """The prices of one contract as they stand."""

    bid: float | None = None
    ask: float | None = None
    last: float | None = None
    age_s: float | None = None
    close: float | None = None
    halted: bool | None = None
    late: bool = False  # delayed or frozen

    def dearest(self, secType: str) -> float | None:
        """The last close is one where nothing else is known."""
        now = [price for each in (self.bid, self.ask, self.last) if (price := usable(each, secType)) is not None]
        return max(now, key=abs) if now else usable(self.close, secType)


Look = Callable[[ib_async.Contract], Awaitable[Quoted]]


# --- contracts ---------------------------------------------------------------------------------------------------


async def details_of(session: Session, contract: ib_async.Contract) -> ib_async.ContractDetails | None:
    """Return a contract's details, which are known where it was just looked up; None where TWS does not tell them."""
    if not contract.conId:
        return None  # a combination has none of its own
    with suppress(TimeoutError, TwsError, ToolError):
        async with asyncio.timeout(DETAILS_S):
            return await session.contracts.by_conId(contract.conId, Priority.ORDERS)
    return None


def multiplier_of(contract: ib_async.Contract | Contract) -> Decimal:
    """Return what TWS tells, 0 where it tells none."""
    try:
        told = Decimal(contract.multiplier or "0")
    except InvalidOperation:
        return Decimal(0)
    return told if told.is_finite() and told > 0 else Decimal(0)


def unit_of(contract: ib_async.Contract, magnifier: int) -> Unit:
    return Unit(contract.secType, contract.symbol, contract.currency, multiplier_of(contract), magnifier)


def magnifier_of(details: ib_async.ContractDetails | None) -> int:
    """Return in how many parts of the currency prices are told; bonds' details have 0."""
    told = details.priceMagnifier if details is not None else 1
    return told if 0 < told <= 10_000 else 1


def option_of(contract: ib_async.Contract | Contract, magnifier: int = 1) -> OptionTerms | None:
    """Return the terms of an option, None for all else."""
    right = (contract.right or "")[:1]
    if contract.secType not in OPTIONS or right not in ("C", "P"):
        return None
    expiry = (contract.lastTradeDateOrContractMonth or "")[:8]
    series = expiry if contract.secType == "FOP" else ""  # a later one is on another future
    return OptionTerms(right, float(contract.strike or 0.0), expiry, multiplier_of(contract), magnifier, series)


async def legs_of(session: Session, contract: ib_async.Contract, look: Look) -> tuple[Leg, ...]:
    """Return the legs of a combination, none where one of them is not known."""
    legs = []
    for each in contract.comboLegs or [] if contract.secType == "BAG" else []:
        details = await details_of(session, ib_async.Contract(conId=each.conId))
        if details is None or details.contract is None:
            return ()
        of = details.contract
        magnifier = magnifier_of(details)
        quote = await look(of)
        ratio = each.ratio if each.action == "BUY" else -each.ratio
        legs.append(Leg(unit_of(of, magnifier), ratio, quote.dearest(of.secType), option_of(of, magnifier)))
    return tuple(legs)


# --- money -------------------------------------------------------------------------------------------------------


async def rates_for(session: Session, account: str, currencies: Iterable[str], look: Look) -> AccountRates:
    """Return the base currency and the rates of these currencies: the account's own, else of a quote at IDEALPRO.
    What is not to be had is left out."""
    known = await account_rates_of(session, account, frozenset(currencies))
    if known.base is None:
        return known
    rates = dict(known.rates)
    for currency in currencies:
        if currency != known.base and currency not in rates:
            rate = await _rate_of_pair(session, currency, known.base, look)
            rates |= {currency: rate} if rate > 0 else {}
    return AccountRates(known.base, rates)


async def account_rates_of(session: Session, account: str, currencies: frozenset[str]) -> AccountRates:
    """Return what TWS tells of the account. A base currency stays; rates are read again after a while."""
    read_at, known = session.caches.account_rates.get(account, (float("-inf"), AccountRates()))
    only_base = known.base is not None and currencies <= {known.base}
    if only_base or time.monotonic() - read_at < RATES_KEPT_S:
        return known
    with suppress(TimeoutError, TwsError, ToolError):
        async with asyncio.timeout(SUMMARY_S):
            rows = await _account_rows(session)
        for each in {row.account for row in rows}:
            session.caches.account_rates[each] = (time.monotonic(), account_rates(rows, each))
        return session.caches.account_rates.get(account, (0.0, known))[1]
    session.caches.account_rates[account] = (time.monotonic() - RATES_KEPT_S + RETRY_S, known)
    return known


async def _account_rows(session: Session) -> list[AccountRow]:
    """One summary for all orders: TWS allows two at once, and the other is the readers'."""
    rows = await session.tws.share(
        "account rates",
        lambda: session.tws.ask(
            lambda wire, reqId: wire.reqAccountSummary(reqId, ALL_GROUPS, RATE_TAGS),
            lane=Priority.ORDERS,
            cancel=lambda wire, reqId: wire.cancelAccountSummary(reqId),
            subscription=True,
        ),
    )
    return [AccountRow(*row) for row in rows]


async def _rate_of_pair(session: Session, currency: str, base: str, look: Look) -> float:
    """0 where neither the pair nor its inverse is quoted."""
    for symbol, other, inverse in ((currency, base, False), (base, currency, True)):
        pair = ContractArguments(symbol=symbol, secType="CASH", currency=other, exchange=convert.IDEALPRO)
        with suppress(TimeoutError, TwsError, ToolError):
            quote = await look(await session.contracts.contract(pair, Priority.ORDERS))
            if rate := quoted_rate(quote.bid, quote.ask, quote.last, quote.close, inverse):
                return rate
    return 0.0


# --- time --------------------------------------------------------------------------------------------------------


async def trading_of(session: Session, details: ib_async.ContractDetails | None) -> Trading | None:
    """Return whether the contract trades now, by its own hours and the gateway's clock; None where that is not known,
    or where a data farm is down: then a missing price does not mean a closed market."""
    if details is None or session.link.without_quotes or not (details.tradingHours and details.timeZoneId):
        return None
    zone = time_zones.zone(details.timeZoneId)
    if zone is None:
        return None
    return trading_at(await gateway_time(session), zone, details.tradingHours, details.liquidHours)


async def gateway_time(session: Session) -> datetime:
    """Return the time by the gateway's clock, which the trading hours are told by; by this machine's where the gateway
    does not tell it."""
    read_at, ahead_s = session.clock.last_read
    if time.monotonic() - read_at > CLOCK_KEPT_S:
        with suppress(TimeoutError, TwsError, ToolError):
            async with asyncio.timeout(CLOCK_S):  # a late answer to the question before would hold this one up
                ahead_s = await read_clock(session)
        session.clock.last_read = (time.monotonic(), ahead_s)
    return utcnow() + timedelta(seconds=ahead_s)


async def read_clock(session: Session) -> float:
    """Ask TWS for its time; return the seconds by which it is ahead of this machine's, to the second. Raise ToolError,
    ConnectionLost or TimeoutError where TWS does not tell it."""
    told = await session.tws.request_list(CURRENT_TIME, lambda wire: wire.reqCurrentTime())
    ahead_s = float(told[-1]) - utcnow().timestamp()
    session.clock.last_answer = session.clock.last_read = (time.monotonic(), ahead_s)
    return ahead_s
