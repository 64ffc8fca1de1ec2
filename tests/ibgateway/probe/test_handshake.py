"""The version exchange tells a gateway's states apart, in Python and in bash alike."""

import asyncio
import json
import struct
from pathlib import Path

import pytest

from cli.local_stack.embedded_redis import free_port
from ibgateway.probe.handshake import EXIT_CODES, HandshakeReply, PortState, ask
from ibgateway.simulator.server.server import Simulator
from tests.busy import BUSY_S
from tests.stacks.ibgateway import gateway_ports as servers

SCRIPT = Path("ibgateway/probe/handshake.sh")
TIMEOUT_S = 1.0
START_API = 71  # the message that takes a client id
STATES = [
    pytest.param(servers.gateway, PortState.ANSWERS, id="answers"),
    pytest.param(servers.dripping, PortState.ANSWERS, id="answers byte by byte"),
    pytest.param(servers.hanging_up, PortState.CLOSES, id="accepts and closes"),
    pytest.param(servers.resetting, PortState.CLOSES, id="resets in the middle"),
    pytest.param(servers.silent, PortState.SILENT, id="accepts and says nothing"),
    pytest.param(servers.stuck, PortState.SILENT, id="stops in the middle of its answer"),
    pytest.param(servers.web, PortState.NOT_TWS, id="a web server"),
    pytest.param(servers.refusing_versions, PortState.NOT_TWS, id="an error in place of a version"),
]


async def probe(port: int, timeout_s: float = TIMEOUT_S) -> HandshakeReply:
    return await asyncio.to_thread(ask, "127.0.0.1", port, timeout_s)


async def run_script(mode: str, port: int, **environment: str) -> tuple[int, str]:
    return await servers.run(
        "bash", str(SCRIPT), mode, str(port), environment={"HANDSHAKE_TIMEOUT": str(TIMEOUT_S), **environment}
    )


@pytest.mark.parametrize(("behaviour", "outcome"), STATES)
async def test_each_state_of_a_port_has_its_outcome(behaviour: servers.Behaviour, outcome: PortState) -> None:
    async with servers.listening(behaviour) as port:
        answer = await probe(port)

    assert answer.outcome is outcome
    assert answer.serverVersion == (187 if outcome is PortState.ANSWERS else None)


@pytest.mark.parametrize(("behaviour", "outcome"), STATES)
async def test_the_script_for_images_without_python_sees_the_same(
    behaviour: servers.Behaviour, outcome: PortState
) -> None:
    async with servers.listening(behaviour) as port:
        code, output = await run_script("ready", port)

    told = json.loads(output)
    assert told["outcome"] == outcome
    assert told["serverVersion"] == (187 if outcome is PortState.ANSWERS else None)
    assert code == EXIT_CODES[outcome]


async def test_a_port_that_nobody_listens_on_is_refused() -> None:
    port = free_port()

    assert await probe(port) == HandshakeReply(PortState.REFUSED)
    assert (await run_script("ready", port))[0] == EXIT_CODES[PortState.REFUSED]


async def test_a_name_that_nobody_has_is_unreachable() -> None:
    answer = await asyncio.to_thread(ask, "no-such-host.invalid", 4002, TIMEOUT_S)

    assert answer == HandshakeReply(PortState.UNREACHABLE)


async def test_a_drip_of_bytes_cannot_hold_the_probe_beyond_its_time() -> None:
    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(struct.pack(">I", 4096))
        while not writer.is_closing():
            writer.write(b"1")
            await asyncio.sleep(0.05)  # the drip itself, not a wait

    loop = asyncio.get_running_loop()
    async with servers.listening(endless) as port:
        began = loop.time()
        answer = await probe(port, timeout_s=0.5)
        took = loop.time() - began

    assert answer.outcome is PortState.SILENT
    assert took < 2 + BUSY_S


async def test_the_probe_leaves_before_it_would_become_a_client() -> None:
    heard = asyncio.get_running_loop().create_future()

    async def listener(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(servers.frame(servers.GREETING))
        heard.set_result(await reader.read())

    async with servers.listening(listener) as port:
        await probe(port)
        said = await heard

    assert said == b"API\0\0\0\0\x09v100..200"


async def test_the_simulator_answers_the_probe_and_counts_no_client() -> None:
    async with Simulator() as simulator:
        answer = await probe(simulator.port)
        code, output = await run_script("ready", simulator.port)
        clients = list(simulator.journal.entries("in", START_API))

    assert clients == []
    assert answer.outcome is PortState.ANSWERS
    assert (code, json.loads(output)["serverVersion"]) == (0, answer.serverVersion)


@pytest.mark.parametrize(
    ("behaviour", "phase", "alive"),
    [
        pytest.param(servers.silent, "awaiting_2fa", True, id="waits for its second factor"),
        pytest.param(servers.silent, "logged_in", False, id="frozen after its login"),
        pytest.param(servers.hanging_up, "restarting", True, id="restarts"),
        pytest.param(servers.gateway, "logged_in", True, id="answers"),
    ],
)
async def test_only_a_gateway_that_froze_after_its_login_is_called_dead(
    behaviour: servers.Behaviour, phase: str, alive: bool, tmp_path: Path
) -> None:
    (tmp_path / "phase").write_text(f'{{"phase": "{phase}", "since": 1, "rejections": 0}}\n')

    async with servers.listening(behaviour) as port:
        code, _ = await run_script("alive", port, LOGIN_PHASE_FILE=str(tmp_path / "phase"))

    assert code == (0 if alive else 1)


async def test_without_a_phase_file_nothing_is_called_dead() -> None:
    async with servers.listening(servers.silent) as port:
        code, _ = await run_script("alive", port, LOGIN_PHASE_FILE="/nonexistent/phase")

    assert code == 0
