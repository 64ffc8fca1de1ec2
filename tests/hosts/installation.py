"""The hosts' packages from npm, by their lock, in a folder of their own that git ignores."""

import hashlib
import shutil
import subprocess
from pathlib import Path

from cli.errors import Problem

HERE = Path(__file__).resolve().parent
PLACE = HERE.parent.parent / ".state" / "hosts"
PACKAGES = PLACE / "npm"
NPM_FILES = ("package.json", "package-lock.json")
NEEDED_BYTES = 2_000_000_000  # the packages unpacked have 0.8 GB, and npm keeps their archives in its cache


class Unavailable(Problem):
    """This machine cannot have the hosts."""


def install() -> None:
    """Install what is missing or has another lock. Raises Problem, and Unavailable without npm, registry or room."""
    mark, digest = PACKAGES / "installed", hashlib.sha256((HERE / "package-lock.json").read_bytes()).hexdigest()
    if mark.exists() and mark.read_text(encoding="utf-8") == digest:
        return
    _need_room()
    for name in NPM_FILES:
        shutil.copy(HERE / name, PACKAGES / name)
    # No script of theirs is needed: each program is a file of the package for this platform.
    command = ("npm", "ci", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", str(PACKAGES))
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if ended.returncode:
        raise Unavailable(f"npm ci ended with {ended.returncode}:\n{ended.stderr[-2000:]}")
    mark.write_text(digest, encoding="utf-8")


def _need_room() -> None:
    if shutil.which("npm") is None:
        raise Unavailable("npm is not installed (Node.js 20 or newer has it)")
    PACKAGES.mkdir(parents=True, exist_ok=True)
    if subprocess.run(("npm", "view", "npm", "version"), capture_output=True, check=False).returncode:
        raise Unavailable("npm reaches no registry")
    free = shutil.disk_usage(PACKAGES).free
    if free < NEEDED_BYTES:
        raise Unavailable(f"{PACKAGES} has {free / 1e9:.1f} GB free, and the hosts need {NEEDED_BYTES / 1e9:g} GB")


def program(pattern: str) -> str:
    """Return the path of a host's program; raise Problem if this platform has none."""
    for path in sorted((PACKAGES / "node_modules").glob(pattern)):
        return str(path)
    raise Problem(f"npm has no package {pattern} for this platform")


def claude() -> str:
    return program("@anthropic-ai/claude-code-*/claude")


def codex() -> str:
    return program("@openai/codex-*/vendor/*/bin/codex")
