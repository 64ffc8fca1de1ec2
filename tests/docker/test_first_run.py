"""`make paper` on a fresh checkout: asked for a login, it goes on to a session that is ready."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.local_stack.embedded_redis import free_port
from tests.docker.stack import ROOT, Stack

pytestmark = [pytest.mark.docker, pytest.mark.timeout(600)]

PROJECT = "ibkr-tws-mcp-first"
LEFT_OUT = (".git", ".venv", ".state", "secrets", ".*_cache", "__pycache__", ".hypothesis", ".env.login")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    return Path(shutil.copytree(ROOT, tmp_path / "checkout", ignore=shutil.ignore_patterns(*LEFT_OUT)))


@pytest.fixture
def stack() -> Iterator[Stack]:
    """What the command brings up, known by its name; nothing of it is left."""
    stack = Stack(PROJECT, free_port(), "paper")
    stack.build()
    yield stack
    stack.down()


def started(checkout: Path, stack: Stack, *flags: str) -> "subprocess.Popen[str]":
    environment = {
        **os.environ, **stack.images,
        "COMPOSE_PROJECT_NAME": PROJECT,
        "COMPOSE_FILE": "compose.yaml:tests/docker/compose.paper.yaml",
        "FRONT_PORT": str(stack.port),
        "IB_GATEWAY_IMAGE": stack.images["SIMULATOR_IMAGE"],
        "IB_GATEWAY_COMMAND": "bash /gateway.sh",
    }  # fmt: skip
    return subprocess.Popen(
        [sys.executable, "-m", "cli", "paper", *flags],
        cwd=checkout, env=environment, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip


def typed(process: "subprocess.Popen[str]", user: str, password: str) -> None:
    assert process.stdin is not None
    process.stdin.write(f"{user}\n{password}\n")
    process.stdin.flush()


def read_until(process: "subprocess.Popen[str]", text: str) -> str:
    assert process.stdout is not None
    read = ""
    for line in process.stdout:
        read += line
        if text in line:
            return read
    raise AssertionError(f"it ended without {text!r}:\n{read}")


def test_a_newcomer_is_led_from_the_login_over_the_second_factor_to_a_session(checkout: Path, stack: Stack) -> None:
    with started(checkout, stack) as process:
        assert process.stdout is not None
        typed(process, "edemo", "the-right-password")

        before = read_until(process, "IBKR Mobile")
        assert stack.inside("gateway-paper", "touch", "/tmp/approved").returncode == 0
        after = read_until(process, "The session is ready")
        rest = process.stdout.read()  # not by communicate(), which misses what the lines above have read ahead

    assert process.returncode == 0, rest
    assert "shown only now" in before
    assert "the-right-password" not in before + after + rest
    assert f"http://127.0.0.1:{stack.port}/api/v1" in rest
    assert (checkout / ".env.login").read_text() == "TWS_USERID=edemo\n"
    status = subprocess.run(["git", "check-ignore", ".env.login", "secrets/tws_password.txt"], cwd=ROOT, check=False)
    assert status.returncode == 0


def test_a_mistyped_password_is_put_right_with_again_though_the_gateway_runs(checkout: Path, stack: Stack) -> None:
    with started(checkout, stack, "--wait", "90") as process:
        typed(process, "edemo", "the-wrong-password")
        first = read_until(process, "--again")
    with started(checkout, stack, "--again") as process:
        assert process.stdout is not None
        typed(process, "edemo", "the-right-password")

        second = read_until(process, "IBKR Mobile")
        assert stack.inside("gateway-paper", "touch", "/tmp/approved").returncode == 0
        second += process.stdout.read()

    assert "rejected the login" in first
    assert process.returncode == 0, second
