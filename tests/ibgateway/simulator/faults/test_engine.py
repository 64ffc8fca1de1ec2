"""When a line of the script strikes, at whom, what it holds back meanwhile, and how it ends."""

from __future__ import annotations

import asyncio

import pytest

from ibgateway.simulator.server.server import Simulator
from tests.stacks.ibgateway.order_frames import cancel, limit_order
from tests.stacks.ibgateway.raw_client import Raw, raw, started
from tests.waiting import until


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
    assert "the order is not open" in caplog.text


async def test_who_comes_to_a_frozen_gateway_waits_as_the_others_do(sim: Simulator) -> None:
    sim.fault("freeze 3")
    async with raw(sim.port) as client:
        client.write(b"API\0\0\0\0\x09v100..200")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await client.read()

        sim.skip(3)

        assert (await client.read())[0] == "200"


@pytest.mark.parametrize("hangs_up", [True, False])
async def test_what_a_half_open_connection_was_sent_is_lost_with_the_client_that_hung_up(
    sim: Simulator, client: Raw, hangs_up: bool
) -> None:
    sim.fault("half-open 3")
    client.send(*limit_order(1))
    if hangs_up:
        client.close()
        await asyncio.sleep(0.1)

    sim.skip(3)
    await asyncio.sleep(0.1)

    assert len(sim.journal.orders()) == (0 if hangs_up else 1)
    assert bool(sim.gateway.connections) is not hangs_up


async def test_a_slow_gateway_still_says_why_it_ends_a_connection(sim: Simulator, client: Raw) -> None:
    sim.fault("slow 0.2")
    sim.gateway.strict = True
    client.send(49)

    (refusal,) = await client.rest()

    assert refusal[2] == "320"


async def test_the_second_order_may_be_the_one(sim: Simulator, client: Raw) -> None:
    sim.fault("on placeOrder 2 ignore")
    client.send(*limit_order(1))
    client.send(*limit_order(2))
    client.send(*limit_order(3))

    told = await client.everything()

    assert {frame[1] for frame in told if frame[0] == "3"} == {"1", "3"}


async def test_an_order_during_1100_is_acknowledged_when_the_link_is_back(sim: Simulator, client: Raw) -> None:
    sim.fault("link down")
    await client.until("4")
    client.send(*limit_order(1))
    await client.alive()
    assert sim.world.open_orders(1) == []

    sim.fault("link up")

    assert (await client.until("3"))[-1][1:3] == ["1", "PreSubmitted"]


async def test_a_fault_that_lasts_ends_by_itself(sim: Simulator, client: Raw) -> None:
    sim.fault("half-open 10")
    client.send(49, 1)
    sim.skip(9)
    assert sim.journal.entries("in", 49) == []

    sim.skip(2)

    assert (await client.read())[0] == "49"


async def test_a_door_that_is_shut_for_a_time_opens_again(sim: Simulator) -> None:
    sim.fault("door slam 10")
    async with raw(sim.port) as first:
        assert await first.rest() == []

    sim.skip(11)

    async with started(sim.port) as second:
        await second.alive()


async def test_a_frame_that_is_held_is_handled_when_its_time_has_come(sim: Simulator, client: Raw) -> None:
    sim.fault("on reqMarketRule hold 30")
    client.send(91, 26)
    await client.alive()
    assert sim.journal.entries("out", 93) == []

    sim.skip(31)

    assert (await client.read())[0] == "93"


async def test_what_a_gone_client_held_back_is_forgotten_but_for_its_orders(sim: Simulator) -> None:
    sim.fault("on placeOrder hold 30")
    sim.fault("on reqMarketRule hold 30")
    async with started(sim.port, clientId=5) as client:
        client.send(*limit_order(1))
        client.send(91, 26)
        await client.alive()
    await until(lambda: not sim.gateway.connections, "the client is gone")

    sim.skip(31)

    assert [one.orderId for one in sim.world.open_orders(None)] == [1]
    assert sim.journal.entries("out", 93) == []


async def test_the_next_instant_is_that_of_the_first_that_is_due(sim: Simulator, client: Raw) -> None:
    assert sim.faults.next_due() == float("inf")
    sim.fault("after 60 close")
    sim.fault("half-open 10")

    due = sim.faults.next_due()

    assert sim.gateway.world.now < due <= sim.gateway.world.now + 10
