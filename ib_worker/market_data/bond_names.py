"""Bonds by the names that people give them: TWS calls a bond in positions, orders and fills by its issuer alone."""

from collections.abc import Iterable

import ib_async

from bridge.text.contract_name import bare_name, goes_by
from bridge.tools.types import Contract
from ib_worker.market_data.contracts import ContractResolver
from ib_worker.pacing.message_pacer import Priority

NONE: frozenset[int] = frozenset()


async def bonds_named(
    known: ContractResolver, symbol: str | None, contracts: Iterable[ib_async.Contract | Contract]
) -> frozenset[int]:
    """The conIds of those that have this CUSIP, or another number of a security. Raises what a contract's look-up
    raises: an empty answer would say that nothing of it is held."""
    if symbol is None:
        return NONE
    asked = {each.conId for each in contracts if each.secType == "BOND" and not goes_by(each, symbol)}
    found = {conId: await known.by_conId(conId, Priority.READS) for conId in sorted(asked)}
    return frozenset(conId for conId, details in found.items() if bare_name(symbol) in _numbers(details))


def _numbers(details: ib_async.ContractDetails) -> set[str]:
    told = [details.cusip, *(each.value for each in details.secIdList or [])]
    return {bare_name(each) for each in told if each}
