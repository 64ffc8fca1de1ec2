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
    assert (fewer["trailStopPrice"], wider["trailStopPrice"]) == pytest.approx((kept, moved))
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


async def test_a_smaller_percentage_never_shows_the_stop_of_the_larger_one(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        trail = order(action="SELL", orderType="TRAIL", trailingPercent=5, totalQuantity=2)
        placed = await front.submit("place_order", key=KEY, **trail)
        (first,) = await front.ask("get_open_orders")
        nearer = await front.submit("modify_order", orderId=placed["orderId"], trailingPercent=1)
        (listed,) = await front.ask("get_open_orders")
        sim.skip(600)
        await front.submit("modify_order", orderId=placed["orderId"], totalQuantity=1)
        (later,) = await front.ask("get_open_orders")

    assert nearer["message"] == (
        "TWS has confirmed the new terms. Its stop is not known yet: TWS moves it to 1 % from the next price."
    )
    for each in (nearer, listed):
        assert (each["trailingPercent"], each["trailStopPrice"]) == (1, None)
        assert each["waitsFor"] == "a price at or below its stop (trigger method: TWS's default)"
    assert later["trailStopPrice"] > first["trailStopPrice"] * 1.02


async def test_a_larger_percentage_says_that_the_stop_stays(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        trail = order(action="SELL", orderType="TRAIL", trailingPercent=5, totalQuantity=2)
        placed = await front.submit("place_order", key=KEY, **trail)
        (first,) = await front.ask("get_open_orders")
        wider = await front.submit("modify_order", orderId=placed["orderId"], trailingPercent=8)

    assert wider["trailStopPrice"] == pytest.approx(first["trailStopPrice"], abs=0.01)
    assert wider["message"] == (
        f"TWS has confirmed the new terms. Its stop stays at {wider['trailStopPrice']} until the price is more than "
        "8 % from it."
    )


async def test_a_stop_of_which_tws_says_nothing_is_not_sent_back(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim, order_timing=OrderTiming(stop_price_wait_s=0.3)) as front:
        trail = order(action="SELL", orderType="TRAIL", auxPrice=50, totalQuantity=2)
        placed = await front.submit("place_order", key=KEY, **trail)
        sim.fault("on reqAllOpenOrders each ignore")
        refused = await front.refused_order("modify_order", orderId=placed["orderId"], totalQuantity=1)

    assert (refused.code, "this order's current stop price" in refused.message) == ("not_ready", True)
    assert frames(sim) == 1
