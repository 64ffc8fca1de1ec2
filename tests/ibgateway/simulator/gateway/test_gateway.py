"""Several clients on one world: who is told of whose orders, and which data a line gets."""

from __future__ import annotations

from contextlib import AsyncExitStack
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from ibgateway.simulator.model.config import Identity, SimulatorConfig
from ibgateway.simulator.server.server import Simulator
from tests.stacks.ibgateway.order_frames import SPY, limit_order, watch
from tests.stacks.ibgateway.raw_client import Raw, raw, started
from tests.waiting import until

SUNDAY = datetime(2025, 6, 15, 12, tzinfo=ZoneInfo("US/Eastern")).timestamp()


@pytest.mark.parametrize(("wanted", "told"), [(1, "1"), (2, "2"), (3, "1"), (4, "2")])
async def test_a_closed_market_is_frozen_for_who_asks_for_frozen(wanted: int, told: str) -> None:
    async with Simulator(SimulatorConfig(start=SUNDAY)) as sim, started(sim.port) as client:
        client.send(59, 1, wanted)
        watch(client, 7)

        assert (await client.until("58"))[-1][3] == told


async def test_a_frozen_quote_is_the_last_of_the_session_before() -> None:
    async with Simulator(SimulatorConfig(start=SUNDAY)) as sim, started(sim.port) as client:
        client.send(59, 1, 2)
        watch(client, 7)
        prices = {frame[3]: float(frame[4]) for frame in await client.everything() if frame[0] == "1"}

    assert 0 < prices["1"] < prices["2"]


async def test_an_open_market_is_live_for_who_asks_for_frozen(client: Raw) -> None:
    client.send(59, 1, 2)
    watch(client, 7)

    assert (await client.until("58"))[-1][3] == "1"


@pytest.mark.parametrize(("limit", "request_", "code"), [("depth", 10, "309"), ("ticks", 97, "10190")])
async def test_depth_and_tick_by_tick_have_their_own_limits(
    sim: Simulator, client: Raw, limit: str, request_: int, code: str
) -> None:
    sim.fault(f"limit {limit} 1")
    for reqId in (7, 8):
        fields = (10, 5, reqId, *SPY, 5, 1, "") if request_ == 10 else (97, reqId, *SPY, "Last", 0, 0)
        client.send(*fields)

    refusals = [frame for frame in await client.everything() if frame[0] == "4"]
    assert [one[1:3] for one in refusals] == [["8", code]]


async def test_orders_are_told_to_their_own_client_and_to_the_master(sim: Simulator) -> None:
    config = SimulatorConfig(identity=Identity(masterClientId=9))
    async with (
        Simulator(config) as sim,
        started(sim.port, clientId=1) as own,
        started(sim.port, clientId=2) as other,
        started(sim.port, clientId=9) as master,
    ):
        own.send(*limit_order(1))

        assert {frame[0] for frame in await own.everything()} == {"5", "3"}
        assert await other.everything() == []
        assert {frame[0] for frame in await master.everything()} == {"5", "3"}


async def test_each_client_has_its_own_order_ids(sim: Simulator, client: Raw) -> None:
    async with started(sim.port, clientId=2) as other:
        client.send(*limit_order(40))
        other.send(*limit_order(7))
        await client.everything()
        await other.everything()
        client.send(8, 1, 1)
        other.send(8, 1, 1)

        assert (await client.until("9"))[-1][2] == "41"
        assert (await other.until("9"))[-1][2] == "8"
        client.send(5, 1)
        assert [frame[1] for frame in await client.until("53") if frame[0] == "5"] == ["40"]
        client.send(16, 1)
        assert [frame[1] for frame in await client.until("53") if frame[0] == "5"] == ["40", "7"]


async def test_order_ids_go_on_in_the_next_session(sim: Simulator) -> None:
    async with started(sim.port, clientId=4) as first:
        first.send(*limit_order(12))
        await first.everything()
    async with started(sim.port, clientId=5), started(sim.port, clientId=4) as second:
        second.send(8, 1, 1)
        assert (await second.until("9"))[-1][2] == "13"


async def test_a_client_id_in_use_is_refused_and_free_again_after_its_client_left(sim: Simulator) -> None:
    async with started(sim.port, clientId=7), raw(sim.port) as second:
        await second.handshake(200)
        second.send(71, 2, 7, "")
        (refusal,) = await second.rest()
        assert refusal[2] == "326"

    await until(lambda: 7 not in sim.gateway.clients, "the first client is gone")
    async with started(sim.port, clientId=7) as third:
        third.send(49, 1)
        assert (await third.read())[0] == "49"


async def test_32_clients_are_served_and_the_33rd_is_not(sim: Simulator) -> None:
    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(started(sim.port, clientId=number)) for number in range(32)]
        for client in clients:
            client.send(49, 1)
        assert [(await client.read())[0] for client in clients] == ["49"] * 32

        extra = await stack.enter_async_context(raw(sim.port))
        await extra.handshake(200)
        extra.send(71, 2, 32, "")
        assert await extra.rest() == []


@pytest.mark.trial("F8")
async def test_sockets_that_never_log_in_take_no_clients_place(sim: Simulator) -> None:
    async with AsyncExitStack() as stack:
        for _ in range(40):
            await stack.enter_async_context(raw(sim.port))

        async with started(sim.port) as client:
            client.send(49, 1)
            assert (await client.read())[0] == "49"
