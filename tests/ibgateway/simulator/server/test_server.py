"""The simulator over TCP: its ports and its clock."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from ibgateway.simulator.model.config import SimulatorConfig
from ibgateway.simulator.server.server import Simulator, bind, bind_all
from tests.stacks.ibgateway.order_frames import watch
from tests.stacks.ibgateway.raw_client import raw, started
from tests.waiting import until


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


async def test_a_script_of_the_config_is_in_force_from_the_start() -> None:
    async with Simulator(SimulatorConfig(faults="door slam\n# and nothing more")) as sim, raw(sim.port) as client:
        assert await client.rest() == []


async def test_what_a_fault_changes_of_the_identity_stays_with_this_simulator() -> None:
    config = SimulatorConfig()
    async with Simulator(config) as sim:
        sim.fault("read-only on")
        assert sim.gateway.identity.readOnly

    assert not config.identity.readOnly


async def test_clients_are_let_go_in_order_when_the_simulator_ends() -> None:
    async with Simulator() as sim:
        reader, writer = await asyncio.open_connection("127.0.0.1", sim.port)
        await until(lambda: sim.sockets, "the client is there")

    assert await reader.read() == b""
    writer.close()


async def test_ticks_come_by_themselves_as_time_passes() -> None:
    async with Simulator(SimulatorConfig(time_factor=50.0)) as sim, started(sim.port) as client:
        watch(client)

        while (await client.read())[0] not in {"1", "2"} or sim.now < sim.config.start + 10:
            pass


@pytest.mark.parametrize(
    ("refused", "reason"), [({"start": 0.0}, "outside the calendars"), ({"faults": "no such fault"}, "not a fault")]
)
async def test_a_start_that_fails_leaves_its_ports_and_its_journal_closed(
    tmp_path: Path, refused: dict[str, Any], reason: str
) -> None:
    bound = bind_all("127.0.0.1", (0, 0))
    with pytest.raises(ValueError, match=reason):
        await Simulator(SimulatorConfig(journal=tmp_path / "journal", **refused), bound).__aenter__()

    assert [one.fileno() for one in bound] == [-1, -1]


def test_a_port_that_is_taken_leaves_no_other_open() -> None:
    with bind("127.0.0.1", 0) as taken, bind("127.0.0.1", 0) as later:
        free = later.getsockname()[1]
        later.close()
        with pytest.raises(OSError, match="in use"):
            bind_all("127.0.0.1", (free, taken.getsockname()[1]))

        bind("127.0.0.1", free).close()
