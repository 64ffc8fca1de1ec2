"""Finds out which contract a request means, once, and remembers it."""

import asyncio
import dataclasses
from collections.abc import Callable, Coroutine, Iterable
from contextlib import suppress
from datetime import datetime
from operator import itemgetter
from typing import Any

import ib_async
from pydantic import ValidationError

from bridge.text.contract_forms import spelled_out
from bridge.text.contract_name import bare_name, contract_name, goes_by
from bridge.tool import ToolError
from bridge.tools.types import Contract, ContractArguments
from ib_worker.market_data.contract_agreement import contradictions, require_agreement
from ib_worker.market_data.contract_hints import Hint, hint_for, last_words
from ib_worker.pacing.caller import current_caller
from ib_worker.pacing.message_pacer import Priority
from ib_worker.pacing.single_flight import SingleFlight
from ib_worker.tws.errors import TwsError, refusal
from ib_worker.tws.values import convert
from ib_worker.tws.values.text import comma_list

# Chains of these have thousands of contracts, and real gateways take minutes for one, or never end.
CHAINED = frozenset({"OPT", "FOP", "WAR"})

KEPT_S = 3600.0  # trading hours of the coming days are part of the details
KEPT = 2_000
CANDIDATES = 20  # of an ambiguous contract; an option chain has thousands
NAMED = 5  # of those, in the error's text
HINT_S = 5.0  # to find out what there is instead
LOT = 200  # contracts, which take a millisecond or two
NOT_FOUND = 200
INVALID = 321  # TWS's "Error validating request": here of the secType

Fetch = Callable[[ib_async.Contract, Priority], Coroutine[Any, Any, list[ib_async.ContractDetails]]]
Found = list[ib_async.ContractDetails]
Wanted = tuple[Any, ...]


class ContractResolver:
    """A request for a contract that is known, or being asked for, costs TWS nothing."""

    def __init__(self, fetch: Fetch, clock: Callable[[], float], idle: Callable[[], bool] = lambda: True) -> None:
        self._fetch = fetch
        self._clock = clock
        self._idle = idle  # no read waits for its turn, so that there is room for a few more
        self._known: dict[Wanted, tuple[float, Found]] = {}
        self._flights = SingleFlight()

    async def details(self, arguments: ContractArguments, lane: Priority = Priority.READS) -> Found:
        """Every contract that fits. Raises ToolError not_found, invalid_arguments, or too_large for a whole chain."""
        require_narrow(arguments)
        try:
            found = await self._looked_up(arguments, lane)
        except TwsError as refused:
            if arguments.secType == "CONTFUT" and refused.code == INVALID:
                raise _no_continuous(arguments) from refused
            if refused.code != NOT_FOUND or "ambiguous" in refused.text.lower():
                raise
            found = []
        if not found:
            raise await self._not_found(arguments)
        agreeing = await _agreeing(arguments, found)
        if not agreeing:
            require_agreement(arguments, found[0])
        return agreeing

    async def _looked_up(self, arguments: ContractArguments, lane: Priority) -> Found:
        wanted = _wanted(arguments)
        known = self._known.get(wanted)
        if known is not None and self._clock() - known[0] <= KEPT_S:
            return known[1]
        # Neither an order's lookup nor another caller's shares a flight: that may wait behind other reads.
        flight = (wanted, lane is Priority.ORDERS or current_caller())
        found = await self._flights.share(flight, lambda: self._fetch(convert.to_tws_contract(arguments), lane))
        if arguments.conId is None and arguments.exchange == convert.SMART:
            found = once_each(found)
        self._remember(wanted, found)
        return found

    async def _not_found(self, arguments: ContractArguments) -> ToolError:
        """Return the error with a hint: the type's required fields if others wait for TWS or the time is too short."""

        async def look(wanted: ib_async.Contract) -> Found:
            try:
                return await self._fetch(wanted, Priority.READS)
            except TwsError:
                return []

        hint = Hint(last_words(arguments))
        if not self._idle() and not _is_symbol_alone(arguments):
            return hint.error(arguments, NOT_FOUND)
        with suppress(TimeoutError):
            async with asyncio.timeout(HINT_S):
                if arguments.conId and arguments.exchange != convert.SMART:
                    for each in await look(ib_async.Contract(conId=arguments.conId)):
                        require_agreement(arguments, each)
                hint = await hint_for(arguments, look)
        return hint.error(arguments, NOT_FOUND)

    async def one(self, arguments: ContractArguments, lane: Priority = Priority.READS) -> ib_async.ContractDetails:
        """The one contract that fits. Raises ToolError ambiguous_contract with the candidates, too."""
        found = [each for each in await self.details(arguments, lane) if each.contract]
        same_type = [each for each in found if each.contract and each.contract.secType == arguments.secType]
        fitting = found if arguments.conId else same_type or found  # TWS adds other types to some answers
        if len(fitting) > 1:
            raise _ambiguous(arguments, fitting)
        return fitting[0]

    async def by_conId(self, conId: int, lane: Priority = Priority.READS) -> ib_async.ContractDetails:  # noqa: N802  # TWS's name
        """The contract of an id, whatever its symbol. Raises ToolError not_found, or RequestRefused."""
        wanted: Wanted = (conId,)
        known = self._known.get(wanted)
        if known is not None and self._clock() - known[0] <= KEPT_S:
            return known[1][0]
        flight = (wanted, lane is Priority.ORDERS or current_caller())
        found = await self._flights.share(flight, lambda: self._fetch(ib_async.Contract(conId=conId), lane))
        if not found:
            raise refusal(NOT_FOUND, "")
        self._remember(wanted, found[:1])
        one: ib_async.ContractDetails = found[0]
        return one

    async def contract(self, arguments: ContractArguments, lane: Priority = Priority.READS) -> ib_async.Contract:
        """The one contract, routed as asked."""
        return routed(await self.one(arguments, lane), arguments)

    async def close(self) -> None:
        await self._flights.close()

    def _remember(self, wanted: Wanted, found: Found) -> None:
        self._known.pop(wanted, None)
        self._known[wanted] = (self._clock(), found)
        if len(found) == 1 and found[0].contract is not None:
            self._known[(found[0].contract.conId,)] = self._known[wanted]
        while len(self._known) > KEPT:
            del self._known[next(iter(self._known))]


