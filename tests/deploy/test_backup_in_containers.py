"""The same scripts as a machine runs them: on a real engine, against the stack's own Redis and its volume."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploy.tools import needs_docker

PROJECT = "ibkrbackup"
COMPOSE = f"docker compose -p {PROJECT}"
ADMIN = '--pass "$(cat /users/password)" --no-auth-warning'
CLIENT = "$(command -v valkey-cli || command -v redis-cli)"
ORDER, HALT = "ibkr:{paper}:op:one", "ibkr:{paper}:halt"

pytestmark = [pytest.mark.docker, pytest.mark.timeout(600), needs_docker]


def run(*command: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    told = {**os.environ, "COMPOSE_PROFILES": "sim", "IBKR": COMPOSE, **environment}
    return subprocess.run(command, env=told, capture_output=True, text=True, check=False)


def compose(*arguments: str) -> str:
    said = run(*COMPOSE.split(), *arguments)
    assert said.returncode == 0, said.stderr
    return said.stdout.strip()


def redis(*command: str) -> str:
    return compose("exec", "-T", "redis", "sh", "-c", f'{CLIENT} {ADMIN} "$@"', "-", *command)


@pytest.fixture
def server() -> Iterator[None]:
    compose("up", "--detach", "--wait", "--build", "redis")  # its users come from an image of this tree
    yield
    run(*COMPOSE.split(), "down", "--volumes", "--timeout", "5")


@pytest.mark.usefixtures("server")
def test_a_destroyed_volume_is_restored_from_a_copy(tmp_path: Path) -> None:
    redis("hset", ORDER, "st", "done", "orderId", "117")
    copied = run("deploy/vm/backup.sh", BACKUP_DIR=str(tmp_path))
    assert copied.returncode == 0, copied.stderr
    compose("down", "--volumes")
    compose("up", "--detach", "--wait", "redis")

    restored = run("deploy/vm/restore.sh", copied.stdout.strip())

    assert restored.returncode == 3, restored.stderr  # an empty one tells of no switch
    assert redis("hget", ORDER, "orderId") == "117"
    assert redis("config", "get", "appendonly").split() == ["appendonly", "yes"]
    compose("restart", "redis")
    compose("up", "--detach", "--wait", "redis")
    assert redis("hget", ORDER, "orderId") == "117"


@pytest.mark.usefixtures("server")
def test_a_halt_that_a_copy_does_not_know_is_reported(tmp_path: Path) -> None:
    copied = run("deploy/vm/backup.sh", BACKUP_DIR=str(tmp_path))
    redis("hset", HALT, "level", "halt")

    restored = run("deploy/vm/restore.sh", copied.stdout.strip())

    assert restored.returncode == 3
    assert HALT in restored.stderr
