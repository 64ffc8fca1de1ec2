"""The positions that TWS reports (all once, then each change), and the fills that no position shows yet."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Hashable
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal

import ib_async

from bridge.tools.account import Position
from bridge.tools.types import Contract
from ib_worker.tws.values import convert

Key = tuple[str, int]  # account and conId


@dataclass(slots=True)
class UnshownFill:
    """A fill that no position shows yet."""

    contract: Contract  # of a combination's leg only the conId is known
    quantity: Decimal  # signed: sold is below zero
    at: float  # when it was told, by a clock that nobody sets
    before: int  # the number of the next complete list: one that is asked for after the fill
    combination: Hashable = None  # the order, where the contract is a leg of it


class Positions:
    """`known` is False until TWS has told all: until then no position means nothing.

    A position carries no time, so nothing tells whether it has a fill in it. A fill is unshown until the position has
    moved by it, or until a complete list of positions has ended that was requested after the fill.
    """

    def __init__(self) -> None:
        self.known = False
        self._positions: dict[Key, Position] = {}
        self._told: set[Key] = set()  # since all were asked for
        self._lists = 0  # complete lists that were asked for
        self._fills: defaultdict[Key, list[UnshownFill]] = defaultdict(list)  # unshown, oldest first
        self.moved_by_others = 0  # times that a position moved and no fill told here says why
        self._shown = asyncio.Event()  # set, and replaced, as fills are shown
        self.fills = 0  # counted from the beginning: a list that was asked for before the latest one may lack it

    def asked(self) -> None:
        """Begin a new complete list; TWS keeps sending each change meanwhile."""
        self._told.clear()
        self._lists += 1

    def filled(self, account: str, contract: Contract, quantity: Decimal, combination: Hashable = None) -> None:
        """Add a fill: the growth of an order's filled quantity, below 0 for a sale; of a combination, one a leg."""
        self.fills += 1
        fill = UnshownFill(contract, quantity, time.monotonic(), self._lists + 1, combination)
        self._fills[account, contract.conId].append(fill)

    @property
    def any_unshown(self) -> bool:
        return bool(self._fills)

    def unshown(self, account: str, conId: int, action: str) -> Decimal:
        """Return the quantity of this side that has filled and is not in the position yet, as far as is known."""
        sign = 1 if action == "BUY" else -1
        fills = self._fills.get((account, conId), ())
        return max(sum((each.quantity * sign for each in fills if each.quantity * sign > 0), Decimal(0)), Decimal(0))

    def unshown_fills(self, account: str) -> list[UnshownFill]:
        """Return this account's fills that no position shows yet, those of one contract together, oldest first."""
        return [each for (whose, _), fills in self._fills.items() if whose == account for each in fills]

    def not_shown(self, meant: Callable[[str, Contract], bool]) -> list[tuple[str, Contract]]:
        """Return the accounts and contracts with fills that no position shows yet, of those that are meant."""
        fills = [(account, each[-1].contract) for (account, _), each in self._fills.items()]
        return [each for each in fills if meant(*each)]

    async def shown(self, meant: Callable[[str, Contract], bool], timeout_s: float) -> None:
        """Wait until the positions that are meant show every fill, at most this long."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                while self.not_shown(meant):
                    await self._shown.wait()

    def unshown_s(self, account: str, conId: int) -> float:
        """Return the seconds for which the latest fill has not been in the position."""
        fills = self._fills.get((account, conId), ())
        return time.monotonic() - max((each.at for each in fills), default=time.monotonic())

    def held(self, account: str, conId: int) -> Decimal:
        """Return the position as last reported, 0 where there is none."""
        found = self._positions.get((account, conId))
        return Decimal(0) if found is None else Decimal(str(found.position))

    def take(self, account: str, contract: ib_async.Contract, held: float, avgCost: float) -> None:
        key = (account, contract.conId)
        self._told.add(key)
        self._shows(key, Decimal(str(held)) - self.held(*key))
        if held == 0:
            self._positions.pop(key, None)
        else:
            self._positions[key] = convert.position(account, contract, held, avgCost)

    def ended(self) -> None:
        """End a complete list: a position that is not in it was closed, and the message of that was lost."""
        for key in self._positions.keys() - self._told:
            del self._positions[key]
        for key, fills in list(self._fills.items()):
            self._keep(key, [each for each in fills if each.before > self._lists])
        self.known = True

    def all(self) -> list[Position]:
        return list(self._positions.values())

    def forget(self) -> None:
        """Forget that positions are known: the connection is lost. Fills stay until the next complete list."""
        self.known = False
        self._positions.clear()

    def _shows(self, key: Key, moved: Decimal) -> None:
        """Drop the oldest fills whose sum is the position's change.

        If no sum fits, the change has another cause, such as another client's order, and no fill is dropped.
        """
        fills, total, shown = self._fills.get(key, []), Decimal(0), 0
        for count, each in enumerate(fills, 1):
            total += each.quantity
            if total == moved != 0:
                shown = count
        if shown:
            self._keep(key, fills[shown:])
        elif moved:
            self.moved_by_others += 1

    def _keep(self, key: Key, fills: list[UnshownFill]) -> None:
        if fills:
            self._fills[key] = fills
        else:
            self._fills.pop(key, None)
            self._shown.set()
            self._shown = asyncio.Event()
