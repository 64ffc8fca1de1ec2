"""Each call that cancels names the positions that have lost their last exit, or their last stop."""

from typing import Any

import pytest

from ibgateway.simulator.server.server import Simulator
from tests.stacks.brackets import FILLED, bracket, settles
from tests.stacks.worker import Caller, order, trading
from tests.waiting import until


async def stop(front: Caller, symbol: str, quantity: int, **changes: Any) -> Any:
    terms = order(symbol=symbol, action="SELL", totalQuantity=quantity, orderType="STP", auxPrice=20, tif="GTC")
    return await front.submit("place_order", **terms | changes)


@pytest.mark.parametrize("every", [False, True])
async def test_cancelling_all_names_the_positions_that_have_no_exit_any_more(
    redis_url: str, session: str, sim: Simulator, every: bool
) -> None:
    async with trading(redis_url, session, sim) as front:
        await stop(front, "IBM", 100)
        await front.submit("place_order", **order(orderType="LMT", lmtPrice=50))
        one = await front.submit("cancel_all_orders", everyClient=every)
        await bracket(front, **FILLED)
        await settles(front, 10)
        await stop(front, "IBM", 100)
        two = await front.submit("cancel_all_orders", everyClient=every)

    assert one["message"] == (
        "2 orders were open, and all of them have ended. The position of 100 IBM now has no exit order. "
        "2 other positions had none before."
    )
    assert two["message"].startswith("3 orders were open, and all of them have ended.")
    assert two["message"].endswith(
        "2 positions have lost their exit order: 10 NVDA, 100 IBM. 2 other positions had none before."
    )


async def test_positions_that_had_no_exit_before_are_counted_beside_those_that_have_lost_theirs(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        await front.submit("place_order", **order(symbol="NVDA", totalQuantity=4))
        await settles(front, 4)
        await stop(front, "IBM", 100)
        one = await front.submit("cancel_all_orders")
        await front.submit("place_order", **order(symbol="AAPL", totalQuantity=3))
        await stop(front, "IBM", 100)
        await stop(front, "NVDA", 4)
        two = await front.submit("cancel_all_orders")

    assert one["message"].endswith("The position of 100 IBM now has no exit order. 3 other positions had none before.")
    assert "2 positions have lost their exit order: " in two["message"]
    assert two["message"].endswith(". 3 other positions had none before.")


async def test_a_lone_stop_that_is_cancelled_leaves_its_position_without_an_exit(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        placed = await stop(front, "IBM", 100)
        target = await front.submit(
            "place_order", **order(symbol="IBM", action="SELL", totalQuantity=1, orderType="LMT", lmtPrice=900)
        )
        first = await front.submit("cancel_order", orderId=placed["orderId"])
        last = await front.submit("cancel_order", orderId=target["orderId"])
        entry = await front.submit("place_order", **order(symbol="IBM", orderType="LMT", lmtPrice=50))
        other = await front.submit("cancel_order", orderId=entry["orderId"])

    assert first["message"] == (
        "The order is cancelled. The position of 100 IBM still has 1 open SELL order, and none of them is a stop."
    )
    assert last["message"] == "The order is cancelled. The position of 100 IBM now has no exit order."
    assert other["message"] == "The order is cancelled."


async def test_a_stop_that_stays_is_named_as_no_loss(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        await stop(front, "IBM", 60)
        less = await stop(front, "IBM", 40)
        told = await front.submit("cancel_order", orderId=less["orderId"])

    assert told["message"] == "The order is cancelled. The position of 100 IBM still has 1 open SELL order."


async def test_an_exit_whose_cancel_is_not_confirmed_counts_as_lost(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        placed = await stop(front, "IBM", 100)
        sim.fault("on cancelOrder ignore")
        told = await front.submit("cancel_all_orders")

        async def still() -> bool:
            return [each["orderId"] for each in await front.ask("get_open_orders")] == [placed["orderId"]]

        await until(still, "the stop is open")

    assert told["message"] == (
        "1 order was open, and its end is not confirmed yet. "
        "Once the cancel is confirmed, the position of 100 IBM has no exit order. 2 other positions had none before."
    )
