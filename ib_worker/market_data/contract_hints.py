"""Hints for a contract that TWS does not find: `ContractResolver` asks TWS again with fewer arguments."""

import re
from bisect import bisect_left
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import ib_async

from bridge.text import spellings as forms
from bridge.text.contract_forms import CURRENCIES, respelled
from bridge.text.contract_name import contract_name
from bridge.text.numbers import digits
from bridge.text.security_ids import is_cusip
from bridge.tool import ToolError
from bridge.tools.types import OPTIONS, ContractArguments
from ib_worker.tws.values import convert
from ib_worker.tws.values.text import comma_list, message

Look = Callable[[ib_async.Contract], Awaitable[list[ib_async.ContractDetails]]]  # [] where TWS knows none

NEIGHBOURS = 3  # on each side of what was asked for
LISTED = 8
OTHER_TYPES = ("STK", "IND", "FUT", "CRYPTO")  # what people take for one another
FUTURE_SYMBOL = re.compile(r"([A-Z0-9]{1,4})[FGHJKMNQUVXZ][0-9]{1,2}")  # ESU5
# How other data vendors mark a listing, and how TWS names the same.
SUFFIXES = {
    "L": ("LSE", "GBP"),
    "DE": ("IBIS", "EUR"),
    "F": ("FWB", "EUR"),
    "PA": ("SBF", "EUR"),
    "AS": ("AEB", "EUR"),
    "MI": ("BVME", "EUR"),
    "MC": ("BM", "EUR"),
    "SW": ("EBS", "CHF"),
    "TO": ("TSE", "CAD"),
    "T": ("TSEJ", "JPY"),
    "HK": ("SEHK", "HKD"),
    "AX": ("ASX", "AUD"),
    "O": ("NASDAQ", "USD"),
    "OQ": ("NASDAQ", "USD"),
    "N": ("NYSE", "USD"),
}
SHARE_CLASS = re.compile(r"[A-Z]{1,6}[./-][A-Z]{1,2}")
PAIR = re.compile(r"([A-Z]{3,5})[./-]([A-Z]{3,4})")


@dataclass(frozen=True)
class Hint:
    """One hint: advice in words, and the alternatives as data."""

    text: str
    details: dict[str, Any] = field(default_factory=dict)

    def error(self, arguments: ContractArguments, code: int) -> ToolError:
        said = f"TWS knows no such contract ({_described(arguments)}). {self.text}"
        return ToolError("not_found", said, twsCode=code, **self.details)


async def hint_for(arguments: ContractArguments, look: Look) -> Hint:
    """Return the change with which TWS finds something, by the requested type."""
    if arguments.conId:
        return Hint("Check the conId: ibkr_get_contract_details with symbol and secType names it.")
    if arguments.secType == "BAG":
        return Hint(last_words(arguments))
    if arguments.secId is not None:
        return await _by_number(arguments, look) or Hint(NUMBER)
    if here := respelled(arguments.symbol):
        return Hint(f'TWS has no such spelling: give symbol "{here}".', {"symbol": here})
    if arguments.localSymbol and arguments.secType == "FUT":
        return await _family(arguments, look) or Hint(last_words(arguments))
    if arguments.localSymbol and not arguments.symbol:  # an option's begins with its root
        arguments = arguments.model_copy(update={"symbol": arguments.localSymbol.split()[0], "localSymbol": None})
    return await _by_type(arguments, look) or Hint(last_words(arguments))


async def _by_type(arguments: ContractArguments, look: Look) -> Hint | None:
    if (written := await _future_code(arguments, look)) is not None:
        return written
    if arguments.secType in OPTIONS:
        return await _option(arguments, look)
    if arguments.secType == "FUT" and arguments.lastTradeDateOrContractMonth is not None:
        found = await look(_wanted(arguments, lastTradeDateOrContractMonth=""))
        if found:
            return _expiries(arguments, found)
    if arguments.secType == "CASH" and (inverse := await _inverse(arguments, look)) is not None:
        return inverse
    elsewhere = await look(_wanted(arguments, exchange="", currency="", primaryExchange=""))
    if elsewhere:
        return _elsewhere(arguments, elsewhere)
    if arguments.secType == "STK" and (stock := await _stock(arguments, look)) is not None:
        return stock
    return None if arguments.secType == "CASH" else await _other_type(arguments, look)


