"""An order's state now, in the form of its latest event."""

from ibgateway.simulator.server.server import Simulator
from tests.stacks.worker import order, trading

KEY = "key-0001"


async def test_an_orders_state_is_told_as_its_latest_event(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        placed = await front.submit("place_order", key=KEY, **order())
        now = await front.ask("get_order_state", orderKey=KEY)
        same = await front.ask("get_order_state", permId=placed["permId"])

    assert (now["kind"], now["orderKey"], now["permId"], now["symbol"]) == ("order", KEY, placed["permId"], "AAPL")
    details = now["details"]
    assert (details["status"], details["done"], details["filled"]) == ("Filled", True, 1.0)
    assert same["details"] == details


async def test_an_order_that_tws_does_not_list_is_not_found(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        error = await front.refused("get_order_state", orderKey="no-such-order")

    assert error.code == "not_found"
    assert error.message.startswith("orderKey: TWS lists no such order today")
