"""RTVolume: each print with the day's volume and average price so far."""

from __future__ import annotations

from itertools import pairwise

from ibgateway.simulator.server.server import Simulator
from tests.stacks.ibgateway.order_frames import watch
from tests.stacks.ibgateway.raw_client import Raw


async def test_rt_volume_adds_up(sim: Simulator, client: Raw) -> None:
    watch(client, 7, generics="233")
    await client.everything()
    for _ in range(20):
        sim.skip(1)

    prints = [frame[4].split(";") for frame in await client.everything() if frame[0] == "46" and frame[3] == "48"]

    assert len(prints) > 5
    for before, after in pairwise(prints):
        assert int(after[3]) - int(before[3]) == int(after[1])
        assert after[2] >= before[2]
