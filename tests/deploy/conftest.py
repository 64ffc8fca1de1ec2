"""The programs that check deployments: CI installs them, elsewhere `.venv/bin/python deploy/checks/install.py` does."""

import os
import subprocess
import sys

from tests.docker.engine import engine_for_module  # noqa: F401 - a fixture


def pytest_configure() -> None:
    if os.environ.get("CI"):
        subprocess.run([sys.executable, "deploy/checks/install.py"], check=True)
