"""Finds out which contract a request means, once, and remembers it."""

import dataclasses
from collections.abc import Callable, Coroutine
from typing import Any

import ib_async

from bridge.tool import ToolError
from bridge.values import OnContract
from ib_worker import convert
from ib_worker.bounds import require_narrow
from ib_worker.errors import refusal
from ib_worker.fairness import current
from ib_worker.flights import Flights
from ib_worker.pacing import Lane

KEPT_S = 3600.0  # trading hours of the coming days are part of the details
KEPT = 2_000
CANDIDATES = 20  # of an ambiguous contract; an option chain has thousands
NOT_FOUND = 200

Fetch = Callable[[ib_async.Contract, Lane], Coroutine[Any, Any, list[ib_async.ContractDetails]]]
Found = list[ib_async.ContractDetails]
Wanted = tuple[Any, ...]


class Contracts:
    """A request for a contract that is known, or being asked for, costs TWS nothing."""

    def __init__(self, fetch: Fetch, clock: Callable[[], float]) -> None:
        self._fetch = fetch
        self._clock = clock
        self._known: dict[Wanted, tuple[float, Found]] = {}
        self._flights = Flights()

    async def details(self, asked: OnContract, lane: Lane = Lane.READS) -> Found:
        """Every contract that fits. Raises ToolError not_found, invalid_arguments, or too_large for a whole chain."""
        require_narrow(asked)
        wanted = _wanted(asked)
        known = self._known.get(wanted)
        if known is None or self._clock() - known[0] > KEPT_S:
            # Neither an order's lookup nor another caller's shares a flight: that may wait behind other reads.
            flight = (wanted, lane is Lane.ORDERS or current())
            found = await self._flights.share(flight, lambda: self._fetch(convert.requested(asked), lane))
            self._remember(wanted, found)
        else:
            found = known[1]
        _check(asked, found)
        return found

    async def one(self, asked: OnContract, lane: Lane = Lane.READS) -> ib_async.ContractDetails:
        """The one contract that fits. Raises ToolError ambiguous_contract with the candidates, too."""
        found = [each for each in await self.details(asked, lane) if each.contract]
        same_type = [each for each in found if each.contract and each.contract.secType == asked.secType]
        fitting = found if asked.conId else same_type or found  # TWS adds other types to some answers
        if len(fitting) > 1:
            raise _ambiguous(asked, fitting)
        return fitting[0]

    async def by_conId(self, conId: int, lane: Lane = Lane.READS) -> ib_async.ContractDetails:  # noqa: N802  # TWS's name
        """The contract of an id, whatever its symbol. Raises ToolError not_found, or RequestRefused."""
        wanted: Wanted = (conId,)
        known = self._known.get(wanted)
        if known is not None and self._clock() - known[0] <= KEPT_S:
            return known[1][0]
        flight = (wanted, lane is Lane.ORDERS or current())
        found = await self._flights.share(flight, lambda: self._fetch(ib_async.Contract(conId=conId), lane))
        if not found:
            raise refusal(NOT_FOUND, "")
        self._remember(wanted, found[:1])
        one: ib_async.ContractDetails = found[0]
        return one

    async def contract(self, asked: OnContract, lane: Lane = Lane.READS) -> ib_async.Contract:
        """The one contract, routed as asked."""
        found = await self.one(asked, lane)
        assert found.contract is not None  # `one` has looked
        smart = asked.exchange == convert.SMART and convert.SMART in convert.listed(found.validExchanges)
        return dataclasses.replace(found.contract, exchange=convert.SMART) if smart else found.contract

    async def close(self) -> None:
        await self._flights.close()

    def _remember(self, wanted: Wanted, found: Found) -> None:
        self._known.pop(wanted, None)
        self._known[wanted] = (self._clock(), found)
        if len(found) == 1 and found[0].contract is not None:
            self._known[(found[0].contract.conId,)] = self._known[wanted]
        while len(self._known) > KEPT:
            del self._known[next(iter(self._known))]


def _wanted(asked: OnContract) -> Wanted:
    return tuple(getattr(asked, name) for name in OnContract.model_fields)


def _check(asked: OnContract, found: Found) -> None:
    if not found:
        raise refusal(NOT_FOUND, "")
    symbols = {each.contract.symbol for each in found if each.contract}
    if asked.conId and asked.symbol.upper() not in {each.upper() for each in symbols}:
        raise ToolError(
            "invalid_arguments",
            f"symbol: conId {asked.conId} is {', '.join(sorted(symbols))}, not {asked.symbol}. Correct one of them.",
        )


def _ambiguous(asked: OnContract, found: Found) -> ToolError:
    listed = [each.contract for each in found[:CANDIDATES] if each.contract]
    candidates = [convert.contract(each).model_dump(exclude_none=True) for each in listed]
    more = f", of which {CANDIDATES} are listed" if len(found) > CANDIDATES else ""
    return ToolError(
        "ambiguous_contract",
        f"{asked.symbol} means {len(found)} contracts{more}. Ask again with the conId of the one you mean, or "
        "narrow it down by exchange, primaryExchange, currency or expiry.",
        candidates=candidates,
    )
