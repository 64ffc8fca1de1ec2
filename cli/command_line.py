"""The commands that texts tell a person to type, in the form that works in that person's environment."""

import os
import shlex
import sys
from pathlib import Path

COMMAND = "CLI_COMMAND"  # what a container's person types in place of its Python, such as "docker compose run …"


def command(*words: str) -> str:
    """Return `python -m cli` with these words, under the name of this very Python: a shell may know none as python."""
    wrapped = os.environ.get(COMMAND)
    return f"{wrapped} {shlex.join(words)}" if wrapped else shlex.join((_python(), "-m", "cli", *words))


def _python() -> str:
    python = Path(sys.executable)  # unresolved: in a virtual environment it is a link, whose target lacks the packages
    return str(python.relative_to(Path.cwd()) if python.is_relative_to(Path.cwd()) else python)
