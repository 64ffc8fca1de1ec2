"""The orders and executions of a world, and their numbers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ibgateway.simulator.model.orders import CommissionReport, Execution
from ibgateway.simulator.world.exchange.orders.working_order import WorkingOrder

FIRST_PERM_ID = 389_000_000
CLIENT_PERM_IDS = 1_000  # between two seeds


@dataclass
class ExecutionReport:
    """An execution and its commission."""

    execution: Execution
    commission: CommissionReport | None


class OrderRegistry:
    """Every order of this world; order ids are each client's own, permanent ids are the account's."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._by_key: dict[tuple[int, int], WorkingOrder] = {}
        self._next: dict[int, int] = {}
        self._perm = FIRST_PERM_ID + (seed % 1000) * CLIENT_PERM_IDS
        self._groups: dict[str, list[WorkingOrder]] = {}
        self.all: list[WorkingOrder] = []
        self.active: dict[int, WorkingOrder] = {}  # by permId; staged orders included
        self.reports: list[ExecutionReport] = []

    def add(self, order: WorkingOrder) -> None:
        self._by_key[order.key] = order
        self.all.append(order)
        self.active[order.permId] = order
        self._next[order.clientId] = max(self.next_order_id(order.clientId), order.orderId + 1)
        if order.order.ocaGroup:
            self._groups.setdefault(order.order.ocaGroup, []).append(order)

    def next_order_id(self, clientId: int) -> int:
        return self._next.get(clientId, 1)

    def number_from(self, permId: int) -> None:
        """Count permanent ids from this number, so that no run repeats an earlier run's ids."""
        self._perm = permId

    def next_perm_id(self) -> int:
        self._perm += 1
        return self._perm

    def get(self, clientId: int, orderId: int) -> WorkingOrder | None:
        return self._by_key.get((clientId, orderId))

    def children(self, parent: WorkingOrder) -> list[WorkingOrder]:
        return [each for each in self.active.values() if self.is_child(each, parent)]

    def is_child(self, order: WorkingOrder, parent: WorkingOrder) -> bool:
        return order.clientId == parent.clientId and order.order.parentId == parent.orderId

    def parent(self, order: WorkingOrder) -> WorkingOrder | None:
        return self.get(order.clientId, order.order.parentId) if order.order.parentId else None

    def siblings(self, order: WorkingOrder) -> Iterator[WorkingOrder]:
        """Return the other open orders of the order's OCA group."""
        for each in list(self._groups.get(order.order.ocaGroup, ())):
            if each is not order and not each.done:
                yield each

    def retire(self, order: WorkingOrder) -> None:
        self.active.pop(order.permId, None)
