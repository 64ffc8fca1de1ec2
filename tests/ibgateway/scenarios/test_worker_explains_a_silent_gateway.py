"""The worker tells why nobody answers in the gateway's own words, where a login guard writes them down."""

from pathlib import Path

import pytest

from bridge.tool import ToolError
from cli.local_stack.embedded_redis import free_port
from ib_worker.session_state.gateway_login import BY_PHASE
from ibgateway.probe.phase import Phase
from tests.stacks.ibgateway import gateway_ports as servers
from tests.stacks.worker import session_at
from tests.waiting import until


def told(folder: Path, phase: str) -> Path:
    file = folder / "phase"
    file.write_text(f'{{"phase": "{phase}", "since": 1, "rejections": 1}}\n')
    return file


@pytest.mark.fault(3)
async def test_a_gateway_that_waits_for_its_second_factor_is_told_as_that(tmp_path: Path) -> None:
    file = told(tmp_path, "awaiting_2fa")

    async with servers.listening(servers.hanging_up) as port, session_at(port, gateway_phase_file=file) as stand:
        status = await stand.reaches("login_pending")

    assert "second factor" in (status.cause or "")
    assert "IBKR Mobile" in (status.remedy or "")


async def test_a_rejected_login_has_a_code_of_its_own(tmp_path: Path) -> None:
    file = told(tmp_path, "login_rejected")

    async with session_at(free_port(), gateway_phase_file=file) as stand:
        await until(lambda: stand.session.state.standing.code == "gateway_login_rejected", "the rejection is told")
        with pytest.raises(ToolError, match="lock the account"):
            stand.session.require_ready()


async def test_what_the_worker_tells_follows_the_file(tmp_path: Path) -> None:
    file = told(tmp_path, "awaiting_2fa")

    async with session_at(free_port(), gateway_phase_file=file) as stand:
        await stand.reaches("login_pending")
        told(tmp_path, "logged_in")

        status = await stand.reaches("failed")
    assert "Nothing accepts connections" in (status.cause or "")


def test_every_phase_but_logged_in_and_unknown_explains_a_silence() -> None:
    assert set(BY_PHASE) == set(Phase) - {Phase.LOGGED_IN, Phase.UNKNOWN}
