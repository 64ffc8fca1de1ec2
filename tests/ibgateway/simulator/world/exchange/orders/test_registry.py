"""Orders by their ids: a client's own ids, the account's permanent ones."""

from __future__ import annotations

from ibgateway.simulator.model.orders import OpenOrder
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
