"""The command prints one line of JSON, and its exit code is the outcome."""

import json
import sys
from pathlib import Path

from ibgateway.probe.handshake import EXIT_CODES, PortState
from tests.stacks.ibgateway import gateway_ports as servers


async def test_the_command_prints_one_line_of_json_and_ends_with_the_outcomes_code() -> None:
    async with servers.listening(servers.silent) as port:
        code, output = await servers.run(
            sys.executable, "-m", "ibgateway.probe", "127.0.0.1", str(port), "--timeout", "0.3"
        )

    assert code == EXIT_CODES[PortState.SILENT]
    assert json.loads(output)["outcome"] == "silent"


async def test_the_command_adds_the_phase_of_a_log_and_repeats_no_line_of_it(tmp_path: Path) -> None:
    log = tmp_path / "gateway.log"
    log.write_text("IBC: Login attempt: 1 of somebody\nIBC: Second Factor Authentication initiated\n")

    _, output = await servers.run(sys.executable, "-m", "ibgateway.probe", "127.0.0.1", "1", "--log", str(log))

    told = json.loads(output)
    assert (told["phase"], told["rejections"]) == ("awaiting_2fa", 0)
    assert "somebody" not in output
