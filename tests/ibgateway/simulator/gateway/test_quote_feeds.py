"""Clients of one contract share a line, which ends with the last of them."""

from __future__ import annotations

from ibgateway.simulator.server.server import Simulator
from tests.stacks.ibgateway.order_frames import watch
from tests.stacks.ibgateway.raw_client import Raw, started


async def test_two_clients_of_one_contract_cost_one_line_and_see_the_same_ticks(sim: Simulator, client: Raw) -> None:
    async with started(sim.port, clientId=2) as other:
        watch(client, 7)
        await client.everything()
        watch(other, 8)
        await other.everything()
        assert len(sim.gateway.feeds) == 1
        since = sim.journal.last
        for _ in range(10):
            sim.skip(1)
        ours, theirs = ([one.fields for one in sim.journal.entries("out", None, n, since)] for n in (1, 2))

    assert len(ours) > 10
    # The kind of tick and what it says: all but the request id.
    assert [(one[0], one[3:]) for one in ours] == [(one[0], one[3:]) for one in theirs]


async def test_a_line_is_freed_when_its_last_client_leaves(sim: Simulator) -> None:
    async with started(sim.port, clientId=2) as one:
        watch(one, 7)
        await one.everything()
        assert len(sim.gateway.feeds) == 1
    async with started(sim.port, clientId=3) as other:
        await other.everything()

    assert len(sim.gateway.feeds) == 0


async def test_news_of_a_contract_come_as_ticks(sim: Simulator, client: Raw) -> None:
    watch(client, generics="292:BRFG")
    await client.everything()
    for _ in range(48):
        sim.skip(1800)

    assert [frame[0] for frame in await client.everything() if frame[0] == "84"]
