"""
Finds the programs that check deployments, and says what to do where one is missing.

A proxy, a chart renderer and a linter are those that `deploy/checks/install.py` installs from its locks: another
release on the PATH would judge otherwise. What nobody can install from a lock, docker and Redis' client, is taken
from the PATH where a trial shows that it does what the tests ask of it.
"""

import os
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest

INSTALLED = Path(".state/tools").resolve()
OLDEST_COMPOSE = (2, 24)  # as `make paper` wants it
TRIAL_S = 20.0
TRIAL_STACK = "services:\n  trial:\n    image: trial\n"


def find_tool(name: str) -> str | None:
    """The path of a program that deploy/checks/install.py has installed."""
    installed = INSTALLED / "bin" / name
    return str(installed) if os.access(installed, os.X_OK) else None


def needs(*names: str) -> pytest.MarkDecorator:
    missing = [name for name in names if find_tool(name) is None]
    reason = f"needs {', '.join(missing)}: .venv/bin/python deploy/checks/install.py"
    return pytest.mark.skipif(bool(missing), reason=reason)


def find_docker() -> str | None:
    """The path of docker's command line; no engine need answer."""
    return _on_path("docker", r"Docker version \d", "--version")


def find_compose() -> str | None:
    """The path of a docker that has Compose; Debian's docker.io comes without."""
    docker = find_docker()
    said = re.match(r"v?(\d+)\.(\d+)", _said(docker, "compose", "version", "--short")) if docker else None
    return docker if said and (int(said[1]), int(said[2])) >= OLDEST_COMPOSE else None


def find_swarm() -> str | None:
    """The path of a docker that adds up the files of a Swarm stack."""
    docker = find_docker()
    told = _said(docker, "stack", "config", "--compose-file", "-", typed=TRIAL_STACK) if docker else ""
    return docker if "image: trial" in told else None


def find_redis_client() -> str | None:
    """The path of the command line client of Valkey, else of Redis."""
    return _on_path("valkey-cli", r"valkey-cli \d", "--version") or _on_path("redis-cli", r"redis-cli \d", "--version")


def run_installed(*command: str) -> subprocess.CompletedProcess[str]:
    """A program or module of those installed, which are in no environment of their own."""
    told = {**os.environ, "PYTHONPATH": str(INSTALLED)}
    return subprocess.run(command, env=told, capture_output=True, text=True, check=False)


def _on_path(name: str, expected: str, *arguments: str) -> str | None:
    """The path of a program whose answer begins as expected: a file of that name may be anything."""
    found = shutil.which(name)
    return found if found and re.match(expected, _said(found, *arguments)) else None


@cache
def _said(program: str, *arguments: str, typed: str = "") -> str:
    """What a program prints; nothing where it fails or takes long."""
    try:
        told = subprocess.run(
            [program, *arguments], input=typed, capture_output=True, text=True, timeout=TRIAL_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return told.stdout if told.returncode == 0 else ""


needs_docker = pytest.mark.skipif(find_docker() is None, reason="needs docker's command line: docs.docker.com")
needs_compose = pytest.mark.skipif(
    find_compose() is None, reason="needs docker's command line with Compose 2.24 or newer (no engine)"
)
needs_swarm = pytest.mark.skipif(find_swarm() is None, reason="needs a docker with `docker stack config` (no engine)")
needs_redis_client = pytest.mark.skipif(
    find_redis_client() is None, reason="needs valkey-cli or redis-cli: apt install redis-tools"
)