def named_contract(**given: Any) -> ContractArguments:
    """Return the arguments of a contract that another tool's arguments name. Raises ToolError invalid_arguments for a
    symbol with two meanings, or one that contradicts the rest."""
    try:
        return ContractArguments(**given)
    except ValidationError as wrong:
        raise ToolError("invalid_arguments", wrong.errors()[0]["msg"].removeprefix("Value error, ")) from None


def _wanted(arguments: ContractArguments) -> Wanted:
    return tuple(getattr(arguments, name) for name in ContractArguments.model_fields)


def routed(found: ib_async.ContractDetails, arguments: ContractArguments) -> ib_async.Contract:
    """The contract with the exchange that its orders and quotes go to."""
    assert found.contract is not None  # `one` has looked
    smart = arguments.exchange == convert.SMART and convert.SMART in comma_list(found.validExchanges)
    contract = dataclasses.replace(found.contract, exchange=convert.SMART) if smart else found.contract
    return dataclasses.replace(contract, includeExpired=True) if arguments.includeExpired else contract


async def one_of_symbol(
    known: ContractResolver, arguments: ContractArguments, now: datetime
) -> ib_async.ContractDetails:
    """Return the one contract, for a read. A symbol alone that is no stock's means the index of that symbol, or its
    future that expires next: the contract's name in the answer says so. An order names its future itself. Raises what
    `one` raises."""
    try:
        return await known.one(arguments)
    except ToolError as unknown:
        meant = await _meant(known, arguments, unknown, now)
        if meant is None:
            raise
        return meant


async def details_of_symbol(known: ContractResolver, arguments: ContractArguments, now: datetime) -> Found:
    """Return every contract that fits; of a symbol alone what `one_of_symbol` does. Raises what `details` raises."""
    try:
        return await known.details(arguments)
    except ToolError as unknown:
        meant = await _meant(known, arguments, unknown, now)
        if meant is None:
            raise
        return [meant]


async def contract_of_symbol(known: ContractResolver, arguments: ContractArguments, now: datetime) -> ib_async.Contract:
    """Return the contract of `one_of_symbol`, routed as asked."""
    return routed(await one_of_symbol(known, arguments, now), arguments)


async def _meant(
    known: ContractResolver, arguments: ContractArguments, unknown: ToolError, now: datetime
) -> ib_async.ContractDetails | None:
    """Return the index, or the future, that a symbol alone means; None where it means neither."""
    secType = unknown.details.get("secType")
    if not _is_symbol_alone(arguments) or unknown.details.keys() - {"twsCode", "symbol"} != {"secType"}:
        return None
    if secType not in ("IND", "FUT"):
        return None
    named = ContractArguments(symbol=arguments.symbol, secType=secType)
    return _next_of_family(await known.details(named), f"{now:%Y%m%d}" if secType == "FUT" else "")


def _is_symbol_alone(arguments: ContractArguments) -> bool:
    """Return whether a symbol is all that is given. What it means must not depend on how busy the session is."""
    return arguments.model_fields_set & ContractArguments.model_fields.keys() == {"symbol"}


def _next_of_family(found: Found, today: str) -> ib_async.ContractDetails | None:
    """Return the contract that expires next; None where the contracts are of more than one product."""
    named = [(each.contract, each) for each in found if each.contract]
    products = {(one.exchange, one.currency, one.multiplier) for one, _ in named}
    left = [(one.lastTradeDateOrContractMonth, each) for one, each in named]
    left = [each for each in left if each[0][:8] >= today]
    return min(left, key=itemgetter(0))[1] if len(products) == 1 and left else None


