"""Redis has lost its data, and with them which key has placed what: what IBKR has is the only record left."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from bridge.order_references import order_ref
from bridge.tool import ToolError
from cli.local_stack.embedded_redis import EmbeddedRedis
from ib_worker.orders.timing import OrderTiming
from ib_worker.risk.circuit_breakers import CircuitBreakerSettings
from ibgateway.simulator.server.server import Simulator
from tests.stacks.worker import SOON, Caller, caller, loses_all, order, trading, worker

KEY = "a-key-of-the-caller"
TRADES_ON = CircuitBreakerSettings(data_loss="off")
RESTING = order(orderType="LMT", lmtPrice=50)


async def asked_until_taken(front: Caller) -> tuple[str, set[object]]:
    """The order that the key has in the end, and the reasons for which the call was held back until then."""
    reasons: set[object] = set()
    while True:
        try:
            return (await front.submit("place_order", key=KEY, **RESTING))["orderRef"], reasons
        except ToolError as error:
            reasons.add(error.details.get("reason", error.code))
        await asyncio.sleep(0.05)


@pytest.mark.fault(64, 76)
@pytest.mark.parametrize("earlier", ["shows", "is of an earlier day"])
async def test_an_order_on_its_way_when_worker_and_redis_died_is_not_placed_again(
    own_redis: EmbeddedRedis,
    session: str,
    sim: Simulator,
    tmp_path: Path,
    earlier: str,
) -> None:
    timing = OrderTiming(looks_apart_s=2.0)
    if earlier == "is of an earlier day":
        sim.fault("ids 2")  # all that the gateway still tells of it
    async with (
        worker(own_redis.url, session, sim.port, order_timing=timing, breakers=TRADES_ON),
        caller(own_redis.url, session) as front,
    ):
        async with asyncio.timeout(20):
            await front.writable()
        if earlier == "shows":
            await front.submit("place_order", **order(orderType="LMT", lmtPrice=40))
        sim.fault("on order each hold 2")  # IBKR takes it, and shows it only when another worker has looked once
        with pytest.raises(ToolError):
            await front.submit("place_order", key=KEY, deadline_s=0.5, **RESTING)
    await loses_all(own_redis, tmp_path)

    async with (
        trading(own_redis.url, session, sim, order_timing=timing, breakers=TRADES_ON) as front,
        asyncio.timeout(20),
    ):
        found, _ = await asked_until_taken(front)

    assert found == order_ref(KEY)
    assert len([each for each in sim.journal.orders() if each.request.placed[1].orderRef == found]) == 1


@pytest.mark.fault(76)
async def test_writes_wait_for_another_look_and_the_same_key_is_advised(
    own_redis: EmbeddedRedis, session: str, sim: Simulator, tmp_path: Path
) -> None:
    async with trading(
        own_redis.url, session, sim, breakers=TRADES_ON, order_timing=replace(SOON, looks_apart_s=1.0)
    ) as front:
        await front.submit("place_order", key=KEY, **RESTING)
        looks = len(sim.journal.entries("in", 16))
        await loses_all(own_redis, tmp_path)
        async with asyncio.timeout(20):
            found, reasons = await asked_until_taken(front)
        looked_again = len(sim.journal.entries("in", 16)) - looks

    assert found == order_ref(KEY)
    assert "no_generation" in reasons
    assert looked_again >= 1
    assert len(sim.journal.orders()) == 1
