"""The orders that belong together, as they are shown."""

from dataclasses import replace

import pytest

from bridge.order_references import order_ref
from ibgateway.simulator.server.server import Simulator
from tests.stacks.brackets import FILLED, STOP, TARGET, bracket
from tests.stacks.other_programs import AT_HAND, change, place, scaled_out, sells
from tests.stacks.worker import SOON, order, trading
from tests.waiting import until

KEY = "a-key-of-the-caller"


@pytest.mark.trial("A10")
async def test_an_order_is_shown_with_those_that_belong_to_it(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim, order_timing=SOON) as front:
        await bracket(front, **FILLED)
        await front.submit("place_order", key="of-an-order-alone", **order())
    async with trading(redis_url, session, sim, order_timing=SOON) as front:
        by_key = await front.ask("get_order", orderKey=KEY)
        by_stop = await front.ask("get_order", orderRef=STOP)
        alone = await front.ask("get_order", orderKey="of-an-order-alone")

    refs = [order_ref(KEY), TARGET, STOP]
    assert by_key["order"]["orderRef"] == refs[0]
    for told in (by_key, by_stop):
        assert [each["orderRef"] for each in told["group"]] == refs
        assert [each["status"] for each in told["group"]] == ["Filled", "Submitted", "PreSubmitted"]
        assert not any({"contract", "account", "idempotencyKey"} & each.keys() for each in told["group"])
    assert alone["group"] == []
    own = by_stop["group"][2]
    assert own == {name: by_stop["order"][name] for name in own}
    assert set(own) == {
        "orderId", "permId", "orderRef", "action", "totalQuantity", "orderType", "status", "filled", "remaining",
    }  # fmt: skip


def asked(sim: Simulator) -> dict[int, int]:
    return {one.orderId: int(one.order.totalQuantity) for one in sim.world.open_orders(1)}


@pytest.mark.trial("A9")
async def test_exits_that_share_an_entry_out_keep_their_shares(redis_url: str, session: str, sim: Simulator) -> None:
    scaled_out(sim)
    async with trading(redis_url, session, sim, order_timing=SOON) as front:
        told = await change(front, 1, totalQuantity=20)
        odd = await front.refused_order("modify_order", orderId=1, totalQuantity=7)
        behind = await front.refused_order("modify_order", orderId=2, lmtPrice=59)

    assert asked(sim) == {1: 20, 2: 8, 3: 12, 4: 20}
    assert told["message"] == (
        "TWS has confirmed the new terms. Of the exits the target has 8, the target has 12, the stop has 20."
    )
    assert "the entry at 60 would not lie below the target at 59" in behind.message
    assert (odd.code, "no whole number" in odd.message) == ("invalid_arguments", True)


@pytest.mark.trial("A10")
async def test_a_parents_cancel_tells_what_it_took_along(redis_url: str, session: str, sim: Simulator) -> None:
    scaled_out(sim)
    async with trading(redis_url, session, sim, order_timing=SOON) as front:
        shown = await front.ask("get_order", orderId=3)
        told = await front.submit("cancel_order", orderId=1)

    assert [each["orderId"] for each in shown["group"]] == [1, 2, 3, 4]
    assert told["message"] == "Cancelled the entry, the stop and the target."
    assert (asked(sim), len(told["group"])) == ({}, 4)


@pytest.mark.trial("A10")
async def test_a_target_that_filled_in_part_is_shown_with_what_its_stop_has_left(
    redis_url: str, session: str, sim: Simulator
) -> None:
    place(sim, 1, replace(AT_HAND, orderType="MKT", lmtPrice=None, transmit=False))
    place(sim, 2, replace(sells("LMT", parentId=1, transmit=False), lmtPrice=600.0))
    place(sim, 3, sells("STP", auxPrice=20.0, parentId=1))
    async with trading(redis_url, session, sim, order_timing=SOON) as front:
        sim.fault("fill 2 4 600")
        shown = {}

        async def reduced() -> bool:
            shown.update(await front.ask("get_order", orderId=3))
            return bool(shown["order"]["remaining"] == 6)

        await until(reduced, "the stop has what the target has left")
        told = await front.submit("cancel_order", orderId=2)

    assert [(each["orderId"], each["filled"], each["remaining"]) for each in shown["group"][1:]] == [
        (2, 4, 6),
        (3, 0, 6),
    ]
    assert told["message"].startswith("Cancelled the target. The stop is still open. The position of 6 NVDA still has")
