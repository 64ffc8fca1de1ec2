"""The command prints one line of JSON, and its exit code is the outcome."""

import asyncio
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from ibgateway.probe.handshake import EXIT_CODES, PortState
from tests.stacks.ibgateway import gateway_ports as servers


async def run(*command: str, environment: Mapping[str, str] | None = None) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, env={**os.environ, **(environment or {})}
    )
    output, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, output.decode()


async def test_the_command_prints_one_line_of_json_and_ends_with_the_outcomes_code() -> None:
    async with servers.listening(servers.silent) as port:
        code, output = await run(sys.executable, "-m", "ibgateway.probe", "127.0.0.1", str(port), "--timeout", "0.3")

    assert code == EXIT_CODES[PortState.SILENT]
    assert json.loads(output)["outcome"] == "silent"


async def test_the_command_adds_the_phase_of_a_log_and_repeats_no_line_of_it(tmp_path: Path) -> None:
    log = tmp_path / "gateway.log"
    log.write_text("IBC: Login attempt: 1 of somebody\nIBC: Second Factor Authentication initiated\n")

    _, output = await run(sys.executable, "-m", "ibgateway.probe", "127.0.0.1", "1", "--log", str(log))

    told = json.loads(output)
    assert (told["phase"], told["rejections"]) == ("awaiting_2fa", 0)
    assert "somebody" not in output
