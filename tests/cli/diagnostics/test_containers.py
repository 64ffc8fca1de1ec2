"""The doctor's check of the containers: what should run and does not, and nothing of other projects."""

import json
import shutil
from pathlib import Path

import pytest

from cli.diagnostics.containers import check_containers

FRONT = {"Names": "main-front-1", "State": "running", "Status": "Up 2 hours (healthy)"}
DONE = {"Names": "main-init-1", "State": "exited", "Status": "Exited (0) 2 hours ago"}
FAILED = {"Names": "main-worker-1", "State": "exited", "Status": "Exited (1) 3 seconds ago"}
SICK = {"Names": "main-redis-1", "State": "running", "Status": "Up 1 minute (unhealthy)"}
LOGIN_AWAITED = {"Names": "main-gateway-1", "State": "running", "Status": "Up 1 minute (unhealthy)"}


def docker_with(folder: Path, monkeypatch: pytest.MonkeyPatch, *containers: dict[str, str], status: int = 0) -> None:
    """A docker that lists these containers of project `main`."""
    docker = folder / "docker"
    lines = "\n".join(map(json.dumps, containers))
    docker.write_text(f"#!/bin/sh\ncase \"$*\" in *project=main*) cat <<'END'\n{lines}\nEND\n;; esac\nexit {status}\n")
    docker.chmod(0o755)
    monkeypatch.setattr(shutil, "which", lambda name: str(docker))


async def test_what_has_ended_or_is_unhealthy_is_named_with_its_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    docker_with(tmp_path, monkeypatch, FRONT, DONE, FAILED, SICK, LOGIN_AWAITED)

    found = await check_containers("main")

    assert [(each.part, each.kind) for each in found] == [("main-worker-1", "fault"), ("main-redis-1", "fault")]
    assert found[0].told == "exited: Exited (1) 3 seconds ago"
    assert found[0].cure.endswith("docker logs main-worker-1")


async def test_containers_without_a_fault_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    docker_with(tmp_path, monkeypatch, FRONT, DONE, LOGIN_AWAITED)

    found = await check_containers("main")

    assert [(each.kind, each.told) for each in found] == [("ok", "3 of project main, none has failed")]


@pytest.mark.parametrize(("project", "status"), [("other", 0), ("main", 1)])
async def test_without_containers_or_an_engine_nothing_is_said(
    project: str, status: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    docker_with(tmp_path, monkeypatch, FAILED, status=status)

    assert await check_containers(project) == []


async def test_without_docker_nothing_is_said() -> None:
    assert await check_containers("main") == []
