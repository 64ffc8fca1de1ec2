"""Handlers of option chains, option quotes and TWS's own calculations."""

from collections.abc import Iterable

import ib_async

from bridge.text.contract_forms import share_class
from bridge.text.contract_name import contract_name
from bridge.text.numbers import digits
from bridge.tool import ToolError
from bridge.tools.market.options import (
    CalculateImpliedVolatility,
    CalculateOptionPrice,
    GetOptionChain,
    GetOptionQuotes,
    OptionArguments,
    OptionChain,
    OptionClass,
    OptionQuotes,
    OptionValue,
)
from bridge.tools.types import Cell
from ib_worker.handlers.dispatch import handles
from ib_worker.market_data.option_chains import ChainClass
from ib_worker.market_data.quote import OptionGreeks
from ib_worker.market_data.quote_line import terms_of
from ib_worker.options import expiries
from ib_worker.options.leg_reader import OptionLeg
from ib_worker.options.option_table import failures, folded, model_price, oldest_s, row_of, significant, under_price
from ib_worker.options.selection import Selection
from ib_worker.options.strikes import ranges
from ib_worker.options.underlyings import NEW_YORK, ListedExpiry, listed_expiry, listed_options
from ib_worker.pacing.caller import current_caller
from ib_worker.session.session import Session
from ib_worker.tws.errors import TwsError
from ib_worker.tws.values.convert import EXCHANGES, SMART

MOST_CLASSES = 30  # of a chain: options on futures have one for each week
MOST_UNLISTED = 5  # strikes that are not listed, whose nearest ones are told
MOST_RANGES = 20  # of one class's strikes
NOT_FOUND = 200


@handles(GetOptionChain)
async def get_option_chain(request: GetOptionChain, session: Session) -> OptionChain:
    if request.expiry:
        listed = await listed_expiry(session, request, request.expiry)
        options, classes = listed.options, [listed.of, *listed.others]
        told = [_class(each, (listed.expiry,)) for each in classes]
    else:
        options = await listed_options(session, request)
        today = options.today(session)
        classes = options.classes(request.tradingClass)
        told = [_class(each, [d for d in each.expirations if expiries.day_of(d) >= today]) for each in classes]
    cut = len(told) > MOST_CLASSES
    return OptionChain(
        count=len(classes),
        truncated=cut,
        simulated=session.simulated,
        time=session.now().replace(microsecond=0),
        age_s=round(session.option_chains.age_s(options.chain), 1),
        underlying=contract_name(options.under),
        underConId=options.under.conId,
        classes=told[:MOST_CLASSES],
        note=f"{len(told) - MOST_CLASSES} classes are left out. Give expiry or tradingClass." if cut else None,
    )


def _class(of: ChainClass, days: Iterable[str]) -> OptionClass:
    """Return one class with its strikes as ranges; of many ranges, the middle ones."""
    parts = ranges(of.strikes)
    beside = max(len(parts) - MOST_RANGES, 0) // 2
    return OptionClass(
        tradingClass=of.tradingClass,
        multiplier=of.multiplier or None,
        exchange=of.exchange,
        expirations=list(days),
        strikes=parts[beside : beside + MOST_RANGES],
    )


@handles(GetOptionQuotes)
async def get_option_quotes(request: GetOptionQuotes, session: Session) -> OptionQuotes:
    listed = await listed_expiry(session, request, request.expiry)
    selection = Selection(session, request, listed)
    legs = await selection.legs()
    session.require_ready()  # a session that broke since then has no quotes to tell
    told = [leg for leg in legs if leg.error is None]
    same, columns, rows = folded([row_of(leg) for leg in told], _facts(listed, session))
    price = under_price(told)
    return OptionQuotes(
        count=len(rows),
        of=len(legs) + selection.cut,
        truncated=selection.cut > 0,
        simulated=session.simulated,
        time=session.now().replace(microsecond=0),
        age_s=oldest_s(told, session.now()),
        underPrice=selection.price if price is None else price,
        same=same,
        columns=columns,
        rows=rows,
        notListed=sorted(selection.unlisted),
        failed=failures(legs),
        note=_note(legs, selection),
    )


def _facts(listed: ListedExpiry, session: Session) -> dict[str, Cell]:
    """Return what is equal in all rows by itself, and other classes of the same day, which are other options."""
    days = (expiries.day_of(listed.expiry) - listed.options.today(session)).days
    facts: dict[str, Cell] = {
        "symbol": listed.options.under.symbol,
        "secType": "FOP" if listed.options.under.secType == "FUT" else "OPT",
        "expiry": listed.expiry,
        "days": days,
        "tradingClass": listed.of.tradingClass,
        "currency": listed.options.under.currency,
        "multiplier": listed.of.multiplier,
        "exchange": listed.of.exchange,
    }
    others = ", ".join(each.tradingClass for each in listed.others)
    return facts | ({"otherClasses": others} if others else {})


