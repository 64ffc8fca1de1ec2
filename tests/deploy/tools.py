"""Finds the programs that check deployments, and what to say where one is missing."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

INSTALLED = Path(".state/tools").resolve()


def find_tool(name: str) -> str | None:
    """The program's path: what deploy/checks/install.py installed, else what is on the PATH."""
    installed = INSTALLED / "bin" / name
    return str(installed) if os.access(installed, os.X_OK) else shutil.which(name)


def needs(*names: str) -> pytest.MarkDecorator:
    missing = [name for name in names if find_tool(name) is None]
    reason = f"needs {', '.join(missing)}: .venv/bin/python deploy/checks/install.py"
    return pytest.mark.skipif(bool(missing), reason=reason)


def find_compose() -> str | None:
    """The path of a docker that has Compose 2; Debian's docker.io comes without."""
    docker = find_tool("docker")
    if docker is None or subprocess.run([docker, "compose", "version"], capture_output=True, check=False).returncode:
        return None
    return docker


def run_installed(*command: str) -> subprocess.CompletedProcess[str]:
    """A program or module of those installed, which are in no environment of their own."""
    told = {**os.environ, "PYTHONPATH": str(INSTALLED)}
    return subprocess.run(command, env=told, capture_output=True, text=True, check=False)
