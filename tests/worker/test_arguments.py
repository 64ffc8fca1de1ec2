"""Arguments that a contract or an order decides about: they mean what they say, or are refused."""

import pytest

from ibgateway.simulator.server import Simulator
from tests.worker.rig import frames, order, trading

RESTING = {"orderType": "LMT", "lmtPrice": 300}
PLACE, CANCEL = 3, 4  # message ids


@pytest.mark.trial("E7")
async def test_an_orders_key_or_permid_alone_names_it_for_a_change_and_a_cancel(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        first = await front.submit("place_order", key="first-order", **order(**RESTING))
        second = await front.submit(
            "place_order", key="second-order", **order(symbol="IBM", **RESTING | {"lmtPrice": 100})
        )

        changed = await front.submit("modify_order", orderKey="first-order", lmtPrice=301)
        by_key = await front.submit("cancel_order", orderKey="first-order")
        by_perm = await front.submit("cancel_order", permId=second["permId"])

    assert (changed["orderId"], changed["lmtPrice"]) == (first["orderId"], 301)
    assert (by_key["orderId"], by_key["status"]) == (first["orderId"], "Cancelled")
    assert (by_perm["orderId"], by_perm["status"]) == (second["orderId"], "Cancelled")


@pytest.mark.trial("E7")
async def test_several_names_of_one_order_must_agree(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        first = await front.submit("place_order", key="first-order", **order(**RESTING))
        second = await front.submit(
            "place_order", key="second-order", **order(symbol="IBM", **RESTING | {"lmtPrice": 100})
        )

        refused = [
            await front.refused_order("cancel_order", **names)
            for names in (
                {"orderId": first["orderId"], "permId": second["permId"]},
                {"orderKey": "first-order", "permId": second["permId"]},
                {"orderId": second["orderId"], "orderRef": first["orderRef"]},
            )
        ]
        cancelled = await front.submit(
            "cancel_order", orderId=first["orderId"], permId=first["permId"], orderKey="first-order"
        )

    assert {each.code for each in refused} == {"invalid_arguments"}
    assert all("it names another order" in each.message for each in refused)
    assert cancelled["status"] == "Cancelled"
    assert len(sim.journal.entries("in", CANCEL)) == 1


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


@pytest.mark.trial("D5")
async def test_a_fraction_of_a_share_is_bought_and_whole_quantities_stay_integers(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        part = await front.submit("place_order", **order(totalQuantity=0.5))
        whole = await front.submit("place_order", **order(totalQuantity=2))

    assert (part["status"], part["totalQuantity"], part["filled"]) == ("Filled", 0.5, 0.5)
    assert [type(whole[name]) for name in ("totalQuantity", "filled", "remaining")] == [int, int, int]
