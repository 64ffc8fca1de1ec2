"""`python -m ibgateway.simulator` as a process: it listens at once, obeys its arguments and ends cleanly."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from cli.local_stack.embedded_redis import free_port
from ibgateway.simulator.__main__ import parse
from ibgateway.simulator.model.config import SimulatorConfig
from ibgateway.simulator.server.server import Simulator
from tests.stacks.ibgateway.order_frames import market_order
from tests.stacks.ibgateway.raw_client import started
from tests.waiting import until


@asynccontextmanager
async def command(*arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "ibgateway.simulator", *arguments, stderr=asyncio.subprocess.PIPE
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_it_serves_until_it_is_told_to_stop(number: signal.Signals, tmp_path: Path) -> None:
    port, control = free_port(), free_port()
    script = tmp_path / "faults"
    script.write_text("# a comment\non reqManagedAccts answer 321 not now\n")
    arguments = ("--port", str(port), "--control-port", str(control), "--faults", str(script), "--accounts", "DU1,DU2")
    async with command(*arguments, "--start", "2025-06-12T15:00") as process:
        await until(lambda: listens(port), "the port is open")
        async with started(port) as client:
            assert client.greeting[1].startswith("20250612 15:00:")
            client.send(17, 1)
            assert (await client.read())[2] == "321"
            client.send(17, 1)
            assert (await client.read())[2] == "DU1,DU2"
            reader, writer = await asyncio.open_connection("127.0.0.1", control)
            writer.write(b'{"do": "status"}\n')
            assert json.loads(await reader.readline())["clients"] == [1]
            writer.close()
            process.send_signal(number)
            async with asyncio.timeout(10):
                assert await process.wait() == 0


async def test_a_client_gets_in_long_before_the_market_is_loaded() -> None:
    port = free_port()
    before = time.monotonic()
    async with command("--port", str(port)):
        await until(lambda: listens(port), "the port is open")
        opened = time.monotonic() - before
        async with started(port) as client:
            client.send(49, 1)
            assert (await client.read())[0] == "49"
        served = time.monotonic() - before

    assert opened < served


async def test_a_port_in_use_is_a_message_and_not_a_traceback() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        async with command("--port", str(port)) as process:
            async with asyncio.timeout(20):
                _, errors = await process.communicate()

    assert process.returncode == 1
    assert f"cannot listen on 127.0.0.1 ({port},)" in errors.decode()
    assert "Traceback" not in errors.decode()


@pytest.mark.parametrize("arguments", [("--start", "1999-01-01T10:00"), ("--data", "/nowhere")])
async def test_a_world_that_can_not_be_is_a_message_and_not_a_traceback(arguments: tuple[str, str]) -> None:
    async with command("--port", "0", *arguments) as process, asyncio.timeout(20):
        _, errors = await process.communicate()

    assert process.returncode == 1
    assert "the simulator cannot start" in errors.decode()
    assert "Traceback" not in errors.decode()


def test_without_arguments_it_is_a_paper_tws_in_an_open_session() -> None:
    config = parse([])

    assert (config.host, config.ports, config.seed, config.accounts) == ("127.0.0.1", (7497,), 1, ("DU1234567",))
    assert (config.start, config.time_factor, config.control_port, config.faults) == (1749652200.0, 1.0, None, "")


def test_a_later_start_gives_no_permanent_id_again(monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now)
    before = parse([]).first_perm_id
    monkeypatch.setattr(time, "time", lambda: now + 60)
    after = parse([]).first_perm_id

    assert before is not None
    assert after is not None
    assert before + 400 < after < 2**31


async def test_permanent_ids_count_from_where_they_are_told_to() -> None:
    async with Simulator(SimulatorConfig(first_perm_id=5_000)) as sim, started(sim.port) as client:
        client.send(*market_order(1))
        told = await client.until("5")

    assert "5001" in told[-1]


def test_a_start_may_name_its_zone() -> None:
    assert parse(["--start", "2025-06-11T14:30:00+00:00"]).start == parse(["--start", "2025-06-11T10:30"]).start


@pytest.mark.parametrize(
    "arguments", [["--time-factor", "0"], ["--time-factor", "x"], ["--start", "x"], ["--accounts", ","]]
)
def test_arguments_without_sense_are_refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(arguments)
    assert arguments[0] in capsys.readouterr().err
