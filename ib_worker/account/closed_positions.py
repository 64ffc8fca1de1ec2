"""The positions that an account has closed today, out of the day's executions and their commission reports. Pure."""

from collections.abc import Collection, Iterable
from typing import NamedTuple

from bridge.text.execution_id import trade_of
from bridge.tools.types import Contract
from ib_worker.account.exchange_rates import AccountRates

COMBINATION = "BAG"  # its legs have executions of their own


class PaidExecution(NamedTuple):
    """One execution of today. `realizedPNL` is in `currency`; `reported` is false until its commission report is
    there. A report of an opening has no profit."""

    execId: str
    account: str
    modelCode: str
    contract: Contract
    reported: bool
    realizedPNL: float | None
    currency: str | None


class ClosedPosition(NamedTuple):
    """A contract that was traded today and is held no more, and its realized profit in the account's base currency;
    None where TWS has not told all of it."""

    account: str
    contract: Contract
    realizedPNL: float | None


def closed_positions(
    fills: Iterable[PaidExecution], account: str, modelCode: str, held: Collection[int], rates: AccountRates
) -> list[ClosedPosition]:
    """Return what the account has closed today, the largest profit or loss first."""
    newest = {trade_of(each.execId): each for each in sorted(fills, key=lambda each: each.execId)}
    traded: dict[int, list[PaidExecution]] = {}
    for each in newest.values():
        of_account = each.account == account and modelCode in ("", each.modelCode)
        if of_account and each.contract.secType != COMBINATION and each.contract.conId not in held:
            traded.setdefault(each.contract.conId, []).append(each)
    closed = [ClosedPosition(account, all_[0].contract, _realized(all_, rates)) for all_ in traded.values()]
    return sorted(closed, key=lambda each: -abs(each.realizedPNL or 0.0))


def _realized(fills: Iterable[PaidExecution], rates: AccountRates) -> float | None:
    total = 0.0
    for each in fills:
        rate = 1.0 if each.currency == rates.base else rates.rates.get(each.currency or "")
        if not each.reported or (each.realizedPNL is not None and rate is None):
            return None
        total += (each.realizedPNL or 0.0) * (rate or 0.0)
    return total
