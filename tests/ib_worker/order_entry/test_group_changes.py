"""A change of one order of a group, and those that follow it."""

from typing import Any

import pytest

from ibgateway.simulator.model.contracts import Contract
from ibgateway.simulator.server.server import Simulator
from tests.stacks.brackets import ENTRY, FILLED, STOP, TARGET, bracket, quantities
from tests.stacks.worker import trading

FAR: dict[str, Any] = {  # an entry that rests
    "symbol": "NVDA", "action": "BUY", "totalQuantity": 10, "lmtPrice": 60, "takeProfitPrice": 600, "stopLossPrice": 20,
}  # fmt: skip
KEY = "a-key-of-the-caller"
PLACE, CANCEL = 3, 4  # message ids


@pytest.mark.trial("A9")
@pytest.mark.parametrize("restarted", [False, True], ids=["by the same worker", "after a restart"])
@pytest.mark.parametrize("quantity", [20, 4])
async def test_a_brackets_exits_follow_the_quantity_of_its_entry(
    redis_url: str, session: str, sim: Simulator, quantity: int, restarted: bool
) -> None:
    async with trading(redis_url, session, sim) as front:
        placed = await bracket(front, **FAR)
        entry = placed["entry"]["orderId"]
        if not restarted:
            told = await front.submit("modify_order", orderId=entry, totalQuantity=quantity)
    if restarted:
        async with trading(redis_url, session, sim) as front:
            told = await front.submit("modify_order", orderId=entry, totalQuantity=quantity)

    assert set(quantities(sim).values()) == {quantity}
    assert told["message"] == f"TWS has confirmed the new terms. The stop and the target have {quantity} too."
    assert {each["totalQuantity"] for each in told["group"]} == {quantity}
    assert len(sim.journal.entries("in", PLACE)) == 6


@pytest.mark.trial("A9")
async def test_exits_are_left_as_they_are_where_tws_refuses_their_entrys_change(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        await bracket(front, **FAR)
        sim.fault('on order answer 201 "Order rejected - reason:margin"')
        told = await front.submit("modify_order", orderId=0, orderRef=ENTRY, totalQuantity=20)

    assert set(quantities(sim).values()) == {10}
    assert "The stop and the target still have 10, the entry 10" in told["message"]
    assert "TWS rejected the change (error 201)" in told["message"]


@pytest.mark.trial("A9")
async def test_an_exit_that_could_not_follow_is_said_first_and_follows_when_asked_again(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        await bracket(front, **FAR)
        sim.fault('on order 3 answer 201 "Order rejected - reason:margin"')
        told = await front.submit("modify_order", orderId=0, orderRef=ENTRY, totalQuantity=20)
        halfway = sorted(quantities(sim).values())
        again = await front.submit("modify_order", orderId=0, orderRef=ENTRY, totalQuantity=20)

    assert halfway == [10, 20, 20]
    assert told["message"].startswith("The stop still has 10, the entry 20: TWS rejected the change (error 201)")
    assert "The stop has 20 too." in again["message"]
    assert set(quantities(sim).values()) == {20}


@pytest.mark.trial("A9")
async def test_a_change_that_fills_the_entry_at_once_takes_its_exits_along(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        await bracket(front, **FAR)
        told = await front.submit(
            "modify_order", orderId=0, orderRef=ENTRY, totalQuantity=15, lmtPrice=float(round(price(sim) * 1.02))
        )

    assert told["status"] == "Filled"
    assert list(quantities(sim).values()) == [15, 15]


def price(sim: Simulator) -> float:
    """What NVDA is offered at."""
    nvda = sim.world.resolve(Contract(symbol="NVDA", secType="STK", exchange="SMART", currency="USD"))
    return sim.world.depth(nvda, 1)[1][0].price


async def test_a_price_or_a_quantity_by_a_brackets_key_moves_nothing_while_several_of_its_orders_have_one(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        await bracket(front, **FAR)
        sent = len(sim.journal.entries("in", PLACE))
        price = await front.refused_order("modify_order", orderId=0, orderKey=KEY, lmtPrice=500)
        size = await front.refused_order("modify_order", orderId=0, orderKey=KEY, totalQuantity=5)
        assert len(sim.journal.entries("in", PLACE)) == sent
        stop = await front.submit("modify_order", orderId=0, orderKey=KEY, auxPrice=25)
        lasts = await front.submit("modify_order", orderId=0, orderKey=KEY, tif="GTC")

    entry, target = f"the entry (orderRef {ENTRY}, BUY 10 LMT 60)", f"the target (orderRef {TARGET}, SELL 10 LMT 600)"
    assert (price.code, size.code) == ("invalid_arguments", "invalid_arguments")
    assert price.message == (
        f"lmtPrice: {entry} and {target} of this bracket each have one, and orderKey names them all. Name the order by "
        "its own orderRef. Nothing was sent."
    )
    assert f"{entry}, {target} and the stop (orderRef {STOP}, SELL 10 STP 20)" in size.message
    assert (stop["orderRef"], stop["auxPrice"]) == (STOP, 25)
    assert (lasts["orderRef"], lasts["tif"]) == (ENTRY, "GTC")


@pytest.mark.trial("A9", "A15")
async def test_a_change_by_a_brackets_key_is_about_the_entry_until_that_is_done_and_the_stop_by_its_price(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        await bracket(front, **FILLED)
        moved = await front.submit("modify_order", orderId=0, orderKey=KEY, auxPrice=25)
        target = await front.submit("modify_order", orderId=0, orderRef=TARGET, lmtPrice=590)
        again = await front.submit("modify_order", orderId=0, orderRef=TARGET, lmtPrice=580)
        done = await front.refused_order("modify_order", orderId=0, orderKey=KEY, totalQuantity=5)
        both = await front.refused_order("modify_order", orderId=0, orderKey=KEY, totalQuantity=5, auxPrice=30)

    assert (moved["orderRef"], moved["auxPrice"], moved["message"]) == (STOP, 25, "TWS has confirmed the new terms.")
    assert (target["lmtPrice"], again["lmtPrice"]) == (590, 580)
    assert (done.code, TARGET in done.message, STOP in done.message) == ("not_open", True, True)
    assert both.code == "invalid_arguments"
    changes = [frame.request.placed[1] for frame in sim.journal.orders()][3:]
    assert [(each.parentId, each.ocaGroup, each.deltaNeutralOrderType) for each in changes] == [(0, "", "")] * 3
