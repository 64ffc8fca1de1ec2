"""A close in live mode: a person approves it knowing what it cancels, and what was approved covers what is less."""

from dataclasses import replace
from decimal import Decimal
from itertools import count
from typing import Any, Literal

import pytest

from bridge.bus.controls.approvals import give_approval, waiting_approvals
from ibgateway.simulator.model.orders import Order
from ibgateway.simulator.server.server import Simulator
from tests.stacks.other_programs import NVDA
from tests.stacks.worker import Caller, caller, order, worker
from tests.waiting import until

LIVE: dict[str, Any] = {"trading_mode": "live", "live_accounts": frozenset({"DU1234567"})}
IBM, HELD = 8314, 100
CLOSE: dict[str, Any] = {"account": "DU1234567", "conId": IBM, "cancelOrders": True}
KEY = "close-ibm-now"
NUMBERS = count(77)  # of another program's orders
FAR = order(symbol="IBM", action="SELL", totalQuantity=100, orderType="LMT", lmtPrice=900.0)


async def approved(front: Caller, operation: str, key: str, **arguments: Any) -> Any:
    """Return the answer of a write that an operator has approved."""
    await front.refused_order(operation, key=key, **arguments)
    pipe, keys = front.bus_client.pipe, front.bus_client.keys
    (waiting,) = [each for each in await waiting_approvals(pipe, keys) if each.key == key]
    assert await give_approval(pipe, keys, key, waiting.digest, "anna")
    return await front.submit(operation, key=key, **arguments)


@pytest.mark.usefixtures("no_limits")
async def test_who_approves_a_close_reads_which_orders_it_cancels_first(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with worker(redis_url, session, sim.port, **LIVE), caller(redis_url, session) as front:
        await front.writable()
        terms = {"symbol": "IBM", "totalQuantity": 100}
        exit_ = await approved(front, "place_order", "an-exit-of-ibm", **FAR)
        bracket: dict[str, Any] = {"action": "BUY", "lmtPrice": 20, "takeProfitPrice": 600, "stopLossPrice": 10}
        placed = await approved(front, "place_bracket_order", "an-entry-of-ibm", **terms | bracket)
        held = await front.refused_order("close_position", key=KEY, **CLOSE)
        plain = await front.refused_order("close_position", key="another-close", **CLOSE | {"cancelOrders": False})

    assert held.code == "approval_required"
    first, _, told = held.details["summary"].partition("It first cancels ")
    ids = {name: placed[name]["orderId"] for name in ("entry", "takeProfit", "stopLoss")}
    assert f"SELL {HELD} IBM" in first
    assert told.startswith(
        f"the order (orderId {exit_['orderId']}, SELL 100 LMT 900), "
        f"the entry (orderId {ids['entry']}, BUY 100 LMT 20), "
        f"the target (orderId {ids['takeProfit']}, SELL 100 LMT 600) and "
        f"the stop (orderId {ids['stopLoss']}, SELL 100 STP 10)."
    )
    assert "It first cancels" not in plain.message


@pytest.mark.usefixtures("no_limits")
async def test_a_close_that_has_become_smaller_goes_under_its_approval_and_a_larger_one_does_not(
    redis_url: str, session: str, sim: Simulator
) -> None:
    """An exit fills in part while it is being cancelled: the position must not wait for a person without its exits."""
    async with worker(redis_url, session, sim.port, **LIVE), caller(redis_url, session) as front:
        await front.writable()
        exit_ = await approved(front, "place_order", "an-exit-of-ibm", **FAR)
        held = await front.refused_order("close_position", key=KEY, **CLOSE)
        pipe, keys = front.bus_client.pipe, front.bus_client.keys
        (waiting,) = await waiting_approvals(pipe, keys)
        trade(sim, "BUY", 10)
        await shows(front, HELD + 10)
        larger = await front.refused_order("close_position", key=KEY, **CLOSE)
        stale = await give_approval(pipe, keys, KEY, waiting.digest, "anna")
        (waiting,) = await waiting_approvals(pipe, keys)
        assert await give_approval(pipe, keys, KEY, waiting.digest, "anna")
        trade(sim, "BUY", 5)
        await shows(front, HELD + 15)
        again = await front.refused_order("close_position", key=KEY, **CLOSE)
        (waiting,) = await waiting_approvals(pipe, keys)
        assert await give_approval(pipe, keys, KEY, waiting.digest, "anna")
        rests = await front.refused_order("close_position", key=KEY, **CLOSE)
        trade(sim, "SELL", 40)
        await shows(front, HELD - 25)
        await front.submit("cancel_order", orderId=exit_["orderId"])
        other = await front.refused_order("close_position", key="another-close", **CLOSE)
        closed = await front.submit("close_position", key=KEY, **CLOSE)

    assert [each.code for each in (held, larger, again, other)] == ["approval_required"] * 4
    assert f"SELL {HELD + 15} IBM" in again.details["summary"]
    assert (stale, rests.code) == (False, "orders_rest")
    assert (closed["action"], closed["totalQuantity"], closed["status"]) == ("SELL", HELD - 25, "Filled")


def trade(sim: Simulator, action: Literal["BUY", "SELL"], quantity: int) -> None:
    """Trade IBM from another program."""
    order = Order(action, Decimal(quantity), "MKT", account="DU1234567")
    sim.gateway.route(sim.world.place_order(9, next(NUMBERS), replace(NVDA, symbol="IBM"), order))


async def shows(front: Caller, position: int) -> None:
    """Wait until the worker's position is this one."""

    async def shown() -> bool:
        held = await front.ask("get_positions", symbol="IBM")
        return [each["position"] for each in held] == [position]

    await until(shown, f"the position is {position}")
