"""A leader that can't reach the gateway gives way to a standby that can, and to nobody else."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from bridge.bus.keys import Keys
from bridge.bus.leadership.failover import FailoverSignals
from bridge.bus.transport.pipeline import CommandPipeline
from ib_worker.__main__ import _lead_for_ever
from ib_worker.session.failover import GatewayFailover
from ib_worker.settings import WorkerSettings
from ib_worker.tws.endpoint import Endpoint
from ibgateway.simulator.server.server import Simulator
from tests.faults.link import Link, to_port
from tests.stacks.timing import PATIENT
from tests.stacks.worker import caller, order
from tests.waiting import until

pytestmark = pytest.mark.timeout(120)
START_S = 60


@asynccontextmanager
async def lasting(redis_url: str, session: str, port: int, name: str) -> AsyncIterator[None]:
    """A worker as its process runs it, in this one."""
    settings = WorkerSettings(redis_url=redis_url, ibkr_session=session, gateway_port=port)
    stopping = asyncio.Event()
    task = asyncio.create_task(_lead_for_ever(settings, name, stopping))
    try:
        yield
    finally:
        stopping.set()
        await task


async def test_a_standby_that_reaches_the_gateway_takes_over(redis_url: str, session: str, sim: Simulator) -> None:
    async with AsyncExitStack() as stack:
        link = await stack.enter_async_context(Link(to_port(sim.port)))
        await stack.enter_async_context(lasting(redis_url, session, link.port, "cut-off"))
        front = await stack.enter_async_context(caller(redis_url, session))
        await front.writable(START_S)
        await stack.enter_async_context(lasting(redis_url, session, sim.port, "well-placed"))
        link.shut = True
        link.cut()

        async def taken_over() -> bool:
            status = await front.status()
            return (status["worker"], status["state"]) == ("well-placed", "ready")

        await until(taken_over, "the standby leads", START_S)
        await front.writable(START_S)
        await front.submit("place_order", **order(orderType="LMT", lmtPrice=50))
        assert len(sim.journal.orders()) == 1


async def test_nothing_is_offered_by_who_reaches_no_gateway(
    redis_url: str, session: str, sim: Simulator, unused_port: int
) -> None:
    async with CommandPipeline(redis_url, PATIENT) as pipe:
        relief = FailoverSignals(pipe, Keys(session))
        assert not await relief.request()
        assert await relief.requested()
        useless = asyncio.create_task(GatewayFailover(relief).offer(Endpoint("127.0.0.1", unused_port)))
        async with Link(to_port(sim.port)) as link:
            useful = asyncio.create_task(GatewayFailover(relief).offer(Endpoint("127.0.0.1", link.port)))
            link.tap = lambda data: pytest.fail(f"a standby that is asked said {data!r}")
            await until(relief.request, "one that reaches it offers", START_S)
            useful.cancel()
        await pipe.send("DEL", Keys(session).relief)
        for _ in range(3):
            assert not await relief.request()
            await asyncio.wait([useless], timeout=0.5)  # a look at a time
        useless.cancel()
        await asyncio.gather(useless, useful, return_exceptions=True)


async def test_without_a_standby_a_leader_keeps_its_lease(redis_url: str, session: str, sim: Simulator) -> None:
    async with (
        Link(to_port(sim.port)) as link,
        lasting(redis_url, session, link.port, "alone"),
        caller(redis_url, session) as front,
    ):
        await front.writable(START_S)
        token = await front.bus_client.pipe.send("GET", front.bus_client.keys.lease)
        link.shut = True
        link.cut()

        async def asks() -> bool:
            return await front.bus_client.pipe.send("GET", front.bus_client.keys.cut_off) is not None

        await until(asks, "it asks for a standby", START_S)
        link.shut = False
        await front.reaches("ready", START_S)
        assert await front.bus_client.pipe.send("GET", front.bus_client.keys.lease) == token
