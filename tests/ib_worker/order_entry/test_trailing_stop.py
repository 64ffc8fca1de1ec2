"""A trailing stop that is changed keeps what it has gained."""

import pytest

from ib_worker.orders.timing import OrderTiming
from ibgateway.simulator.server.server import Simulator
from tests.stacks.worker import frames, order, trading

KEY = "a-key-of-the-caller"


async def test_a_trailing_stop_keeps_what_it_has_gained_when_the_order_is_changed(
    redis_url: str, session: str, sim: Simulator
) -> None:
    def stop() -> float:
        (open_order,) = sim.world.open_orders(1)
        assert open_order.order.trailStopPrice is not None
        return open_order.order.trailStopPrice

    async with trading(redis_url, session, sim) as front:
        trail = order(action="SELL", totalQuantity=3, orderType="TRAIL", auxPrice=50)
        placed = await front.submit("place_order", key=KEY, **trail)
        first = stop()
        sim.skip(3600)
        gained = stop()
        fewer = await front.submit("modify_order", orderId=placed["orderId"], totalQuantity=2)
        kept = stop()
        wider = await front.submit("modify_order", orderId=placed["orderId"], auxPrice=60)
        moved = stop()

    assert gained > first
    assert (fewer["totalQuantity"], kept) == (2, gained)
    assert wider["auxPrice"] == 60
    assert moved == pytest.approx(gained - 10)


async def test_an_order_that_trails_by_a_percentage_has_no_amount_to_change(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        trail = order(action="SELL", orderType="TRAIL", trailingPercent=5, totalQuantity=2)
        placed = await front.submit("place_order", key=KEY, **trail)
        refused = await front.refused_order("modify_order", orderId=placed["orderId"], auxPrice=3)
        fewer = await front.submit("modify_order", orderId=placed["orderId"], totalQuantity=1)

    assert (refused.code, "trails by a percentage" in refused.message) == ("invalid_arguments", True)
    assert (fewer["totalQuantity"], fewer["message"], frames(sim)) == (1, "TWS has confirmed the new terms.", 2)


async def test_a_stop_of_which_tws_says_nothing_is_not_sent_back(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim, order_timing=OrderTiming(stop_price_wait_s=0.3)) as front:
        trail = order(action="SELL", orderType="TRAIL", auxPrice=50, totalQuantity=2)
        placed = await front.submit("place_order", key=KEY, **trail)
        sim.fault("on reqAllOpenOrders each ignore")
        refused = await front.refused_order("modify_order", orderId=placed["orderId"], totalQuantity=1)

    assert (refused.code, "this order's current stop price" in refused.message) == ("not_ready", True)
    assert frames(sim) == 1
