"""An order that would close a position and is held up is told by what, and how it passes; texts do not contradict."""

from decimal import Decimal
from typing import Any

import pytest

from bridge.bus.controls.kill_switch import clear_halt, set_halt
from ib_worker.risk.intent import OrderIntent
from ib_worker.risk.limit_settings import Limits
from ibgateway.simulator.server.server import Simulator
from tests.stacks.brackets import FILLED, KEY, bracket, cancel, settles
from tests.stacks.worker import order, trading

SELL = OrderIntent("NVDA", "STK", "USD", Decimal(1), "SELL", Decimal(10), "MKT")
CLOSE: dict[str, Any] = order(symbol="NVDA", action="SELL", totalQuantity=10)


@pytest.mark.trial("A12")
async def test_a_close_that_resting_exits_hold_up_is_told_so_and_passes_without_them(
    redis_url: str, session: str, sim: Simulator
) -> None:
    none = Limits(allowed_symbols=frozenset({"NVDA"}), max_order_value=2000.0)
    async with trading(redis_url, session, sim, limits=none) as front:
        await bracket(front, **FILLED)
        await settles(front, 10)
        pipe, keys = front.bus_client.pipe, front.bus_client.keys
        await set_halt(pipe, keys, "reduce_only", "anna", "the day's end")
        refused = await front.refused_order(**CLOSE)
        told = await front.ask("preview_order", **CLOSE)
        await cancel(front, orderKey=KEY)
        closed = await front.submit("place_order", **CLOSE)
        await clear_halt(pipe, keys, "anna")

    reason = "It would close 10 of the long of 10, but SELL orders for 10 are open or just filled and count first."
    assert (refused.code, reason in refused.message) == ("halted", True)
    assert reason in told["refused_by"]
    assert closed["status"] == "Filled"


@pytest.mark.trial("A12")
async def test_a_fraction_closes_what_others_leave_of_a_position(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        await front.submit("place_order", **order(symbol="NVDA", totalQuantity=0.7))
        for quantity in (0.1, 0.2):
            resting = order(symbol="NVDA", action="SELL", totalQuantity=quantity, orderType="LMT", lmtPrice=600)
            await front.submit("place_order", **resting)
        pipe, keys = front.bus_client.pipe, front.bus_client.keys
        await set_halt(pipe, keys, "reduce_only", "anna", "the day's end")
        closed = await front.submit("place_order", **CLOSE | {"totalQuantity": 0.4})
        await clear_halt(pipe, keys, "anna")

    assert (closed["status"], closed["filled"]) == ("Filled", 0.4)


@pytest.mark.trial("A7")
async def test_a_change_to_an_auction_is_refused_for_an_order_of_all_hours(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        placed = await front.submit("place_order", **order(orderType="LMT", lmtPrice=300, outsideRth=True))
        refused = await front.refused_order("modify_order", orderId=placed["orderId"], tif="OPG")

    assert (refused.code, refused.message.startswith("tif: OPG trades in an auction")) == ("invalid_arguments", True)