def _note(legs: list[OptionLeg], selection: Selection) -> str | None:
    """Say which strikes are not listed, what was cut and which greeks are missing, and what to do."""
    said = [short] if (short := selection.shortfall(legs)) else []
    for strike in sorted(selection.unlisted)[:MOST_UNLISTED]:
        near = ", ".join(map(digits, selection.near(strike)))
        said.append(f"This expiry has no strike {digits(strike)}; the nearest are {near or 'none'}.")
    if selection.cut:
        said.append(f"{selection.cut} options farthest from the money are left out: narrow strikes, or raise limit.")
    told = [leg for leg in legs if leg.error is None]
    if bare := sum(leg.values is not None and leg.values.greeks is None for leg in told):
        said.append(
            f"TWS has sent no greeks of {bare}: the account may lack the underlying's quotes, or the market is closed."
        )
    return " ".join(said) or None


@handles(CalculateOptionPrice)
async def calculate_option_price(request: CalculateOptionPrice, session: Session) -> OptionValue:
    contract = _option(request, session)
    values = (request.volatility, request.underPrice)
    return _value(request, contract, await _calculated(session, "calculateOptionPrice", contract, values), session)


@handles(CalculateImpliedVolatility)
async def calculate_implied_volatility(request: CalculateImpliedVolatility, session: Session) -> OptionValue:
    contract = _option(request, session)
    values = (request.optionPrice, request.underPrice)
    return _value(
        request, contract, await _calculated(session, "calculateImpliedVolatility", contract, values), session
    )


def _option(request: OptionArguments, session: Session) -> ib_async.Contract:
    """Return the option by its terms. Raises ToolError not_found for one that has expired."""
    day = request.lastTradeDateOrContractMonth
    if len(day) != 8:
        raise ToolError("invalid_arguments", "lastTradeDateOrContractMonth: give the day, as YYYYMMDD.")
    contract = ib_async.Contract(
        symbol=share_class(request.symbol) or request.symbol,
        secType=request.secType,
        lastTradeDateOrContractMonth=day,
        strike=request.strike,
        right=request.right,
        exchange=EXCHANGES.get(request.secType, SMART) if request.exchange == SMART else request.exchange,
        currency=request.currency,
        tradingClass=request.tradingClass,
    )
    if expiries.day_of(day) < expiries.today_at(session.now(), NEW_YORK):
        raise ToolError("not_found", f"{contract_name(contract)} has expired, so TWS computes nothing for it.")
    return contract


async def _calculated(
    session: Session, name: str, contract: ib_async.Contract, values: tuple[float, float]
) -> OptionGreeks:
    """Return TWS's answer to a calculation. Raises ToolError not_found, no_data or timeout."""
    try:
        found = await session.tws.share(
            (name, terms_of(contract), values),
            lambda: session.tws.ask(
                lambda wire, reqId: getattr(wire, name)(reqId, contract, *values, []),
                cancel=lambda wire, reqId: getattr(wire, f"cancel{name[0].upper()}{name[1:]}")(reqId),
            ),
            caller=current_caller(),
        )
    except TwsError as refused:
        if refused.code != NOT_FOUND or "ambiguous" in refused.text.lower():
            raise
        raise ToolError(
            "not_found",
            f"TWS has no {contract_name(contract)}. ibkr_get_option_chain lists the expiries and strikes.",
            twsCode=refused.code,
        ) from refused
    return OptionGreeks.of(found)


def _value(
    request: CalculateOptionPrice | CalculateImpliedVolatility,
    contract: ib_async.Contract,
    found: OptionGreeks,
    session: Session,
) -> OptionValue:
    """Return what TWS computed. Raises ToolError no_data where it computed nothing."""
    if found.impliedVol is None or found.optPrice is None:
        raise ToolError(
            "no_data",
            f"TWS computed nothing for {contract_name(contract)}: no volatility gives this price, for example where it "
            "is below the option's intrinsic value. Check the price, the strike and underPrice.",
        )
    return OptionValue(
        option=contract_name(contract),
        simulated=session.simulated,
        time=session.now().replace(microsecond=0),
        underPrice=request.underPrice,
        volatility=significant(found.impliedVol),
        optionPrice=model_price(found),
        delta=significant(found.delta),
        gamma=significant(found.gamma),
        vega=significant(found.vega),
        theta=significant(found.theta),
    )
