"""The container engine: what is missing, out of reach or too old is named with its cure."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from cli.errors import Problem
from cli.local_stack.docker_engine import need_docker

ROOT = Path(__file__).resolve().parents[3]


DENIED = "permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock"


@pytest.mark.parametrize(
    ("compose", "engine", "told"),
    [
        ("echo 2.26.1-4", f"echo '{DENIED}' >&2; exit 1", "usermod -aG docker"),
        ("echo 2.26.1-4", "echo 'Cannot connect to the Docker daemon' >&2; exit 1", "start it\nCannot connect"),
        ("echo 2.23.3", "echo 26.1.5+dfsg1", "Compose is 2.23, and 2.24 is needed"),
        ("echo 2.26.1-4", "echo 24.0.7", "Docker Engine is 24.0, and 25.0 is needed"),
        ("echo \"docker: 'compose' is not a docker command\" >&2; exit 1", "echo 28.2.2", "Compose 2.24 or newer"),
    ],
)
def test_a_docker_that_does_not_do_is_named_with_what_is_wrong(
    compose: str, engine: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    docker = tmp_path / "docker"
    docker.write_text(f'#!/bin/sh\nif [ "$1" = compose ]; then {compose}; else {engine}; fi\n')
    docker.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")

    with pytest.raises(Problem) as raised:
        need_docker()

    assert told in str(raised.value)


def test_no_docker_at_all_is_told_with_where_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(Problem, match="get-docker"):
        need_docker()


@pytest.mark.trial("D16")
def test_make_paper_looks_for_docker_before_it_installs_anything(tmp_path: Path) -> None:
    for tool in ("make", "sh"):
        (tmp_path / tool).symlink_to(shutil.which(tool) or tool)

    ran = subprocess.run(
        ["make", "paper", f"PYTHON={sys.executable}"],
        cwd=ROOT,
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )

    assert ran.returncode != 0
    assert ran.stderr.startswith("error: `docker` cannot be run")
    assert "install" not in ran.stdout
