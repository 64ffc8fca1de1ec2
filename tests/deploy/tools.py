"""Finds the programs that check deployments: beside this Python, on the PATH, or where a variable names them."""

import os
import shutil
import sys
from pathlib import Path


def find_tool(name: str) -> str | None:
    """The program's path; a variable of its name in capitals goes first, such as HELM=/opt/helm."""
    beside = Path(sys.executable).parent / name
    named = os.environ.get(name.upper().replace("-", "_"))
    return named or (str(beside) if os.access(beside, os.X_OK) else shutil.which(name))
