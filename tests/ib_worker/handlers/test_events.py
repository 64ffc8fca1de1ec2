"""An order's state now, in the form of its latest event."""

import asyncio

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


async def test_a_state_has_the_time_at_which_it_came(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        await front.submit("place_order", key=KEY, **order())
        placed = await front.submit("place_order", key="key-0002", **order(orderType="LMT", lmtPrice=1))
        await front.submit("cancel_order", orderId=placed["orderId"])
        fills = await front.ask("get_executions")
        await asyncio.sleep(1.5)
        filled = await front.ask("get_order_state", orderKey=KEY)
        cancelled = await front.ask("get_order_state", orderKey="key-0002")
        life = (await front.ask("get_order", orderKey="key-0002"))["events"]

    assert filled["time"] == fills[-1]["time"]
    assert cancelled["time"] == next(each["at"] for each in life if each["what"].startswith(("Cancelled", "202")))
    assert cancelled["details"]["status"] == "Cancelled"


async def test_an_end_that_a_new_worker_reads_in_a_list_has_no_time(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        await front.submit("place_order", key=KEY, **order())
        placed = await front.submit("place_order", key="key-0002", **order(orderType="LMT", lmtPrice=1))
        await front.submit("cancel_order", orderId=placed["orderId"])
        fills = await front.ask("get_executions")
    async with trading(redis_url, session, sim) as front:
        filled = await front.ask("get_order_state", orderKey=KEY)
        cancelled = await front.ask("get_order_state", orderKey="key-0002")

    assert filled["time"] == fills[-1]["time"]
    assert (cancelled["details"]["status"], cancelled["time"]) == ("Cancelled", None)


async def test_an_alert_on_an_order_that_has_ended_is_told_to_be_in_vain(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        await front.submit("place_order", key=KEY, **order())
        placed = await front.submit("place_order", key="key-0002", **order(orderType="LMT", lmtPrice=1))
        filled = [{"event": "order_filled", "orderKey": key} for key in (KEY, "key-0002")]
        before = await front.ask("create_alert", events=filled[1:])
        await front.submit("cancel_order", orderId=placed["orderId"])
        after = await front.ask("create_alert", events=filled)
        again = await front.ask("create_alert", events=filled[1:])

    vain = "order_filled of key-0002 cannot happen any more: the order is Cancelled. It does not fire this alert."
    assert vain not in before["message"]
    assert vain in after["message"]
    assert f"order_filled of {KEY} was so already. It does not fire this alert." in after["message"]
    assert again["message"].startswith("There already, and unchanged.")
    assert vain in again["message"]
