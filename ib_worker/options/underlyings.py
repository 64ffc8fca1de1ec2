"""Finds the underlying that a call means, and the chain, expiry and trading class of its options."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, tzinfo
from zoneinfo import ZoneInfo

import ib_async

from bridge.text.contract_name import OPTIONS, bare_name, contract_name
from bridge.text.option_slices import TODAY
from bridge.tool import ToolError
from bridge.tools.market.options import UnderlyingArguments
from bridge.tools.types import ContractArguments
from ib_worker.market_data.contracts import named_contract, routed
from ib_worker.market_data.option_chains import ChainClass, ListedChain
from ib_worker.options import expiries
from ib_worker.session.session import Session
from ib_worker.tws.values.convert import SMART
from ib_worker.tws.values.time_zones import zone

# Indices whose options US exchanges list; no US stock has one of these symbols.
INDICES = frozenset({"SPX", "NDX", "RUT", "VIX", "XSP", "DJX", "OEX", "XEO", "MRUT", "XND"})
MONTHS = 6  # of futures, whose chains are looked at for an expiry
NAMED = 8  # expiries or classes, in an error's text
NEW_YORK = ZoneInfo("America/New_York")


@dataclass(frozen=True)
class ListedOptions:
    """The options of one underlying."""

    under: ib_async.Contract
    zone: tzinfo
    chain: ListedChain

    def today(self, session: Session) -> date:
        return expiries.today_at(session.now(), self.zone)

    def classes(self, tradingClass: str) -> list[ChainClass]:
        """Return the trading classes, or the one that is named. Raises ToolError not_found."""
        found = [each for each in self.chain.classes if tradingClass in ("", each.tradingClass)]
        if not found:
            names = ", ".join(dict.fromkeys(each.tradingClass for each in self.chain.classes[:NAMED]))
            raise ToolError(
                "not_found",
                f"tradingClass: {contract_name(self.under)} has no options of the class {tradingClass}. Use one of "
                f"{names}, or leave it out.",
            )
        return found


@dataclass(frozen=True)
class ListedExpiry:
    """One expiry (YYYYMMDD), its trading class, and the other classes that have the expiry too."""

    options: ListedOptions
    expiry: str
    of: ChainClass
    others: Sequence[ChainClass]


async def listed_options(session: Session, asked: UnderlyingArguments) -> ListedOptions:
    """Return the options of the underlying; of futures, those of the nearest month that has some. Raises ToolError
    not_found, ambiguous_contract or no_data."""
    for each in await _underlyings(session, asked):
        found = await _options_on(session, each, asked)
        if found.chain.classes:
            return found
    raise _without_options(asked)


async def listed_expiry(session: Session, asked: UnderlyingArguments, form: str) -> ListedExpiry:
    """Return the expiry that `form` means. Of futures, the nearest month decides that has the expiry. Raises ToolError
    not_found with the nearest expiries, too."""
    seen: list[tuple[ListedOptions, list[str]]] = []
    for each in await _underlyings(session, asked):
        options = await _options_on(session, each, asked)
        if not options.chain.classes:
            continue
        classes = options.classes(asked.tradingClass)
        listed = sorted({day for one in classes for day in one.expirations})
        expiry = expiries.chosen(form, listed, options.today(session))
        if expiry is not None:
            usual, *others = sorted(
                (one for one in classes if expiry in one.expirations), key=lambda one: _unusual(one, asked.symbol)
            )
            return ListedExpiry(options, expiry, usual, others)
        seen.append((options, listed))
    if not seen:
        raise _without_options(asked)
    raise _unlisted(form, seen, session)


async def _underlyings(session: Session, asked: UnderlyingArguments) -> list[ib_async.ContractDetails]:
    """Return the one underlying; of futures those of the next months, nearest first."""
    given = {name: getattr(asked, name) for name in ("secType", "currency") if name in asked.model_fields_set}
    if "secType" not in given and asked.symbol in INDICES:
        given["secType"] = "IND"
    # An option's exchange need not list its underlying.
    exchange = asked.exchange if given.get("secType") == "FUT" else SMART
    wanted = named_contract(symbol=asked.symbol, exchange=exchange, **given)
    if wanted.secType in OPTIONS:
        raise ToolError(
            "invalid_arguments",
            f"symbol: it means the option {contract_name(wanted)}. Give the underlying's alone, and expiry, strikes "
            "and right for the rest.",
        )
    if wanted.secType != "FUT" or wanted.lastTradeDateOrContractMonth or wanted.localSymbol:
        return [await session.contracts.one(wanted)]
    found = [each for each in await session.contracts.details(wanted) if each.contract]
    return sorted(found, key=_last_trade)[:MONTHS]


async def _options_on(session: Session, details: ib_async.ContractDetails, asked: UnderlyingArguments) -> ListedOptions:
    assert details.contract is not None
    where = ContractArguments(
        conId=details.contract.conId,
        symbol=details.contract.symbol,
        secType=details.contract.secType,
        currency=asked.currency,
    )
    under = routed(details, where)
    exchange = under.exchange if under.secType == "FUT" else asked.exchange
    return ListedOptions(
        under, zone(details.timeZoneId) or NEW_YORK, await session.option_chains.chain(under, exchange)
    )


def _last_trade(details: ib_async.ContractDetails) -> str:
    return details.contract.lastTradeDateOrContractMonth if details.contract else ""


def _unusual(each: ChainClass, symbol: str) -> tuple[bool, bool, str]:
    """Sort the class of the underlying's own name and the usual multiplier first: another settles otherwise (SPXW), or
    is of another size or an adjusted contract."""
    return bare_name(each.tradingClass) != bare_name(symbol), each.multiplier != "100", each.tradingClass


def _without_options(asked: UnderlyingArguments) -> ToolError:
    where = "" if asked.exchange == SMART else f" at {asked.exchange}"
    kind = f" ({asked.secType})" if "secType" in asked.model_fields_set else ""
    return ToolError(
        "not_found",
        f"TWS lists no options on {asked.symbol}{kind}{where}. Check secType (STK, IND, FUT), exchange and currency.",
    )


def _unlisted(form: str, seen: list[tuple[ListedOptions, list[str]]], session: Session) -> ToolError:
    today = seen[0][0].today(session)
    listed = [day for _, days in seen for day in days if expiries.day_of(day) >= today]
    near = expiries.nearest_to(form, sorted(set(listed)), today, NAMED)
    expired = len(form) == 8 and form.isdecimal() and expiries.day_of(form) < today
    what = f"{form} has expired" if expired else f"no options expire {'today' if form == TODAY else f'at {form}'}"
    return ToolError(
        "not_found",
        f"expiry: {what}. The nearest expiries are {', '.join(near) or 'none'}. ibkr_get_option_chain lists all.",
        expiries=near,
    )
