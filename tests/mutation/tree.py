"""A copy of the tree to change."""

import shutil
import subprocess
from pathlib import Path

from tests.layout import ROOT

KEPT = ROOT / ".state" / "mutants"


def copied_tree(place: Path) -> list[str]:
    """Copy what git tracks, without what an earlier run has left there; the names of the files."""
    shutil.rmtree(place, ignore_errors=True)
    told = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    names = [name for name in told.split("\0") if name and (ROOT / name).is_file()]
    for name in names:
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, place / name)
    return names
