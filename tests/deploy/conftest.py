"""The programs that check deployments: CI installs them, elsewhere `python deploy/checks/install.py` does."""

import os
import subprocess
import sys


def pytest_configure() -> None:
    if os.environ.get("CI"):
        subprocess.run([sys.executable, "deploy/checks/install.py"], check=True)
