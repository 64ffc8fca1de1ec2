"""compose.yaml as compose itself reads it: who meets whom, and which settings reach which container. No engine runs."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.tools import find_tool

DOCKER = find_tool("docker")


def has_compose() -> bool:
    return DOCKER is not None and not subprocess.run([DOCKER, "compose", "version"], capture_output=True).returncode


pytestmark = pytest.mark.skipif(not has_compose(), reason="needs docker's command line with compose (no engine)")


def config(folder: Path, *profiles: str, env: str = "", **files: str) -> dict[str, Any]:
    """The project, where `env` is what `.env` holds and `files` are others by name: env_paper is `.env.paper`."""
    shutil.copy("compose.yaml", folder)
    (folder / ".env").write_text(env)
    for name, text in files.items():
        (folder / f".{name.replace('_', '.')}").write_text(text)
    told = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), "COMPOSE_PROFILES": ",".join(profiles)}
    said = subprocess.run(
        [str(DOCKER), "compose", "--project-directory", str(folder), "config", "--format", "json"],
        env=told,
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.returncode == 0, said.stderr
    project: dict[str, Any] = json.loads(said.stdout)
    return project


def services(folder: Path, *profiles: str, env: str = "", **files: str) -> dict[str, Any]:
    found: dict[str, Any] = config(folder, *profiles, env=env, **files)["services"]
    return found


def test_the_operators_container_is_as_closed_as_the_worker_and_meets_redis_alone(tmp_path: Path) -> None:
    found = services(tmp_path, "operator", "sim")
    operator, worker = found["operator"], found["worker"]

    assert set(operator["networks"]) == {"worker-redis"}
    assert operator["image"] == worker["image"]
    assert (operator["read_only"], operator["cap_drop"], operator["security_opt"]) == (
        True, ["ALL"], ["no-new-privileges:true"],
    )  # fmt: skip
    assert operator["entrypoint"] == ["python", "-m", "cli"]
    assert not operator.get("ports")


@pytest.mark.parametrize("profile", ["sim", "paper", "live"])
def test_the_operators_container_is_never_up_by_itself(profile: str, tmp_path: Path) -> None:
    assert "operator" not in services(tmp_path, profile)
