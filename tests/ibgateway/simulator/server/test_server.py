"""The simulator over TCP: its ports and its clock."""

from __future__ import annotations

from ibgateway.simulator.model.config import SimulatorConfig
from ibgateway.simulator.server.server import Simulator
from tests.stacks.ibgateway.raw_client import started


async def test_several_ports_lead_to_the_same_world() -> None:
    async with (
        Simulator(SimulatorConfig(ports=(0, 0))) as sim,
        started(sim.ports[0], clientId=1),
        started(sim.ports[1], clientId=2),
    ):
        assert sorted(sim.gateway.clients) == [1, 2]


async def test_the_clock_runs_at_the_chosen_speed_and_can_be_moved() -> None:
    async with Simulator(SimulatorConfig(time_factor=1000.0)) as sim, started(sim.port) as client:
        client.send(49, 1)
        first = int((await client.read())[2])
        sim.skip(3600)
        client.send(49, 1)

        assert int((await client.read())[2]) >= first + 3600
