"""Orders that belong together and were placed by another program, under this worker's client id: they are one too."""

from dataclasses import replace
from typing import Any

import pytest

from ibgateway.simulator.model.orders import OrderCondition
from ibgateway.simulator.server.server import Simulator
from tests.stacks.other_programs import AT_HAND, NVDA, change, place, scaled_out
from tests.stacks.worker import SOON, trading
from tests.waiting import until

SPELT: dict[str, Any] = {
    "openClose": "",
    "usePriceMgmtAlgo": None,
}  # ib_async spells these in every order that it sends


@pytest.mark.trial("A15")
async def test_an_exit_of_another_program_is_changed_as_it_was_asked_for(
    redis_url: str, session: str, sim: Simulator
) -> None:
    scaled_out(sim, orderType="MKT", lmtPrice=None)
    async with trading(redis_url, session, sim, order_timing=SOON) as front:
        target = await change(front, 2, lmtPrice=590)
        trail = await change(front, 4, trailingPercent=6)

    assert (target["lmtPrice"], trail["trailingPercent"]) == (590, 6)
    confirmed = "TWS has confirmed the new terms."
    stays = f"Its stop stays at {trail['trailStopPrice']} until the price is more than 6 % from it."
    assert (target["message"], trail["message"]) == (confirmed, f"{confirmed} {stays}")
    first, second = (frame.request.placed[1] for frame in sim.journal.orders())
    for each in (first, second):
        assert (each.parentId, each.ocaGroup, each.ocaType, each.clearingIntent) == (0, "", 0, "")
    assert (second.orderType, second.outsideRth, second.tif) == ("TRAIL", True, "GTC")


@pytest.mark.trial("A15")
@pytest.mark.parametrize(
    "fields",
    [
        {"ocaGroup": "mine", "ocaType": 1},
        {"conditions": (OrderCondition(1, value="500.0", conId=4815747, exch="SMART"),)},
        {"tif": "GTD", "goodTillDate": "20250620 16:00:00 US/Eastern"},
        {"goodAfterTime": "20250620 10:00:00 US/Eastern"},
        {"hidden": True, "outsideRth": True, "displaySize": 5},
        {"algoStrategy": "Adaptive", "algoParams": (("adaptivePriority", "Normal"),)},
        {"orderType": "STP LMT", "auxPrice": 61.0, "action": "SELL"},
    ],
    ids=lambda each: next(iter(each)),
)
async def test_what_another_program_asked_for_stays_in_a_change(
    redis_url: str, session: str, sim: Simulator, fields: dict[str, Any]
) -> None:
    place(sim, 1, replace(AT_HAND, **fields))
    before = sim.world.open_orders(1)[0].order
    async with trading(redis_url, session, sim, order_timing=SOON) as front:
        told = await change(front, 1, lmtPrice=58)
    after = sim.world.open_orders(1)[0].order

    assert told["message"] == "TWS has confirmed the new terms."
    same = replace(after, lmtPrice=before.lmtPrice, displaySize=after.displaySize or None, **SPELT)
    assert same == replace(before, **SPELT)


@pytest.mark.trial("A15")
async def test_what_a_person_changed_in_tws_stays_in_a_change_of_ours(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim, order_timing=SOON) as front:
        placed = await front.submit(
            "place_order", symbol="NVDA", action="BUY", totalQuantity=10, orderType="LMT", lmtPrice=60
        )
        orderId = placed["orderId"]
        await change(front, orderId, lmtPrice=61)
        by_hand = replace(sim.world.open_orders(1)[0].order, lmtPrice=62.0, hidden=True, tif="GTC")
        sim.gateway.route(sim.world.place_order(1, orderId, NVDA, by_hand))

        async def told_so() -> bool:
            return bool((await front.ask("get_order", orderId=orderId))["order"]["lmtPrice"] == 62)

        await until(told_so, "TWS has told of the change")
        told = await change(front, orderId, totalQuantity=8)

    (order,) = (one.order for one in sim.world.open_orders(1))
    assert (order.lmtPrice, int(order.totalQuantity), order.hidden, order.tif) == (62.0, 8, True, "GTC")
    assert (told["lmtPrice"], told["totalQuantity"], told["tif"]) == (62, 8, "GTC")
