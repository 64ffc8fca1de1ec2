"""`ibkr` on a real engine: a machine whose profile was changed runs the new one alone."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploy.tools import needs_docker

PROJECT = "ibkrprofiles"
IMAGE = os.environ.get("REDIS_IMAGE", "valkey/valkey:9.1")  # whatever it is, it sleeps
SERVICE = f"image: '{IMAGE}', init: true, entrypoint: [sleep, infinity]"

pytestmark = [pytest.mark.docker, pytest.mark.timeout(600), needs_docker]


class Machine:
    """A checkout with a worker for each profile, and its settings."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        workers = "".join(f"  worker-{each}: {{{SERVICE}, profiles: [{each}]}}\n" for each in ("paper", "live"))
        self.file = folder / "compose.yaml"
        self.file.write_text(f"name: {PROJECT}\nservices:\n{workers}")

    def ibkr(self, *arguments: str, profile: str) -> None:
        (self._folder / "env").write_text(f"COMPOSE_PROFILES={profile}\n")
        told = {**os.environ, "IBKR_ENV": str(self._folder / "env"), "IBKR_HOME": str(self._folder)}
        said = subprocess.run(["deploy/vm/ibkr", *arguments], env=told, capture_output=True, text=True, check=False)
        assert said.returncode == 0, said.stderr

    def running(self) -> set[str]:
        mine = ("--filter", f"label=com.docker.compose.project={PROJECT}")
        told = ("--format", '{{.Label "com.docker.compose.service"}}')
        said = subprocess.run(["docker", "ps", *mine, *told], capture_output=True, text=True, check=True)
        return set(said.stdout.split())


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    machine = Machine(tmp_path)
    yield machine
    machine.ibkr("down", "--timeout", "1", profile="paper,live")


def test_the_profile_that_was_left_does_not_go_on_trading(machine: Machine) -> None:
    machine.ibkr("up", "--detach", profile="paper")
    first = machine.running()

    machine.ibkr("up", "--detach", profile="live")

    assert (first, machine.running()) == ({"worker-paper"}, {"worker-live"})


def test_settings_that_compose_refuses_end_nothing(machine: Machine) -> None:
    machine.ibkr("up", "--detach", profile="paper")
    whole = machine.file.read_text()
    machine.file.write_text(whole + "  broken: {image: '${UNSET:?is needed}'}\n")

    with pytest.raises(AssertionError, match="is needed"):
        machine.ibkr("up", "--detach", profile="live")

    machine.file.write_text(whole)
    assert machine.running() == {"worker-paper"}


def test_a_stop_reaches_what_an_earlier_profile_left(machine: Machine) -> None:
    machine.ibkr("up", "--detach", profile="paper")

    machine.ibkr("stop", profile="live")

    assert machine.running() == set()
