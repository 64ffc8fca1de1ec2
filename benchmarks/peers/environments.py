"""The needs of the comparison beside the project: the peers, each in a folder of its own, and a tokenizer."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from cli.errors import Problem

CACHE = Path(os.environ.get("PEERS_CACHE") or Path(__file__).parents[2] / ".state" / "peers")
NEWEST_FIRST = ("python3.14", "python3.13", "python3.12")
OLDEST = (3, 12)
DISTRIBUTIONS = {"ib-gateway-mcp": "0.2.2", "ib-mcp": "0.3.1"}
TOKENIZER = "js-tiktoken@1.0.21"
COUNT = """
import { getEncoding } from "js-tiktoken";
let text = "";
for await (const piece of process.stdin) text += piece;
console.log(getEncoding("o200k_base").encode(text).length);
"""


def find_python() -> str | None:
    """Return a Python that the peers run on: PEERS_PYTHON, else of the PATH; None where there is none. Raises
    Problem."""
    named = os.environ.get("PEERS_PYTHON")
    for each in (named,) if named else NEWEST_FIRST:
        if (version_of(each) or (0,)) >= OLDEST:
            return each
    if named:
        raise Problem(f"PEERS_PYTHON={named} is no Python {'.'.join(map(str, OLDEST))} or newer.")
    return None


def version_of(python: str) -> tuple[int, ...] | None:
    """Return (3, 13, 5); None where the program does not run."""
    try:
        said = _said(python, "-c", "import sys; print(*sys.version_info[:3])")
    except (OSError, subprocess.CalledProcessError):
        return None
    return tuple(map(int, said.split()))


def install(name: str, python: str) -> Path:
    """Install a peer and what it needs for that Python, once; return the folder. Raises Problem."""
    version = ".".join(map(str, version_of(python) or OLDEST))
    folder = CACHE / f"{name}-{DISTRIBUTIONS[name]}-{version}"
    if not folder.exists():
        partial = folder.with_suffix(".partial")
        shutil.rmtree(partial, ignore_errors=True)
        wanted = f"{name}=={DISTRIBUTIONS[name]}"
        uv = Path(sys.executable).parent / "uv"
        _installed(uv, "pip", "install", "--quiet", "--target", partial, "--python-version", version, wanted)
        partial.rename(folder)
    return folder


def releases(folder: Path, names: Sequence[str]) -> dict[str, str]:
    """Return the releases of those packages that the folder has."""
    found = {}
    for name in names:
        for each in folder.glob(f"{name.replace('-', '_')}-*.dist-info"):
            found[name] = each.name.removesuffix(".dist-info").rpartition("-")[2]
    return found


def count_tokens(text: str) -> int | None:
    """Return the tokens of a text by o200k_base; None without npm and Node.js. Raises Problem."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        return None
    folder = CACHE / "tokenizer"
    if not (folder / "node_modules").exists():
        folder.mkdir(parents=True, exist_ok=True)
        _installed(npm, "install", "--silent", "--no-audit", "--no-fund", "--prefix", folder, TOKENIZER)
    script = folder / "count.mjs"
    script.write_text(COUNT, encoding="utf-8")
    counted: int = json.loads(_said(node, str(script), text=text))
    return counted


def _installed(*command: str | Path) -> None:
    try:
        _said(*map(str, command))
    except (OSError, subprocess.CalledProcessError) as failed:
        why = getattr(failed, "stderr", "") or str(failed)
        raise Problem(f"`{' '.join(map(str, command))}` failed: {why.strip()[-600:]}") from None


def _said(*command: str, text: str = "") -> str:
    return subprocess.run(command, input=text, capture_output=True, text=True, check=True).stdout
