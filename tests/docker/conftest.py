"""The stack in containers, built and brought up once for all tests of this folder, and taken down with nothing left."""

import json
import os
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
PROJECT = "ibkr-tws-mcp-test"
IMAGES = {
    "FRONT_IMAGE": "ibkr-tws-mcp/front:test",
    "WORKER_IMAGE": "ibkr-tws-mcp/worker:test",
    "SIMULATOR_IMAGE": "ibkr-tws-mcp/simulator:test",
}


class Failed(Exception):
    """A command of the container engine failed; the text ends with what it wrote."""


@dataclass(frozen=True)
class Stack:
    """The sim profile under a project name and a port of its own."""

    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/api/v1"

    def compose(self, *arguments: str) -> str:
        environment = {**os.environ, **IMAGES, "FRONT_PORT": str(self.port), "COMPOSE_PROFILES": "sim"}
        return run("docker", "compose", "-p", PROJECT, *arguments, env=environment)

    def containers(self) -> dict[str, dict[str, Any]]:
        """What the engine knows of each container, by service."""
        ids = self.compose("ps", "-q", "--all").split()
        inspected: list[dict[str, Any]] = json.loads(run("docker", "inspect", *ids))
        return {each["Config"]["Labels"]["com.docker.compose.service"]: each for each in inspected}

    def inside(self, service: str, *command: str) -> subprocess.CompletedProcess[str]:
        container = self.containers()[service]["Id"]
        return subprocess.run(["docker", "exec", container, *command], capture_output=True, text=True, check=False)


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    if subprocess.run(["docker", "info"], capture_output=True, check=False).returncode != 0:
        pytest.fail("no container engine answers: start Docker, then run this again")
    stack = Stack(free_port())
    stack.compose("down", "--volumes", "--remove-orphans")
    stack.compose("build")
    try:
        stack.compose("up", "--detach", "--wait", "--wait-timeout", "120")
        yield stack
    except Failed as failed:
        raise Failed(f"{failed}\n{stack.compose('logs', '--tail', '30')}") from None
    finally:
        stack.compose("down", "--volumes", "--remove-orphans")
    left = {kind: left_behind(kind) for kind in ("container", "network", "volume")}
    assert left == {"container": [], "network": [], "volume": []}


def left_behind(kind: str) -> list[str]:
    everything = ("--all",) if kind == "container" else ()
    mine = f"label=com.docker.compose.project={PROJECT}"
    return run("docker", kind, "ls", *everything, "--quiet", "--filter", mine).split()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def run(*command: str, env: dict[str, str] | None = None) -> str:
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Failed(f"{' '.join(command)} ended with {done.returncode}\n{(done.stdout + done.stderr)[-4000:]}")
    return done.stdout
