"""A change of one price of a bracket keeps its stop, its entry and its target in their order."""

import pytest

from ibgateway.simulator.server.server import Simulator
from tests.stacks.brackets import FAR, KEY, bracket, settles
from tests.stacks.worker import frames, trading


@pytest.mark.trial("A9")
async def test_a_change_keeps_a_brackets_prices_in_their_order(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        placed = await bracket(front, **FAR)
        entry, target, stop = (placed[name]["orderId"] for name in ("entry", "takeProfit", "stopLoss"))
        for change, field in (
            ({"orderId": stop, "auxPrice": 100}, "auxPrice"),  # above the entry's 60
            ({"orderId": 0, "orderKey": KEY, "auxPrice": 60}, "auxPrice"),
            ({"orderId": target, "lmtPrice": 59}, "lmtPrice"),
            ({"orderId": entry, "lmtPrice": 19}, "lmtPrice"),  # below the stop's 20
        ):
            refused = await front.refused_order("modify_order", **change)
            assert (refused.code, refused.details["fields"]) == ("invalid_arguments", [field]), change
        assert frames(sim) == 3
        moved = await front.submit("modify_order", orderId=stop, auxPrice=50)
        sim.fault(f"fill {entry} 10 60")
        await settles(front, 10)
        locked = await front.submit("modify_order", orderId=stop, auxPrice=61)  # a profit is locked in
        past = await front.refused_order("modify_order", orderId=stop, auxPrice=600)

    assert (moved["auxPrice"], locked["auxPrice"]) == (50, 61)
    assert "the stop at 600 would not lie below the target at 600" in past.message