def _no_continuous(arguments: ContractArguments) -> ToolError:
    symbol = arguments.symbol or "ES"
    return ToolError(
        "gateway_refused",
        f"secType: the gateway takes no CONTFUT here (error {INVALID}). Name one future by its month, such as symbol "
        f"{symbol} DEC26 without secType; ibkr_get_contract_details with secType FUT and symbol {symbol} lists them.",
        twsCode=INVALID,
    )


async def _agreeing(arguments: ContractArguments, found: Found) -> Found:
    """Those that contradict no argument; an option chain's thousands are looked at in lots, between which others have
    their turn."""
    agreeing: Found = []
    for start in range(0, len(found), LOT):
        agreeing += [each for each in found[start : start + LOT] if not contradictions(arguments, each)]
        if start + LOT < len(found):
            await asyncio.sleep(0)
    return agreeing


def once_each(found: Found) -> Found:
    """Without an exchange TWS tells a contract once for each that lists it: keep the row of its first."""
    kept: dict[int, ib_async.ContractDetails] = {}
    for each in found:
        conId = each.contract.conId if each.contract else 0
        home = each.contract is not None and each.contract.exchange in comma_list(each.validExchanges)[:1]
        if conId not in kept or home:
            kept[conId] = each
    return list(kept.values())


def _ambiguous(arguments: ContractArguments, found: Found) -> ToolError:
    contracts = sorted((each.contract for each in found if each.contract), key=_nearest_first)
    listed = contracts[:CANDIDATES]
    candidates = [convert.contract(each).model_dump(exclude_none=True) for each in listed]
    more = f", of which {CANDIDATES} are listed" if len(contracts) > CANDIDATES else ""
    next_ones = ", ".join(dict.fromkeys(_told_apart(each) for each in listed[:NAMED]))
    name = arguments.symbol or arguments.localSymbol or arguments.secId
    futures = all(each.secType == "FUT" for each in contracts)
    way = f'symbol "{contract_name(listed[0])}"' if futures else "the conId of one"
    return ToolError(
        "ambiguous_contract",
        f"{name} means {len(contracts)} contracts{more}: {next_ones}{' …' if len(contracts) > NAMED else ''}. "
        f"Retry with {way}, or narrow it down by exchange, primaryExchange, currency or expiry.",
        candidates=candidates,
    )


def _nearest_first(contract: ib_async.Contract) -> tuple[str, float, str]:
    return contract.lastTradeDateOrContractMonth[:8], contract.strike, contract.right


def _told_apart(contract: ib_async.Contract) -> str:
    """Names of futures lack the day, and those of stocks the place."""
    day = contract.lastTradeDateOrContractMonth[:8] if contract.secType == "FUT" else ""
    where = contract.primaryExchange or contract.exchange
    return f"{contract_name(contract)} ({day or f'{where} {contract.currency}'})"


def require_narrow(arguments: ContractArguments) -> None:
    """Refuse a whole chain before TWS is asked for it. Raises ToolError too_large."""
    names = (arguments.conId, arguments.lastTradeDateOrContractMonth, arguments.localSymbol, arguments.secId)
    exact = any(each is not None for each in names)
    if arguments.secType in CHAINED and not exact and (arguments.right is None or arguments.strike is None):
        raise ToolError(
            "too_large",
            f"lastTradeDateOrContractMonth: all {arguments.secType} contracts of {arguments.symbol} are too many "
            "for one answer (thousands). Give "
            "lastTradeDateOrContractMonth (YYYYMM or YYYYMMDD), or right and strike, or conId. The details "
            f"of {arguments.symbol} itself (secType STK, FUT or IND) are not limited.",
        )


async def named_by_number(
    known: ContractResolver, symbol: str | None, contracts: Iterable[ib_async.Contract | Contract]
) -> frozenset[int]:
    """Return the conIds of the contracts that have this ISIN, and of bonds that have this CUSIP. Raises what a look-up
    does: an empty answer would say that nothing of it is held. Raises ToolError invalid_arguments for a symbol with two
    meanings."""
    if symbol is None:
        return frozenset()
    try:
        by_isin = "secId" in spelled_out({"symbol": symbol})
    except ValueError as wrong:
        raise ToolError("invalid_arguments", str(wrong)) from None
    numbered = (each for each in contracts if each.conId and (by_isin or each.secType == "BOND"))
    asked = {each.conId for each in numbered if not goes_by(each, symbol)}
    found = {conId: await known.by_conId(conId, Priority.READS) for conId in sorted(asked)}
    return frozenset(conId for conId, details in found.items() if bare_name(symbol) in _security_numbers(details))


def _security_numbers(details: ib_async.ContractDetails) -> set[str]:
    told = [details.cusip, *(each.value for each in details.secIdList or [])]
    return {bare_name(each) for each in told if each}
