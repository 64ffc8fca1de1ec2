"""Makes `.venv` from a hashed lock (`install.py local` for the demo, `dev` for tests); quick where it is done.

Runs on the machine's own Python, before anything is installed, so it is the standard library alone.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

LOCKS = Path(__file__).resolve().parent
VENV = LOCKS.parent / ".venv"
STAMP = VENV / "installed"
OLDEST = (3, 11)
INSTALLER = LOCKS / "uv.txt"  # uv alone, with its hashes; it installs the rest ten times quicker than pip


LOG = LOCKS.parent / ".state" / "install.log"
# What a failed installation says, in the order in which the causes are looked for, and what to do.
CAUSES = (
    (r"no space left", "The disk is full: free about 1 GB, then run the same command again."),
    (r"permission denied", "The folder .venv belongs to another user: remove it, then run the same command again."),
    (
        r"hash(es)? (mismatch|do not match)|do(es)? not match the hashes",
        "A package is not the one that was locked: the package index, or a proxy in between, serves another file.",
    ),
    (
        r"name resolution|resolve host|dns error|network is unreachable|connection (refused|reset)|timed out"
        r"|failed to establish a new connection|error sending request|could not connect|proxyerror|from versions: none",
        "No package could be downloaded: the package index cannot be reached. Connect this machine to the network, or "
        "name a mirror (PIP_INDEX_URL, or pip.conf), then run the same command again.",
    ),
)


class Failed(Exception):
    """An installation failed; the text is one sentence about why."""


class Missing(Exception):
    """The machine lacks something; the text says what, and how to get it."""


def main(level: str) -> None:
    if is_current(level):
        return
    need_python()
    began = time.monotonic()
    print(f"installing requirements/{level}.txt into .venv ...", flush=True)
    if not is_usable():
        create()
    install(LOCKS / f"{level}.txt")
    STAMP.write_text(f"{level} {digest(level)}\n{origin()}\n", encoding="utf-8")
    print(f"installed in {time.monotonic() - began:.0f} s", flush=True)


def is_current(level: str) -> bool:
    """Return whether this lock is installed as it is now, or `dev`, which holds all of `local`."""
    try:
        installed, made_by = STAMP.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return False
    return made_by == origin() and installed in {f"{each} {digest(each)}" for each in (level, "dev")}


def is_usable() -> bool:
    """Return whether `.venv` was made here by this Python, and only its packages are out of date."""
    return STAMP.exists() and STAMP.read_text(encoding="utf-8").splitlines()[1:] == [origin()]


def digest(level: str) -> str:
    return hashlib.sha256((LOCKS / f"{level}.txt").read_bytes() + INSTALLER.read_bytes()).hexdigest()


def origin() -> str:
    """Return the two things that a virtual environment must keep: its own path and its Python."""
    return f"{VENV} {sys.executable} {sys.version.split()[0]}"


def need_python() -> None:
    if sys.version_info < OLDEST:
        have = ".".join(map(str, sys.version_info[:3]))
        raise Missing(
            f"Python {OLDEST[0]}.{OLDEST[1]} or newer is needed, and {sys.executable} is {have}. Install a newer one "
            "and name it: make demo PYTHON=/path/to/python3.13"
        )
    try:
        import ensurepip  # noqa: F401, PLC0415 - Debian's python3 is without it until python3-venv is installed
    except ImportError:
        raise Missing(
            "Python's venv module is incomplete. On Debian or Ubuntu: sudo apt install python3-venv"
        ) from None


def create() -> None:
    STAMP.unlink(missing_ok=True)
    shutil.rmtree(VENV, ignore_errors=True)
    run(sys.executable, "-m", "venv", str(VENV))
    pip("--only-binary", ":all:", INSTALLER)


def install(lock: Path) -> None:
    STAMP.unlink(missing_ok=True)
    uv = VENV / "bin" / "uv"
    try:
        run(str(uv), "pip", "sync", "-q", "--python", str(VENV / "bin" / "python"), "--require-hashes", str(lock))
    except (OSError, Failed):
        print("uv could not install the packages; trying pip, which heeds pip.conf", flush=True)
        pip(lock)


def pip(*arguments: str | Path) -> None:
    *options, lock = map(str, arguments)
    # A lock is whole: nothing is to be resolved. Resolving, pip stops at an extra that the lock names without brackets.
    fixed = ("-q", "--disable-pip-version-check", "--require-hashes", "--no-deps")
    run(str(VENV / "bin" / "python"), "-m", "pip", "install", *fixed, *options, "-r", lock)


def run(*command: str) -> None:
    """Run a command, its output in a file. Raise Failed with one sentence about why the command failed."""
    LOG.parent.mkdir(exist_ok=True)
    with LOG.open("w+", encoding="utf-8", errors="replace") as log:
        if subprocess.run(command, stdout=log, stderr=log, check=False).returncode:
            log.seek(0)
            raise Failed(f"{reason(log.read())} All that it said is in {LOG}.")


def reason(output: str) -> str:
    """Return one sentence about a failed installation: a known cause with its remedy, else pip's own last words."""
    for pattern, sentence in CAUSES:
        if re.search(pattern, output, re.IGNORECASE):
            return sentence
    errors = [line.strip() for line in output.splitlines() if line.strip() and not line.startswith("WARNING")]
    return f"The packages could not be installed: {errors[-1] if errors else 'the installer said nothing'}."


if __name__ == "__main__":
    try:
        main(*sys.argv[1:2] or ["local"])
    except (Failed, Missing) as problem:
        sys.exit(f"error: {problem}")
