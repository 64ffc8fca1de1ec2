"""The control port, through which another process scripts faults and reads the journal."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from ibgateway.simulator.model.config import START, SimulatorConfig
from ibgateway.simulator.server.server import Simulator
from tests.stacks.ibgateway.order_frames import limit_order
from tests.stacks.ibgateway.raw_client import started


async def ask(port: int, *asked: Any) -> list[Any]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answers = []
    for one in asked:
        writer.write((one if isinstance(one, bytes) else json.dumps(one).encode()) + b"\n")
        answers.append(json.loads(await reader.readline()))
    writer.close()
    return answers


async def test_the_control_port_tells_scripts_and_moves_time() -> None:
    async with Simulator(SimulatorConfig(control_port=0)) as sim, started(sim.port) as client:
        assert sim.control_port is not None
        client.send(*limit_order(5))
        await client.until("3")
        status, orders, journal, moved, fault = await ask(
            sim.control_port,
            {"do": "status"},
            {"do": "orders"},
            {"do": "journal", "direction": "in", "msgId": 71},
            {"do": "skip", "seconds": 3600},
            {"do": "fault", "line": "close"},
        )
        ended = await client.rest()

    assert (status["clients"], status["connections"], status["lines"]) == ([1], 1, 0)
    assert [one["fields"][1] for one in orders["entries"]] == ["5"]
    assert [one["fields"] for one in journal["entries"]] == [["71", "2", "1", ""]]
    assert moved["now"] >= START + 3600
    assert fault == {"ok": True}
    assert ended is not None


@pytest.mark.parametrize(
    "line",
    [
        b"nonsense",
        b"[]",
        b"{}",
        b'{"do": "explode"}',
        b'{"do": "fault", "line": "explode"}',
        b'{"do": "skip", "seconds": -1}',
        b'{"do": "journal", "after": "x"}',
    ],
)
async def test_the_control_port_survives_what_it_does_not_understand(line: bytes) -> None:
    async with Simulator(SimulatorConfig(control_port=0)) as sim:
        assert sim.control_port is not None
        refused, status = await ask(sim.control_port, line, {"do": "status"})

    assert refused["ok"] is False
    assert refused["error"]
    assert status["ok"] is True
