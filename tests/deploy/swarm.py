"""A stack on a real engine's Swarm: deploys it, looks into its containers, and leaves the engine as it was."""

import asyncio
import contextlib
import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

STACK = "ibkrtest"
SESSION = "swarm"
VOLUMES = (f"{STACK}_redis", f"{STACK}_worker-watermark")
BESIDE = ("deploy/swarm/simulator.yaml", "tests/deploy/impatient.yaml")
FILES = ("deploy/swarm/stack.yaml", "deploy/swarm/console.yaml", *BESIDE)
IMAGES = {
    "FRONT_IMAGE": "mcp_front",
    "WORKER_IMAGE": "ib_worker",
    "SIMULATOR_IMAGE": "ibgateway",
    "CONSOLE_IMAGE": "console",
}
HEARTBEAT = f"ibkr:{{{SESSION}}}:heartbeat"


class EngineError(Exception):
    """What docker said instead of doing it."""


def docker(*arguments: str, **environment: str) -> str:
    """What a docker command prints. Raises EngineError with its reason."""
    said = subprocess.run(
        ["docker", *arguments], env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    if said.returncode:
        raise EngineError(f"docker {' '.join(arguments)}: {said.stderr.strip()}")
    return said.stdout.strip()


def containers(service: str) -> list[str]:
    return docker("ps", "--quiet", "--filter", f"label=com.docker.swarm.service.name={STACK}_{service}").split()


@dataclass(frozen=True)
class Swarm:
    """A stack that can be deployed, a client's token for it, and a folder for its passwords of Redis."""

    token: str
    built: dict[str, str]
    folder: Path

    def deploy(self, *files: str) -> None:
        named = [part for each in files for part in ("--compose-file", each)]
        docker("stack", "deploy", "--resolve-image", "never", "--detach=true", *named, STACK, **self.built)

    def make_users(self) -> None:
        """Run the commands of the page that make the secrets."""
        page = Path("docs/kubernetes.md").read_text(encoding="utf-8")
        (block,) = [each for each in page.split("```") if each.startswith("sh\nexport REDIS_USERS")]
        commands = block.removeprefix("sh\n").replace(".venv/bin/python", sys.executable)
        commands = commands.replace("secrets/redis", str(self.folder / "redis"))
        subprocess.run(["bash", "-e", "-c", commands], check=True, stdout=subprocess.DEVNULL)

    def leader(self) -> str:
        """The hostname of the worker that leads, empty while there is none."""
        return self.redis("hget", HEARTBEAT, "worker").split("-")[0]

    def redis(self, *command: str) -> str:
        """Return the answer of Redis to its default user, who has a password once there are users; empty while away."""
        password = self.folder / "redis" / "redis" / "password"
        known = ["--env", f"REDISCLI_AUTH={password.read_text().strip()}"] if password.exists() else []
        client = '$(command -v valkey-cli || command -v redis-cli) "$@"'
        with contextlib.suppress(EngineError, ValueError):
            (server,) = containers("redis")
            return docker("exec", *known, server, "sh", "-c", client, "redis", *command)
        return ""

    def console(self, path: str) -> int:
        """The status with which the console answers at its address in the node's bridge, as through the page's tunnel;
        0 while it is not there."""
        seen = json.loads(docker("network", "inspect", "docker_gwbridge", "--format", "{{json .Containers}}"))
        for own in docker("ps", "--quiet", "--no-trunc", "--filter", f"name={STACK}_console").split():
            address = seen.get(own, {}).get("IPv4Address", "").partition("/")[0]
            asked = urllib.request.Request(f"http://{address}:8010{path}", headers={"Host": "127.0.0.1:8010"})
            with contextlib.suppress(OSError, ValueError), urllib.request.urlopen(asked, timeout=10) as said:
                return int(said.status)
        return 0

    def inside_front(self, *command: str) -> subprocess.CompletedProcess[str]:
        """A command of this machine in a front's network, where the front is on loopback."""
        process = docker("inspect", "--format", "{{.State.Pid}}", containers("front")[0])
        return subprocess.run(
            ["nsenter", "--target", process, "--net", *command],
            env={**os.environ, "FRONT_TOKEN": self.token},
            capture_output=True,
            text=True,
            check=False,
        )

    def readiness(self) -> dict[str, Any]:
        """What a front says of the session; empty while no front is there."""
        if not containers("front"):
            return {}
        script = (
            "import sys, urllib.request as u, urllib.error as e\n"
            "try: print(u.urlopen('http://127.0.0.1:8000/readyz', timeout=3).read().decode())\n"
            "except e.HTTPError as said: print(said.read().decode())\n"
        )
        said = self.inside_front(sys.executable, "-c", script)
        told: dict[str, Any] = json.loads(said.stdout) if said.returncode == 0 else {}
        return told

    def tour(self) -> subprocess.CompletedProcess[str]:
        return self.inside_front(sys.executable, "-m", "cli", "tour")

    async def until_ready(self, within_s: float, not_by: str = "") -> float:
        """Seconds until the session is ready, led by another than `not_by`."""
        began = time.monotonic()
        told: dict[str, Any] = {}
        while time.monotonic() - began < within_s:
            told = await asyncio.to_thread(self.readiness)
            if told.get("state") == "ready" and self.leader() != not_by:
                return time.monotonic() - began
            await asyncio.sleep(0.2)  # what is awaited is in other containers
        services = docker("stack", "ps", STACK, "--no-trunc", "--format", "{{.Name}} {{.CurrentState}} {{.Error}}")
        raise AssertionError(f"not ready within {within_s} s: {told}\n{services}")


def images() -> dict[str, str]:
    """The project's images, built from this tree."""
    for folder in IMAGES.values():
        docker("build", "--quiet", "--file", f"{folder}/Dockerfile", "--tag", f"ibkr-swarm/{folder}:test", ".")
    return {name: f"ibkr-swarm/{folder}:test" for name, folder in IMAGES.items()}


def new_token(folder: Path) -> tuple[Path, str]:
    """A tokens file, and the one token in it."""
    file = folder / "tokens.json"
    command = [
        sys.executable,
        "-m",
        "cli",
        "client",
        "--file",
        str(file),
        "add",
        "tour",
        "--scopes",
        "read,trade,admin",
    ]
    said = subprocess.run(command, capture_output=True, text=True, check=True)
    return file, next(word for word in said.stdout.split() if len(word) > 40)


@contextlib.asynccontextmanager
async def joined(folder: Path) -> AsyncIterator[Swarm]:
    """A Swarm of one node for the stack with the simulator, gone afterwards."""
    built = images()
    for volume in VOLUMES:  # a watermark of an earlier stack would show the new one's empty Redis as a loss
        docker("volume", "rm", "--force", volume)
    docker("swarm", "init", "--advertise-addr", "127.0.0.1")
    try:
        file, token = new_token(folder)
        docker("secret", "create", "ibkr_front_tokens", str(file))
        docker("node", "update", "--label-add", "ibkr-state=true", docker("node", "ls", "--quiet"))
        yield Swarm(token, built, folder)
    finally:
        with contextlib.suppress(EngineError):
            docker("stack", "rm", STACK)
        await until_networks_are_gone()
        docker("swarm", "leave", "--force")
        for volume in VOLUMES:
            await until_removed("volume", volume)
        await until_removed("network", "docker_gwbridge")  # made by joining, and left behind


async def until_networks_are_gone() -> None:
    """Wait for the stack's networks: an engine that leaves before keeps their addresses from the next stack."""
    for _ in range(200):
        if not docker("network", "ls", "--quiet", "--filter", f"label=com.docker.stack.namespace={STACK}"):
            return
        await asyncio.sleep(0.3)


async def until_removed(kind: str, name: str) -> None:
    """Remove what the stack's tasks use, once they are gone: nothing tells of that."""
    for _ in range(100):
        with contextlib.suppress(EngineError):
            docker(kind, "rm", name)
        if name not in docker(kind, "ls", "--format", "{{.Name}}").split():
            return
        await asyncio.sleep(0.3)  # what is awaited is in the engine, which tells no one
