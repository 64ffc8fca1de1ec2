"""Which order a call names: any of its names will do, and several must agree."""

import pytest

from ibgateway.simulator.server.server import Simulator
from tests.stacks.worker import order, trading

RESTING = {"orderType": "LMT", "lmtPrice": 300}


CANCEL = 4  # message id


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
                {"orderId": first["orderId"], "permId": 5},
                {"orderId": first["orderId"], "orderKey": "no-such-order"},
            )
        ]
        cancelled = await front.submit(
            "cancel_order", orderId=first["orderId"], permId=first["permId"], orderKey="first-order"
        )

    assert {each.code for each in refused} == {"invalid_arguments"}
    assert all("it names another order" in each.message for each in refused)
    assert cancelled["status"] == "Cancelled"
    assert len(sim.journal.entries("in", CANCEL)) == 1
