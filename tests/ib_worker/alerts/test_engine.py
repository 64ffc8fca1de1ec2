"""Watches over a change of the leader: the next one goes on with all of them."""

from ibgateway.simulator.server.server import Simulator
from tests.stacks.alerts import alerts, fired, watch
from tests.stacks.worker import FAST, caller, worker


async def test_the_next_leader_goes_on_with_every_kind_of_watch(redis_url: str, session: str, sim: Simulator) -> None:
    async with caller(redis_url, session) as front:
        async with worker(redis_url, session, sim.port, FAST):
            await front.writable()
            await watch(front, event="price", symbol="SPY", above=1e6)
            await watch(front, event="time", at="2030-01-01 00:00", timeZone="Etc/UTC")
            assert await alerts(front) == []
        sim.fault("rewrite 1 4 2000000")
        async with worker(redis_url, session, sim.port, FAST):
            (event,) = await fired(front, timeout_s=20)
            left = await front.bus_client.pipe.send("HLEN", front.bus_client.keys.watches)

    assert event.details["event"] == "price"
    assert left == 1