async def _stock(arguments: ContractArguments, look: Look) -> Hint | None:
    dotted = arguments.symbol.replace(" ", ".")  # how TWS writes a class of shares outside the United States
    if dotted != arguments.symbol and (
        found := await look(_wanted(arguments, symbol=dotted, exchange="", currency=""))
    ):
        return _elsewhere(arguments, found)
    name, _, suffix = arguments.symbol.rpartition(".")
    blank = re.sub(r"[./-]", " ", arguments.symbol)
    if blank != arguments.symbol and await look(_wanted(arguments, symbol=blank)):
        return Hint(f'TWS writes a class of shares with a blank: give symbol "{blank}".', {"symbol": blank})
    if name and suffix in SUFFIXES:
        exchange, currency = SUFFIXES[suffix]
        return Hint(
            f"TWS has no suffixes: give symbol {name}, primaryExchange {exchange} and currency {currency}.",
            {"symbol": name, "primaryExchange": exchange, "currency": currency},
        )
    if SHARE_CLASS.fullmatch(arguments.symbol):
        return Hint(f'TWS writes a class of shares with a blank, such as "BRK B": try symbol "{blank}".')
    if pair := PAIR.fullmatch(arguments.symbol):
        return Hint(
            f"It is no pair of currencies that is known. A coin has symbol {pair[1]}, secType CRYPTO, currency "
            f"{pair[2]} and exchange PAXOS or ZEROHASH."
        )
    if is_cusip(arguments.symbol):
        return Hint(f"A CUSIP is given as secId {arguments.symbol} with secIdType CUSIP.")
    return Hint(f"If {arguments.symbol} is a conId, give it as conId.") if arguments.symbol.isdecimal() else None


async def _by_number(arguments: ContractArguments, look: Look) -> Hint | None:
    found = await look(_wanted(arguments, exchange="", currency="", primaryExchange=""))
    for secType in ("STK", "BOND"):
        if not found and secType != arguments.secType:
            found = await look(_wanted(arguments, secType=secType, exchange="", currency="", primaryExchange=""))
    return _elsewhere(arguments, found) if found else None


async def _other_type(arguments: ContractArguments, look: Look) -> Hint | None:
    for secType in OTHER_TYPES:
        if secType != arguments.secType and (
            found := await look(ib_async.Contract(symbol=arguments.symbol, secType=secType))
        ):
            return _elsewhere(arguments, found)
    return None


async def _future_code(arguments: ContractArguments, look: Look) -> Hint | None:
    """A future's localSymbol that was given as the symbol of another type, or in another currency."""
    if found := FUTURE_SYMBOL.fullmatch(arguments.symbol):
        for each in await look(ib_async.Contract(symbol=found[1], secType="FUT")):
            if each.contract is not None and each.contract.localSymbol == arguments.symbol:
                return _terms(found[1], "FUT", each.contract.lastTradeDateOrContractMonth[:8])
    return None


async def _family(arguments: ContractArguments, look: Look) -> Hint | None:
    """The listed futures of the family of a localSymbol; the family of 6EU6 is EUR, which its letters do not say."""
    root = FUTURE_SYMBOL.fullmatch(arguments.localSymbol or "")
    found = await look(ib_async.Contract(symbol=root[1], secType="FUT")) if root else []
    return _expiries(arguments, found) if found else None


def _terms(symbol: str, secType: str, expiry: str, strike: str = "", right: str = "") -> Hint:
    terms = {"symbol": symbol, "secType": secType, "lastTradeDateOrContractMonth": expiry}
    terms |= {"strike": strike, "right": right} if strike else {}
    told = ", ".join(f"{name} {value}" for name, value in terms.items())
    return Hint(f"symbol is the underlying's or the family's alone: give {told}.", dict(terms))


