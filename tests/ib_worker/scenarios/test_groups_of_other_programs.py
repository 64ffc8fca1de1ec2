"""Orders that belong together and were placed by another program, under this worker's client id: they are one too."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from ibgateway.simulator.model.contracts import Contract
from ibgateway.simulator.model.orders import Order, OrderCondition
from ibgateway.simulator.server.server import Simulator
from tests.stacks.worker import Caller, trading
from tests.waiting import until

pytestmark = pytest.mark.usefixtures("soon")

NVDA = Contract(symbol="NVDA", secType="STK", exchange="SMART", currency="USD")
AT_HAND = Order("BUY", Decimal(10), "LMT", lmtPrice=60.0, tif="GTC", account="DU1234567")


def place(sim: Simulator, orderId: int, order: Order) -> None:
    sim.world.place_order(1, orderId, NVDA, order)


def sells(orderType: str, quantity: int = 10, **fields: Any) -> Order:
    return replace(
        AT_HAND, action="SELL", orderType=orderType, totalQuantity=Decimal(quantity), lmtPrice=None, **fields
    )


def scaled_out(sim: Simulator, **entry: Any) -> None:
    """An entry with two targets that share it out and a trailing stop."""
    place(sim, 1, replace(AT_HAND, transmit=False, **entry))
    place(sim, 2, replace(sells("LMT", 4, parentId=1, transmit=False), lmtPrice=600.0))
    place(sim, 3, replace(sells("LMT", 6, parentId=1, transmit=False), lmtPrice=620.0))
    place(sim, 4, sells("TRAIL", trailingPercent=5.0, parentId=1, outsideRth=True))


def asked(sim: Simulator) -> dict[int, int]:
    return {one.orderId: int(one.order.totalQuantity) for one in sim.world.open_orders(1)}


SPELT: dict[str, Any] = {
    "openClose": "",
    "usePriceMgmtAlgo": None,
}  # ib_async spells these in every order that it sends


async def change(front: Caller, orderId: int, **changes: Any) -> Any:
    return await front.submit("modify_order", orderId=orderId, **changes)


@pytest.mark.trial("A9")
async def test_exits_that_share_an_entry_out_keep_their_shares(redis_url: str, session: str, sim: Simulator) -> None:
    scaled_out(sim)
    async with trading(redis_url, session, sim) as front:
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
    async with trading(redis_url, session, sim) as front:
        shown = await front.ask("get_order", orderId=3)
        told = await front.submit("cancel_order", orderId=1)

    assert [each["orderId"] for each in shown["group"]] == [1, 2, 3, 4]
    assert told["message"] == "Cancelled the entry, the stop and the target."
    assert (asked(sim), len(told["group"])) == ({}, 4)


@pytest.mark.trial("A15")
async def test_an_exit_of_another_program_is_changed_as_it_was_asked_for(
    redis_url: str, session: str, sim: Simulator
) -> None:
    scaled_out(sim, orderType="MKT", lmtPrice=None)
    async with trading(redis_url, session, sim) as front:
        target = await change(front, 2, lmtPrice=590)
        trail = await change(front, 4, trailingPercent=6)

    assert (target["lmtPrice"], trail["trailingPercent"]) == (590, 6)
    assert target["message"] == trail["message"] == "TWS has confirmed the new terms."
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
    async with trading(redis_url, session, sim) as front:
        told = await change(front, 1, lmtPrice=58)
    after = sim.world.open_orders(1)[0].order

    assert told["message"] == "TWS has confirmed the new terms."
    same = replace(after, lmtPrice=before.lmtPrice, displaySize=after.displaySize or None, **SPELT)
    assert same == replace(before, **SPELT)


@pytest.mark.trial("A15")
async def test_what_a_person_changed_in_tws_stays_in_a_change_of_ours(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
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


@pytest.mark.trial("A10")
async def test_a_target_that_filled_in_part_is_shown_with_what_its_stop_has_left(
    redis_url: str, session: str, sim: Simulator
) -> None:
    place(sim, 1, replace(AT_HAND, orderType="MKT", lmtPrice=None, transmit=False))
    place(sim, 2, replace(sells("LMT", parentId=1, transmit=False), lmtPrice=600.0))
    place(sim, 3, sells("STP", auxPrice=20.0, parentId=1))
    async with trading(redis_url, session, sim) as front:
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
