"""When a line of the script strikes, at whom, and how it ends."""

from __future__ import annotations

import pytest

from ibgateway.simulator.server.server import Simulator
from tests.stacks.ibgateway.order_frames import cancel, limit_order
from tests.stacks.ibgateway.raw_client import Raw, raw, started


async def test_a_line_can_wait_for_a_time_of_the_simulators_day(sim: Simulator, client: Raw) -> None:
    sim.fault("at 10:35:00 close")
    sim.skip(290)
    await client.alive()

    sim.skip(20)

    assert await client.rest() == []


async def test_a_line_can_strike_at_each_message(sim: Simulator, client: Raw) -> None:
    sim.fault("on reqCurrentTime each answer 321 no time today")
    for _ in range(3):
        client.send(49, 1)
        assert (await client.read())[2:4] == ["321", "no time today"]


async def test_clear_ends_everything(sim: Simulator, client: Raw) -> None:
    sim.fault("swallow currentTime")
    sim.fault("half-open")
    sim.fault("after 1 reset")
    sim.fault("door slam")

    sim.fault("clear")

    sim.skip(5)
    await client.alive()
    async with started(sim.port, clientId=2) as other:
        await other.alive()


async def test_on_connect_strikes_at_a_new_client(sim: Simulator) -> None:
    sim.fault("on connect 2 door slam")
    async with started(sim.port) as first:
        async with raw(sim.port) as second:
            assert await second.rest() == []
        await first.alive()


async def test_a_fault_may_concern_one_client_only(sim: Simulator, client: Raw) -> None:
    async with started(sim.port, clientId=2) as other:
        sim.fault("close client 2")

        assert await other.rest() == []
        await client.alive()


async def test_what_came_with_the_frame_that_strikes_is_not_handled_after_the_reset(
    sim: Simulator, client: Raw
) -> None:
    sim.fault("on order 1 reset")
    for orderId in (1, 2):
        client.send(*limit_order(orderId))

    assert await client.rest() == []
    assert len(sim.journal.orders()) == 1
    assert sim.world.open_orders(None) == []


async def test_a_line_that_can_not_be_carried_out_in_its_moment_is_left_out(
    sim: Simulator, client: Raw, caplog: pytest.LogCaptureFixture
) -> None:
    sim.fault("on cancelOrder fill this")
    client.send(*cancel(1))

    (refusal,) = await client.everything()

    assert refusal[1:3] == ["1", "10147"]
    assert "no such open order" in caplog.text
