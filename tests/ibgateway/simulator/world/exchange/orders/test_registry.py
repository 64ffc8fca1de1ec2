"""Orders by their ids: a client's own ids, the account's permanent ones."""

from __future__ import annotations

from decimal import Decimal

from ibgateway.simulator.model.contracts import Contract
from ibgateway.simulator.model.orders import OpenOrder, Order
from ibgateway.simulator.world.exchange.orders.registry import OrderRegistry
from ibgateway.simulator.world.exchange.orders.working_order import WorkingOrder
from ibgateway.simulator.world.world import World
from tests.stacks.ibgateway.world_and_trader import Trader

NO_TRADE = 300.0  # far below the market


def test_order_ids_are_each_clients_own_and_permanent_ids_are_not(world: World) -> None:
    permIds = set()
    for client in (0, 1, 7):
        trader = Trader(world, client)
        assert trader.place("BUY", 1, "LMT", lmtPrice=NO_TRADE) == 1
        assert world.next_order_id(client) == 2
        permIds.add(trader.of(OpenOrder)[0].permId)

    assert len(permIds) == 3


def working(clientId: int, orderId: int, permId: int, **fields: object) -> WorkingOrder:
    order = Order("BUY", Decimal(1), **fields)  # type: ignore[arg-type]
    return WorkingOrder(clientId, orderId, Contract(symbol="AAPL"), order, 0.0, permId=permId)


def test_an_order_is_found_by_its_client_and_id_also_when_it_has_ended() -> None:
    registry, order = OrderRegistry(1), working(1, 7, 9001)
    registry.add(order)
    registry.retire(order)

    assert registry.get(1, 7) is order
    assert registry.get(2, 7) is None
    assert (registry.active, registry.all) == ({}, [order])


def test_the_next_order_id_is_above_every_one_that_was_used() -> None:
    registry = OrderRegistry(1)
    for orderId in (7, 3):
        registry.add(working(1, orderId, orderId))

    assert (registry.next_order_id(1), registry.next_order_id(2)) == (8, 1)


def test_permanent_ids_are_the_seeds_own_or_go_on_from_a_number() -> None:
    first, second = OrderRegistry(1), OrderRegistry(2)
    assert second.next_perm_id() - first.next_perm_id() == 1_000

    first.number_from(5_000)
    assert [first.next_perm_id(), first.next_perm_id()] == [5_001, 5_002]


def test_children_are_those_of_the_same_client_alone() -> None:
    registry = OrderRegistry(1)
    parent, child, stranger = working(1, 7, 1), working(1, 8, 2, parentId=7), working(2, 8, 3, parentId=7)
    for each in (parent, child, stranger):
        registry.add(each)

    assert registry.children(parent) == [child]
    assert registry.parent(child) is parent
    assert registry.parent(parent) is registry.parent(stranger) is None


def test_siblings_are_the_open_orders_of_the_same_group() -> None:
    registry = OrderRegistry(1)
    one, two, done = (working(1, orderId, orderId, ocaGroup="g") for orderId in (1, 2, 3))
    for each in (one, two, done, working(1, 4, 4, ocaGroup="other")):
        registry.add(each)
    done.status = "Filled"

    assert list(registry.siblings(one)) == [two]
