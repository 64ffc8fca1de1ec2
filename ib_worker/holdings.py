"""The positions as TWS tells them: all once, then each change."""

import ib_async

from bridge.account import Position
from ib_worker import convert


class Holdings:
    """`known` is False until TWS has told all: until then no position means nothing."""

    def __init__(self) -> None:
        self.known = False
        self._positions: dict[tuple[str, int], Position] = {}

    def take(self, account: str, contract: ib_async.Contract, held: float, avgCost: float) -> None:
        key = (account, contract.conId)
        if held == 0:
            self._positions.pop(key, None)
        else:
            self._positions[key] = convert.position(account, contract, held, avgCost)

    def all(self) -> list[Position]:
        return list(self._positions.values())

    def forget(self) -> None:
        """The connection is gone, and with it the news."""
        self.known = False
        self._positions.clear()
