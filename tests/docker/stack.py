"""A compose project of this tree on a real engine: brought up, looked into, and taken down with nothing left."""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
IMAGES = {"FRONT_IMAGE": "front", "WORKER_IMAGE": "worker", "SIMULATOR_IMAGE": "simulator", "CONSOLE_IMAGE": "console"}
UP_WITHIN_S = 120
KINDS = ("container", "network", "volume")


class Failed(Exception):
    """A command of the container engine failed; the text ends with what it wrote."""


@dataclass(frozen=True)
class Stack:
    """One profile under a project name and a port of its own; `files` are overlays, `settings` their environment."""

    project: str
    port: int
    profile: str = "sim"
    files: tuple[str, ...] = ()
    settings: dict[str, str] = field(default_factory=dict)

    @property
    def images(self) -> dict[str, str]:
        """Its own: what another stack builds anew under one name would have this one's containers made anew."""
        return {each: f"ibkr-tws-mcp/{name}:{self.project}" for each, name in IMAGES.items()}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/api/v1"

    def compose(self, *arguments: str) -> str:
        files = [part for each in ("compose.yaml", *self.files) for part in ("--file", each)]
        return run("docker", "compose", "-p", self.project, *files, *arguments, env=self.environment())

    def environment(self) -> dict[str, str]:
        """What compose reads of it. The simulator is in a real gateway's place."""
        own = {
            "FRONT_PORT": str(self.port),
            "COMPOSE_PROFILES": self.profile,
            "IB_GATEWAY_IMAGE": self.images["SIMULATOR_IMAGE"],
        }
        return {**os.environ, **self.images, **own, **self.settings}

    def build(self) -> None:
        """All images: those of the sim profile and its console."""
        Stack(self.project, self.port, "sim,console").compose("build")

    def up(self, *, wait: bool = True) -> None:
        """Start it, and wait until every healthcheck passes; what failed says so with its logs."""
        waiting = ("--wait", "--wait-timeout", str(UP_WITHIN_S)) if wait else ()
        try:
            self.compose("up", "--detach", *waiting)
        except Failed as failed:
            raise Failed(f"{failed}\n{self.compose('logs', '--tail', '30')}") from None

    def down(self) -> None:
        self.compose("down", "--volumes", "--remove-orphans")
        run("docker", "image", "rm", "--force", *self.images.values())

    def left_behind(self) -> dict[str, list[str]]:
        """Ids of what the engine still has of this project, by kind."""
        mine = f"label=com.docker.compose.project={self.project}"
        everything = {"container": ("--all",)}
        return {
            kind: run("docker", kind, "ls", *everything.get(kind, ()), "--quiet", "--filter", mine).split()
            for kind in KINDS
        }

    def containers(self) -> dict[str, dict[str, Any]]:
        """What the engine knows of each container, by service; of several of one, the last."""
        return {each["Config"]["Labels"]["com.docker.compose.service"]: each for each in self.inspected()}

    def inspected(self, *services: str) -> list[dict[str, Any]]:
        ids = self.compose("ps", "-q", "--all", *services).split()
        found: list[dict[str, Any]] = json.loads(run("docker", "inspect", *ids))
        return found

    def inside(self, service: str, *command: str) -> subprocess.CompletedProcess[str]:
        container = self.containers()[service]["Id"]
        return subprocess.run(["docker", "exec", container, *command], capture_output=True, text=True, check=False)


@contextmanager
def running(stack: Stack, *, wait: bool = True) -> Iterator[Stack]:
    """The stack, built from this tree and, if waited for, healthy; afterwards nothing of it is left."""
    stack.down()
    stack.build()
    try:
        stack.up(wait=wait)
        yield stack
    finally:
        stack.down()
    assert stack.left_behind() == {kind: [] for kind in KINDS}


def run(*command: str, env: dict[str, str] | None = None) -> str:
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Failed(f"{' '.join(command)} ended with {done.returncode}\n{(done.stdout + done.stderr)[-4000:]}")
    return done.stdout
