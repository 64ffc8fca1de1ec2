"""What a change asks for once its order is known."""

import pytest

from ibgateway.simulator.server.server import Simulator
from tests.stacks.worker import frames, order, trading

RESTING = {"orderType": "LMT", "lmtPrice": 300}


@pytest.mark.trial("D2")
async def test_a_0_in_a_change_is_none_where_the_order_has_no_such_price_and_refused_where_it_has(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        placed = await front.submit("place_order", **order(**RESTING))
        sent = frames(sim)

        refused = await front.refused_order("modify_order", orderId=placed["orderId"], lmtPrice=0)
        nothing = await front.refused_order("modify_order", orderId=placed["orderId"], auxPrice=0)
        assert frames(sim) == sent
        changed = await front.submit("modify_order", orderId=placed["orderId"], auxPrice=0, lmtPrice=301, tif="gtc")

    assert (refused.code, "must be above 0 for secType STK" in refused.message) == ("invalid_arguments", True)
    assert (nothing.code, "so this changes nothing" in nothing.message) == ("invalid_arguments", True)
    assert (changed["lmtPrice"], changed["tif"]) == (301, "GTC")


@pytest.mark.trial("D2")
async def test_a_limit_of_0_is_judged_by_the_contract_that_the_conid_names(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        refused = await front.refused_order(**order(conId=265598, orderType="LMT", lmtPrice=0))

    assert (refused.code, "lmtPrice: must be above 0 for secType STK" in refused.message) == ("invalid_arguments", True)
    assert frames(sim) == 0
