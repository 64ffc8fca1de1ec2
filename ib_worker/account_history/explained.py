"""The part of a change of net liquidation that prices, rates and executions do not explain. Pure.

TWS tells no deposits. From one snapshot to the next the net liquidation changes by the positions' gains, by the rates
of other currencies, and by commissions; a deposit or a withdrawal is what is left. So are dividends, interest and fees.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from bridge.bus.history.records import AccountSnapshot, HeldPosition
from ib_worker.account_history.dealings import Dealing

PAIR = "CASH"  # a currency pair's trade moves cash in two currencies, and its position has no worth of its own
PER_SHARE = frozenset({"STK", "CRYPTO", "CFD", "FUND"})
BY_MULTIPLIER = frozenset({"OPT", "FOP", "FUT", "WAR"})
SAME_QUANTITY = 1e-6
LEAST = 1.0  # in the base currency
SHARE = 0.0005  # of the net liquidation: a day's interest and the rounding of rates are less


class _Unknown(Exception):
    """Something that the sum needs was not told."""


@dataclass
class _Moved:
    """One contract between two snapshots."""

    currency: str = ""
    before: HeldPosition | None = None
    after: HeldPosition | None = None
    dealings: list[Dealing] = field(default_factory=list)


def tolerance(netLiquidation: float) -> float:
    """Return the amount from which an unexplained change counts as a deposit or a withdrawal."""
    return max(LEAST, abs(netLiquidation) * SHARE)


def unexplained(before: AccountSnapshot, after: AccountSnapshot, between: Sequence[Dealing]) -> float | None:
    """Return the unexplained change in the base currency; None where it cannot be told.

    That is where a price, a rate or a multiplier was not told, where the base currency has changed, or where a position
    moved otherwise than by its executions, as by a split, an expiry or an execution that nobody was there to record.
    """
    if before.base != after.base:
        return None
    try:
        rest = after.netLiquidation - before.netLiquidation - _of_rates(before, after)
        rest -= sum(_gain(each, after) for each in _moved(before, after, between))
        rest -= sum(_of_pair(each, after) for each in between if each.execution.secType == PAIR)
        rest += sum(each.cost * _rate(after, each.paid.currency) for each in between if each.paid and each.cost)
    except _Unknown:
        return None
    return round(rest, 2)


def _of_rates(before: AccountSnapshot, after: AccountSnapshot) -> float:
    """Return the gain of what was there in other currencies, by their rates."""
    total = 0.0
    for currency, figures in before.currencies.items():
        if currency != before.base and figures.net != 0:
            if figures.net is None:
                raise _Unknown
            total += figures.net * (_rate(after, currency) - _rate(before, currency))
    return total


def _rate(snapshot: AccountSnapshot, currency: str) -> float:
    if currency == snapshot.base:
        return 1.0
    found = snapshot.currencies.get(currency)
    if found is None or found.rate is None:
        raise _Unknown
    return found.rate


def _moved(before: AccountSnapshot, after: AccountSnapshot, between: Sequence[Dealing]) -> list[_Moved]:
    found = defaultdict[int, _Moved](_Moved)
    for held in before.positions:
        found[held.conId].before, found[held.conId].currency = held, held.currency
    for held in after.positions:
        found[held.conId].after, found[held.conId].currency = held, held.currency
    for each in between:
        found[each.execution.conId].dealings.append(each)
        found[each.execution.conId].currency = each.execution.currency
    pairs = {each.execution.conId for each in between if each.execution.secType == PAIR}
    pairs |= {held.conId for held in (*before.positions, *after.positions) if held.secType == PAIR}
    return [each for conId, each in found.items() if conId not in pairs]


def _gain(moved: _Moved, after: AccountSnapshot) -> float:
    """Return the gain of one contract: its worth now, less its worth before, less what was paid for it between."""
    traded = sum(each.quantity for each in moved.dealings)
    expected = (moved.before.position if moved.before else 0.0) + traded
    if abs(expected - (moved.after.position if moved.after else 0.0)) > SAME_QUANTITY:
        raise _Unknown
    paid = sum(each.quantity * each.execution.price for each in moved.dealings)
    if paid:
        paid *= _units(moved)
    return (_worth(moved.after) - _worth(moved.before) - paid) * _rate(after, moved.currency)


def _worth(held: HeldPosition | None) -> float:
    if held is None:
        return 0.0
    if held.value is None:
        raise _Unknown
    return held.value


def _units(moved: _Moved) -> float:
    """Return the worth of one at a price of 1: as a position shows, else by the contract's multiplier."""
    for held in (moved.after, moved.before):
        if held is not None and held.value and held.price and held.secType not in PER_SHARE | BY_MULTIPLIER:
            return held.value / (held.position * held.price)
    execution = moved.dealings[0].execution
    if execution.secType in PER_SHARE:
        return 1.0
    if execution.secType in BY_MULTIPLIER and execution.multiplier:
        return float(execution.multiplier)
    raise _Unknown


def _of_pair(dealing: Dealing, after: AccountSnapshot) -> float:
    """Return the gain of a trade of a currency pair: one currency came, the other went."""
    execution = dealing.execution
    came = _rate(after, execution.symbol)
    return dealing.quantity * (came - execution.price * _rate(after, execution.currency))
