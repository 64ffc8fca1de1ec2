"""The journal has every frame, and tells orders from all else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ibgateway.simulator.gateway.connection import Connection
from ibgateway.simulator.gateway.gateway import Gateway
from ibgateway.simulator.model.config import START, SimulatorConfig
from ibgateway.simulator.server.journal import Journal
from ibgateway.simulator.server.server import Simulator
from ibgateway.simulator.world.world import World, WorldConfig
from tests.stacks.ibgateway.order_frames import limit_order, preview
from tests.stacks.ibgateway.raw_client import started


@pytest.fixture(scope="module")
def connection() -> Connection:
    made = Gateway(World(WorldConfig(1, START))).connect()
    assert made is not None
    made.version, made.clientId = 200, 7
    return made


def tick(number: int) -> bytes:
    return b"1\x006\x007\x001\0%d.0\x001\x001\0" % number


async def test_every_frame_is_there_with_time_direction_and_client(sim: Simulator) -> None:
    async with started(sim.port, clientId=7) as client:
        client.send(49, 1)
        told = await client.read()

    asked, answered = sim.journal.entries(msgId=49)
    assert (asked.direction, asked.fields, asked.clientId, asked.version) == ("in", ["49", "1"], 7, 200)
    assert (answered.direction, answered.fields) == ("out", told)
    assert asked.number < answered.number
    assert START <= asked.at <= answered.at < START + 60
    assert [one.number for one in sim.journal] == list(range(1, sim.journal.last + 1))


async def test_it_counts_real_orders_and_leaves_previews_out(sim: Simulator) -> None:
    async with started(sim.port) as client:
        client.send(*preview(1))
        client.send(*limit_order(2))
        await client.until("3")

    (order,) = sim.journal.orders()
    assert order.request.orderId == 2
    assert order.request.placed[1].lmtPrice == 100.0
    assert sim.journal.orders(after=order.number) == []


async def test_a_frame_that_is_no_order_is_not_counted_as_one(sim: Simulator) -> None:
    async with started(sim.port) as client:
        client.send(3, "nonsense")
        await client.read()

    assert len(sim.journal.entries("in", 3)) == 1
    assert sim.journal.orders() == []


def test_quotes_are_forgotten_before_anything_else(connection: Connection) -> None:
    journal = Journal(most=10)
    journal.record("in", connection, [b"49\x001\0"], 1.0, 2.0)
    for number in range(30):
        journal.record("out", connection, [tick(number)], 1.0, 2.0)

    held = list(journal)

    assert held[0].fields == ["49", "1"]
    assert [one.fields[4] for one in held[1:]] == [f"{number}.0" for number in range(20, 30)]
    assert journal.last == 31


def test_entries_are_chosen_by_direction_message_client_and_number(connection: Connection) -> None:
    journal = Journal()
    journal.record("in", connection, [b"4\x007\0"], 1.0, 2.0)
    journal.record("out", connection, [b"4\x007\0", b"49\x007\0"], 1.0, 2.0)

    assert [one.number for one in journal.entries("in")] == [1]
    assert [one.number for one in journal.entries(msgId=4)] == [1, 2]
    assert [one.number for one in journal.entries(clientId=7, after=1)] == [2, 3]
    assert journal.entries(clientId=8) == []


async def test_a_file_gets_every_frame_as_a_line(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    async with Simulator(SimulatorConfig(journal=path)) as sim, started(sim.port) as client:
        client.send(49, 1)
        await client.read()
        number = sim.journal.last

    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [one["number"] for one in lines] == list(range(1, number + 1))
    assert lines[-2]["direction"] == "in"
    assert lines[-2]["fields"] == ["49", "1"]


async def test_the_file_has_a_frame_at_once_and_goes_on_after_a_line_that_was_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    path.write_text('{"number": 1}\n{"number": 2, "fie')
    async with Simulator(SimulatorConfig(journal=path)) as sim, started(sim.port) as client:
        client.send(49, 1)
        await client.read()
        told = path.read_text().splitlines()  # while the simulator holds it open

    assert told[:2] == ['{"number": 1}', '{"number": 2, "fie']
    assert [json.loads(line)["number"] for line in told[2:]] == list(range(1, len(told) - 1))
    assert any(json.loads(line)["fields"] == ["49", "1"] for line in told[2:])