async def _inverse(arguments: ContractArguments, look: Look) -> Hint | None:
    if not await look(_wanted(arguments, symbol=arguments.currency, currency=arguments.symbol)):
        return None
    return Hint(
        f"TWS quotes the pair the other way round: give symbol {arguments.currency}, currency {arguments.symbol}, and "
        "the other action.",
        {"symbol": arguments.currency, "currency": arguments.symbol},
    )


async def _option(arguments: ContractArguments, look: Look) -> Hint | None:
    """By the first of its terms that the others have no contract for."""
    bounded = arguments.lastTradeDateOrContractMonth is not None
    if bounded and arguments.strike is not None and (found := await look(_wanted(arguments, strike=0.0))):
        return _strikes(arguments, found)
    exact = arguments.strike is not None and arguments.right is not None
    if exact and (found := await look(_wanted(arguments, lastTradeDateOrContractMonth=""))):
        return _expiries(arguments, found)
    month = (arguments.lastTradeDateOrContractMonth or "")[:6]
    if bounded and not exact and (found := await look(_wanted(arguments, lastTradeDateOrContractMonth=month))):
        return _expiries(arguments, found)
    if bounded and (found := await look(_wanted(arguments, exchange="", currency="", multiplier=""))):
        return _elsewhere(arguments, found)
    if arguments.secType != "OPT":
        return None
    under = await look(ib_async.Contract(symbol=arguments.symbol, secType="STK", exchange=convert.SMART))
    if not under:
        return Hint(f"There is no {arguments.symbol} either, as a stock: check the symbol of the underlying.")
    return Hint(
        f"{arguments.symbol} is known, and has no such option: ask ibkr_get_contract_details with secType OPT and a "
        "month as lastTradeDateOrContractMonth (YYYYMM) for what is listed."
    )


def _strikes(arguments: ContractArguments, found: Sequence[ib_async.ContractDetails]) -> Hint:
    contracts = [each.contract for each in found if each.contract]
    strikes = sorted({each.strike for each in contracts if arguments.right in (None, each.right[:1])})
    at = bisect_left(strikes, arguments.strike or 0)
    near = strikes[max(at - NEIGHBOURS, 0) : at + NEIGHBOURS]
    return Hint(
        f"This expiry has no strike {digits(arguments.strike or 0)}; the nearest are {', '.join(map(digits, near))}.",
        {"strikes": near},
    )


def _expiries(arguments: ContractArguments, found: Sequence[ib_async.ContractDetails]) -> Hint:
    contracts = sorted((each.contract for each in found if each.contract), key=_day)
    days = list(dict.fromkeys(_day(each) for each in contracts))
    at = bisect_left(days, arguments.lastTradeDateOrContractMonth or "")
    near = days[max(at - NEIGHBOURS, 0) : at + NEIGHBOURS]
    names = {_day(each): contract_name(each) for each in reversed(contracts)}
    told = ", ".join(f"{day} ({names[day]})" if arguments.secType == "FUT" else day for day in near)
    return Hint(f"No such expiry is listed; the nearest are {told}.", {"expiries": near})


def _day(contract: ib_async.Contract) -> str:
    return contract.lastTradeDateOrContractMonth[:8]


