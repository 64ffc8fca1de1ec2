"""Arguments that a contract or an order decides about: they mean what they say, or are refused."""

import pytest

from ibgateway.simulator.server.server import Simulator
from tests.stacks.worker import frames, order, trading


@pytest.mark.trial("D2")
async def test_a_limit_of_0_is_judged_by_the_contract_that_the_conid_names(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        refused = await front.refused_order(**order(conId=265598, orderType="LMT", lmtPrice=0))

    assert (refused.code, "lmtPrice: must be above 0 for secType STK" in refused.message) == ("invalid_arguments", True)
    assert frames(sim) == 0


@pytest.mark.trial("D5")
async def test_a_fraction_of_a_share_is_bought_and_whole_quantities_stay_integers(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        part = await front.submit("place_order", **order(totalQuantity=0.5))
        whole = await front.submit("place_order", **order(totalQuantity=2))

    assert (part["status"], part["totalQuantity"], part["filled"]) == ("Filled", 0.5, 0.5)
    assert [type(whole[name]) for name in ("totalQuantity", "filled", "remaining")] == [int, int, int]


@pytest.mark.trial("C10")
async def test_a_bond_has_its_coupon_its_maturity_and_no_price_magnifier_of_0(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        (bond,) = await front.ask("get_contract_details", symbol="91282CHT1", secType="BOND")

    # The simulator tells clients of this version a whole coupon, as ib_async reads it; a gateway tells 3.875.
    assert (bond["cusip"], bond["coupon"], bond["maturity"]) == ("91282CHT1", 3, "20330815")
    assert bond["priceMagnifier"] is None
