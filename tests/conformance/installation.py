"""The packages of the suites and clients, by their locks: npm's, a Node.js for them, and Python's MCP SDK 1."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from cli.errors import Problem

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
PLACE = ROOT / ".state" / "conformance"
PACKAGES = PLACE / "npm"
MODULES = PACKAGES / "node_modules"
NPM_FILES = (
    "package.json",
    "package-lock.json",
    "clients/calls.mjs",
    "clients/with_client_2.mjs",
    "clients/with_sdk_1.mjs",
)
PYTHON_LOCK = ROOT / "requirements" / "conformance.txt"
PYTHON_1 = PLACE / "python" / ("Scripts" if os.name == "nt" else "bin") / "python"
UV = Path(sys.executable).with_name("uv")
NODE = (22, 19)  # what the Inspector needs


def install() -> None:
    """Install what is missing or has another lock. Raises Problem."""
    if shutil.which("npm") is None:
        raise Problem("npm is not installed (Node.js 20 or newer has it)")
    PACKAGES.mkdir(parents=True, exist_ok=True)
    for name in NPM_FILES:
        shutil.copy(HERE / name, PACKAGES / Path(name).name)
    if not _is_current(PACKAGES, HERE / "package-lock.json"):
        run("npm", "ci", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", str(PACKAGES))
        _remember(PACKAGES, HERE / "package-lock.json")
    if not _is_current(PLACE / "python", PYTHON_LOCK):
        run(str(UV), "venv", "--quiet", "--allow-existing", "--python", sys.executable, str(PLACE / "python"))
        run(str(UV), "pip", "sync", "--quiet", "--python", str(PYTHON_1), "--require-hashes", str(PYTHON_LOCK))
        _remember(PLACE / "python", PYTHON_LOCK)


def node() -> str:
    """Return the Node.js that npm's lock brings, else the one of the PATH. Raises Problem."""
    for path in (shutil.which("node", path=str(MODULES / ".bin")), shutil.which("node")):
        if path is not None and _version(path) >= NODE:
            return path
    raise Problem(f"the Inspector needs Node.js {NODE[0]}.{NODE[1]} or newer: install one on the PATH")


def package_version(package: str) -> str:
    """Return the version of an installed npm package."""
    return str(json.loads((MODULES / package / "package.json").read_text(encoding="utf-8"))["version"])


def run(*command: str) -> None:
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if ended.returncode:
        raise Problem(f"{' '.join(command[:3])} ended with {ended.returncode}:\n{ended.stderr[-2000:]}")


def _version(path: str) -> tuple[int, int]:
    said = subprocess.run([path, "--version"], capture_output=True, text=True, check=False).stdout
    found = re.match(r"v(\d+)\.(\d+)", said)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def _is_current(folder: Path, lock: Path) -> bool:
    mark = folder / "installed"
    return mark.exists() and mark.read_text(encoding="utf-8") == _digest(lock)


def _remember(folder: Path, lock: Path) -> None:
    (folder / "installed").write_text(_digest(lock), encoding="utf-8")


def _digest(lock: Path) -> str:
    return hashlib.sha256(lock.read_bytes()).hexdigest()
