"""What the PATH happens to hold turns no test red: a program counts where it does what is asked of it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.deploy import tools
from tests.deploy.tools import find_compose, find_docker, find_redis_client, find_swarm, find_tool

WITHOUT_COMPOSE = '[ "$1" = --version ] && echo "Docker version 26.1.5, build a72d7cd" && exit 0; exit 1'
WITH_AN_OLD_COMPOSE = '[ "$1" = compose ] && echo 2.23.3 || echo "Docker version 26.1.5"'
WITH_ALL = 'case "$1" in compose) echo v2.40.1;; stack) cat;; *) echo "Docker version 28.2.2";; esac'
SOMETHING_ELSE = "exit 0"


@pytest.fixture
def on_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """Puts a script on a PATH that has the shell's own programs beside."""
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin")

    def put(name: str, script: str) -> None:
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / name).chmod(0o755)

    return put


@pytest.mark.parametrize(
    ("script", "command_line", "compose", "swarm"),
    [
        (WITH_ALL, True, True, True),
        (WITHOUT_COMPOSE, True, False, False),
        (WITH_AN_OLD_COMPOSE, True, False, False),
        (SOMETHING_ELSE, False, False, False),
    ],
)
def test_a_docker_counts_for_what_it_can(
    script: str, command_line: bool, compose: bool, swarm: bool, on_path: Callable[[str, str], None]
) -> None:
    on_path("docker", script)

    found = [find_docker(), find_compose(), find_swarm()]

    assert [each is not None for each in found] == [command_line, compose, swarm]


@pytest.mark.parametrize("name", ["caddy", "helm", "jactionlint"])
def test_a_program_that_is_installed_from_a_lock_is_not_taken_from_the_path(
    name: str, on_path: Callable[[str, str], None], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    on_path(name, "echo v2.11.7")
    monkeypatch.setattr(tools, "INSTALLED", tmp_path / "nothing")

    assert find_tool(name) is None


def test_a_redis_client_that_cannot_say_its_version_is_none(on_path: Callable[[str, str], None]) -> None:
    on_path("valkey-cli", "exit 1")
    on_path("redis-cli", 'echo "redis-cli 7.0.15"')

    assert str(find_redis_client()).endswith("/redis-cli")
