"""What a combination shows is the sum of what its legs show."""

from __future__ import annotations

import pytest

from ibgateway.simulator.model.config import SimulatorConfig
from ibgateway.simulator.server.server import Simulator
from tests.stacks.ibgateway.order_frames import SPY, watch
from tests.stacks.ibgateway.raw_client import Raw, started

AAPL = (0, "AAPL", "STK", "", "", "", "", "SMART", "", "USD", "", "")
BAG = (0, "SPY", "BAG", "", "", "", "", "SMART", "", "USD", "", "")


async def test_a_combinations_quote_is_what_its_legs_cost() -> None:
    slow = SimulatorConfig(time_factor=0.001)  # so that all three are of the same instant
    async with Simulator(slow) as sim, started(sim.port) as client:
        ids = [await conId(client, contract) for contract in (SPY, AAPL)]
        legs = (2, ids[0], 2, "BUY", "SMART", ids[1], 1, "SELL", "SMART")
        client.send(1, 11, 7, *BAG, *legs, 0, "", 1, 0, "")
        watch(client, 8, SPY, snapshot=1)
        watch(client, 9, AAPL, snapshot=1)

        told = [*await client.until("57", "7"), *await client.until("57", "9")]

    price = {(frame[2], frame[3]): float(frame[4]) for frame in told if frame[0] == "1"}
    assert price["7", "1"] == pytest.approx(2 * price["8", "1"] - price["9", "2"])
    assert price["7", "2"] == pytest.approx(2 * price["8", "2"] - price["9", "1"])


async def conId(client: Raw, contract: tuple[object, ...]) -> str:
    client.send(9, 8, 1, *contract, 0, "", "", "")
    return next(frame[13] for frame in await client.until("52") if frame[0] == "10")


async def test_a_combinations_bars_are_the_sums_of_its_legs(client: Raw) -> None:
    ids = [await conId(client, contract) for contract in (SPY, AAPL)]
    legs = (2, ids[0], 1, "BUY", "SMART", ids[1], 1, "SELL", "SMART")
    end = "20250610-19:00:00"
    client.send(20, 1, *BAG, 0, end, "5 mins", "3600 S", 1, "MIDPOINT", 2, *legs, 0, "")
    client.send(20, 2, *SPY, 0, end, "5 mins", "3600 S", 1, "MIDPOINT", 2, 0, "")
    client.send(20, 3, *AAPL, 0, end, "5 mins", "3600 S", 1, "MIDPOINT", 2, 0, "")

    combo, spy, aapl = [closes(frame) for frame in await client.everything() if frame[0] == "17"]

    assert len(combo) == 12
    assert combo == {time: pytest.approx(spy[time] - aapl[time], abs=0.01) for time in spy}


def closes(frame: list[str]) -> dict[str, float]:
    return {frame[at]: float(frame[at + 4]) for at in range(3, len(frame), 8)}


async def test_a_combination_without_legs_is_refused(client: Raw) -> None:
    client.send(1, 11, 7, *BAG, 0, 0, "", 0, 0, "")

    assert (await client.read())[1:3] == ["7", "321"]
