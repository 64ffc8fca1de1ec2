"""RTVolume: each print with the day's volume and average price so far."""

from __future__ import annotations

from itertools import pairwise

from ibgateway.simulator.gateway.rt_volume import RtVolume
from ibgateway.simulator.server.server import Simulator
from ibgateway.simulator.world.world import World
from tests.stacks.ibgateway.order_frames import watch
from tests.stacks.ibgateway.raw_client import Raw
from tests.stacks.ibgateway.world_and_trader import AAPL, START


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


def test_a_print_says_price_size_time_volume_and_average(quiet: World) -> None:
    contract = quiet.resolve(AAPL)
    volume = RtVolume(quiet, contract, START - 60)
    prints = quiet.trades(contract, START - 60, START)
    before = quiet.bars(contract, START - 60, "1 D", "1 day", "TRADES", False).bars[-1].volume

    told = [tail.decode().split("\0")[1].split(";") for _, tail in volume.ticks(48, START - 60, START)]

    assert len(told) == len(prints)
    assert [float(each[0]) for each in told] == [trade.price for trade in prints]
    assert [int(each[2]) for each in told] == [round(trade.time * 1000) for trade in prints]
    assert int(told[-1][3]) == before + sum(trade.size for trade in prints)
    assert {each[5] for each in told} == {"true"}


def test_both_kinds_of_it_are_the_same_prints(quiet: World) -> None:
    volume = RtVolume(quiet, quiet.resolve(AAPL), START - 10)

    once = [tail.split(b"\0")[1] for _, tail in volume.ticks(48, START - 10, START)]
    again = [tail.split(b"\0")[1] for _, tail in volume.ticks(77, START - 10, START)]

    assert once == again
    assert once
