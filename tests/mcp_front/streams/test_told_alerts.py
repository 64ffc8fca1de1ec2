"""A firing that is told while the worker is away: its front marks it later, so that no other front tells it again."""

import asyncio

from bridge.bus.events.watches import read_watches
from ibgateway.simulator.server.server import Simulator
from mcp_front.timing import FrontTiming
from tests.mcp_front.streams.test_wait_for_alerts import called, fired_alert, on
from tests.stacks.front import serving
from tests.stacks.worker import FAST, caller, worker
from tests.waiting import until


async def test_an_alert_that_is_told_while_the_worker_is_away_is_told_by_no_other_front(
    redis_url: str, session: str
) -> None:
    quick = FrontTiming(wait_again_s=0.2)
    async with (
        Simulator() as sim,
        serving(redis_url, session, timing=quick) as front,
        serving(redis_url, session, timing=quick) as second,
        caller(redis_url, session) as other,
    ):
        async with worker(redis_url, session, sim.port, FAST):
            await other.writable()
            made = await fired_alert(front)
        told = await called(front, "ibkr_wait_for", events=on(made), timeout_seconds=20, cursor=made["cursor"])
        meanwhile = asyncio.create_task(
            called(second, "ibkr_wait_for", events=on(made), timeout_seconds=4, cursor=told["cursor"])
        )
        async with worker(redis_url, session, sim.port, FAST):

            async def is_marked() -> bool:
                kept = await read_watches(other.bus_client.pipe, other.bus_client.keys)
                return [each.heard for each in kept.values()] == [True]

            await until(is_marked, "the worker has the mark")
            again = await meanwhile

    assert (told["event"], again["event"]) == ("alert", "none")
