"""Allocation of an order to accounts: one account has all of it, unless it is for an advisor's group."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

EQUAL, NET_LIQ, AVAILABLE_EQUITY = "Equal", "NetLiq", "AvailableEquity"
BY_AMOUNT = ("Ratio", "Percent")
METHODS = (EQUAL, NET_LIQ, AVAILABLE_EQUITY, *BY_AMOUNT)


@dataclass(frozen=True)
class Group:
    """An advisor's group as it was set up; amounts are there for `Ratio` and `Percent`."""

    method: str
    amounts: dict[str, Decimal]  # by account


@dataclass
class AccountShare:
    """One account's share of an order."""

    account: str
    share: Decimal = Decimal(1)  # of the whole
    filled: Decimal = Decimal(0)
    value: Decimal = Decimal(0)  # quantity × price
    fees: Decimal = Decimal(0)

    @property
    def average(self) -> float:
        return float(self.value / self.filled) if self.filled else 0.0


def shared(weights: dict[str, Decimal]) -> list[AccountShare]:
    """Return shares in proportion to weights above zero."""
    whole = sum(weights.values(), Decimal(0))
    return [AccountShare(account, weight / whole) for account, weight in weights.items() if weight > 0]


def allot(parts: Sequence[AccountShare], size: Decimal) -> list[tuple[AccountShare, Decimal]]:
    """Allot a fill in whole units to the accounts furthest behind their share; earlier allotments stay."""
    if len(parts) == 1:
        return [(parts[0], size)]
    done = sum((part.filled for part in parts), size)
    behind = sorted(parts, key=lambda part: part.share * done - part.filled, reverse=True)
    given, left = [], size
    for part in behind:
        whole = min(max((part.share * done - part.filled) // 1, Decimal(0)), left)
        given.append(whole)
        left -= whole
    while left > 0:
        for number in range(len(given)):
            one = min(left, Decimal(1))
            given[number] += one
            left -= one
    return [(part, quantity) for part, quantity in zip(behind, given, strict=True) if quantity]
