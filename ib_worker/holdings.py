"""The positions as TWS tells them: all once, then each change."""

import ib_async

from bridge.account import Position
from ib_worker import convert


class Holdings:
    """`known` is False until TWS has told all: until then no position means nothing."""

    def __init__(self) -> None:
        self.known = False
        self._positions: dict[tuple[str, int], Position] = {}
        self._told: set[tuple[str, int]] = set()  # since all were asked for

    def asked(self) -> None:
        """All are asked for anew, though TWS goes on telling each change."""
        self._told.clear()

    def take(self, account: str, contract: ib_async.Contract, held: float, avgCost: float) -> None:
        key = (account, contract.conId)
        self._told.add(key)
        if held == 0:
            self._positions.pop(key, None)
        else:
            self._positions[key] = convert.position(account, contract, held, avgCost)

    def ended(self) -> None:
        """Now all are told: what TWS has not named is held no more, as when a message of its end was lost."""
        for key in self._positions.keys() - self._told:
            del self._positions[key]
        self.known = True

    def all(self) -> list[Position]:
        return list(self._positions.values())

    def forget(self) -> None:
        """The connection is gone, and with it the news."""
        self.known = False
        self._positions.clear()