def _elsewhere(arguments: ContractArguments, found: Sequence[ib_async.ContractDetails]) -> Hint:
    """Return the type, exchange and currency that differ from the requested ones."""
    row = _nearest(arguments, found)
    if row is None or row.contract is None:
        return Hint(last_words(arguments))
    contract = row.contract
    exchanges = comma_list(row.validExchanges) or [contract.exchange]
    changes = {}
    if arguments.symbol and contract.symbol != arguments.symbol:
        changes["symbol"] = contract.symbol
    if contract.secType != arguments.secType:
        changes["secType"] = contract.secType
    if contract.currency != arguments.currency:
        changes["currency"] = contract.currency
    if arguments.exchange not in (convert.SMART, *exchanges):
        changes["exchange"] = exchanges[0]
    if arguments.multiplier not in (None, forms.multiplier(contract.multiplier)):
        changes["multiplier"] = contract.multiplier
    if arguments.primaryExchange is not None and contract.primaryExchange not in ("", arguments.primaryExchange):
        changes["primaryExchange"] = contract.primaryExchange
    if not changes:
        return Hint(last_words(arguments))
    if contract.secType == "FUT" and arguments.secType != "FUT":  # a secType alone is ambiguous: it has many expiries
        changes["symbol"] = contract_name(contract)
    named = {name: value for name, value in changes.items() if name != "secType" or "symbol" not in changes}
    told = " and ".join(f'{name} "{value}"' if " " in value else f"{name} {value}" for name, value in named.items())
    where = f" It trades on {', '.join(exchanges[:LISTED])}." if "exchange" in changes else ""
    return Hint(f"TWS knows {contract_name(contract)}{_long(row)}: give {told}.{where}", dict(changes))


def _nearest(
    arguments: ContractArguments, found: Sequence[ib_async.ContractDetails]
) -> ib_async.ContractDetails | None:
    """Return the first contract; of futures the one that expires next."""
    told = [(each, each.contract) for each in found if each.contract]
    if told and told[0][1].secType == "FUT" and not arguments.includeExpired:
        return min(told, key=lambda each: _day(each[1]) or "9")[0]
    return told[0][0] if told else None


def _long(row: ib_async.ContractDetails) -> str:
    name = convert.text(message(row.longName))
    return f" ({name})" if name else ""


def last_words(arguments: ContractArguments) -> str:
    if arguments.secType == "STK" and arguments.symbol in CURRENCIES:
        first = "EUR" if arguments.symbol == "USD" else arguments.symbol
        return f'{arguments.symbol} is a currency: a pair is written "{first}/USD".'
    if arguments.secType == "STK" and " " in arguments.symbol:
        return f'Check the symbol ("BRK B" has a blank). {LAST_WORDS["STK"]}'
    return LAST_WORDS.get(arguments.secType, "Check symbol, secType, exchange and currency.")


NUMBER = "Check secId and secIdType; ibkr_search_symbols finds a contract by its name."
LAST_WORDS = {
    "STK": "Look the symbol up with ibkr_search_symbols, which takes names too. Check currency and "
    "exchange; an index has a secType of its own.",
    "CASH": "A pair has its first currency as symbol and its second as currency: EUR and USD.",
    "FUT": "symbol is the product's root (ES, CL), exchange where it trades (CME, NYMEX); check currency and expiry.",
    "FOP": "symbol is the future's root (ES), exchange where it trades (CME); check expiry, strike and right.",
    "OPT": "symbol is the underlying's; check expiry, strike and right.",
    "IND": "An index needs its own symbol (SPX at CBOE, NDX at NASDAQ) and its currency.",
    "BOND": "Give the CUSIP as symbol, or the conId.",
    "CRYPTO": "symbol is the coin (BTC), currency what it is paid with (USD), exchange PAXOS or ZEROHASH.",
    "CONTFUT": "symbol is the product's root (ES), exchange where it trades (CME).",
    "BAG": "A combination has no contract of its own, and can't be ordered: order each leg on its own, the bought one "
    "first.",
}


def _wanted(arguments: ContractArguments, **changes: Any) -> ib_async.Contract:
    wanted = convert.to_tws_contract(arguments)
    for name, value in changes.items():
        setattr(wanted, name, value)
    return wanted


def _described(arguments: ContractArguments) -> str:
    if arguments.conId:
        return f"conId {arguments.conId}"
    where = f" on {arguments.exchange}" if arguments.exchange != convert.SMART else ""
    what = arguments.symbol if arguments.secType == "CASH" else contract_name(arguments)
    kind = "" if arguments.secType in what.split() else f", secType {arguments.secType}"
    return f"{what}{kind}, {arguments.currency}{where}"
