"""An exit that is changed only closes: it grows as far as its entry, or as the position that nothing else closes."""

from functools import partial
from typing import Any

import pytest

from ibgateway.simulator.server.server import Simulator
from tests.stacks.brackets import FAR, FILLED, STOP, bracket, settles
from tests.stacks.worker import Caller, frames, order, trading
from tests.waiting import until


@pytest.mark.parametrize("terms", [FAR, FILLED], ids=["before the entry has filled", "after"])
async def test_an_exit_is_not_made_larger_than_what_it_closes(
    redis_url: str, session: str, sim: Simulator, terms: dict[str, Any]
) -> None:
    async with trading(redis_url, session, sim) as front:
        await bracket(front, **terms)
        await settles(front, 10 if terms is FILLED else 0)
        sent = frames(sim)
        error = await front.refused_order("modify_order", orderId=0, orderRef=STOP, totalQuantity=12)
        assert frames(sim) == sent
        less = await front.submit("modify_order", orderId=0, orderRef=STOP, totalQuantity=4)
        more = await front.submit("modify_order", orderId=0, orderRef=STOP, totalQuantity=9)

    what = "the position is 10" if terms is FILLED else "its entry is of 10"
    assert (error.code, error.details["closable"]) == ("not_closing", 10)
    assert error.message == (
        f"totalQuantity: the stop would open a short of 2 NVDA, since {what}. At most 10. Nothing was sent, and the "
        "order is unchanged."
    )
    assert (less["totalQuantity"], more["totalQuantity"]) == (4, 9)


async def test_an_exit_of_a_position_that_others_close_too_grows_by_what_is_left(
    redis_url: str, session: str, sim: Simulator
) -> None:
    exits: dict[str, Any] = {
        "symbol": "IBM",
        "action": "SELL",
        "takeProfitPrice": 900,
        "stopLossPrice": 20,
        "exitsOnly": True,
    }
    async with trading(redis_url, session, sim) as front:
        placed = await front.submit("place_bracket_order", totalQuantity=60, **exits)
        await front.submit(
            "place_order", **order(symbol="IBM", action="SELL", totalQuantity=30, orderType="LMT", lmtPrice=900)
        )
        stop = placed["stopLoss"]["orderId"]
        error = await front.refused_order("modify_order", orderId=stop, totalQuantity=71)
        told = await front.submit("modify_order", orderId=stop, totalQuantity=70)

    assert error.message.startswith(
        "totalQuantity: the stop would open a short of 1 IBM, since the position is 100 and other open SELL orders "
        "are for 30. At most 70."
    )
    assert told["totalQuantity"] == 70


async def test_a_lone_stop_may_open_a_position_as_a_new_one_may(redis_url: str, session: str, sim: Simulator) -> None:
    terms = order(symbol="IBM", action="SELL", totalQuantity=100, orderType="STP", auxPrice=20)
    async with trading(redis_url, session, sim) as front:
        placed = await front.submit("place_order", **terms)
        told = await front.submit("modify_order", orderId=placed["orderId"], totalQuantity=120)

    assert "Its fill sells the 100 that you hold and opens a short of 20." in told["message"]


async def test_an_exit_that_has_filled_in_part_grows_to_the_whole_position_of_a_fraction(
    redis_url: str, session: str, sim: Simulator
) -> None:
    exits: dict[str, Any] = {"symbol": "NVDA", "action": "SELL", "takeProfitPrice": 600, "stopLossPrice": 20}
    async with trading(redis_url, session, sim) as front:
        await front.submit("place_order", **order(symbol="NVDA", totalQuantity=0.8))
        placed = await front.submit("place_bracket_order", totalQuantity=0.5, exitsOnly=True, **exits)
        target = placed["takeProfit"]["orderId"]
        sim.fault(f"fill {target} 0.1 600")
        await until(partial(is_held, front, 0.7), "the position shows the fill")
        error = await front.refused_order("modify_order", orderId=target, totalQuantity=0.9)
        told = await front.submit("modify_order", orderId=target, totalQuantity=0.8)

    assert "At most 0.8." in error.message
    assert error.details["closable"] == 0.8
    assert told["totalQuantity"] == 0.8


async def is_held(front: Caller, quantity: float) -> bool:
    return [each["position"] for each in await front.ask("get_positions") if each["contract"]["symbol"] == "NVDA"] == [
        quantity
    ]
