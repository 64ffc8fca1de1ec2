"""
`python -m tests.mutation files [PATH ...]`: whether each product file's own tests notice any change of it.

For each product file below the paths (all), its test file is run in a copy of the tree under .state/mutants: once
as it stands, then with one change after the other, until a change turns it red. Told are the files whose tests notice
none of MOST changes, chosen by the file's name, so that each run tries the same. Returns 1 where there is one.
"""

import argparse
import os
import random
import signal
import subprocess
import sys
from contextlib import suppress
from itertools import zip_longest
from pathlib import Path

from tests.layout import ROOT, own_tests, product_files
from tests.mutation.changes import KINDS, Change, changes
from tests.mutation.tree import KEPT, copied_tree

MOST = 12
TEST_FILE_S = 240
PYTEST = (sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:xdist", "-p", "no:cacheprovider", "-m", "not long")
TIMED_OUT = -1
UNUSED = 5  # pytest's exit code where it has found no test


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutation files", description=__doc__)
    parser.add_argument("paths", nargs="*", help="product files or folders of them (all)")
    parser.add_argument("--most", type=int, default=MOST, help="changes of each file")
    options = parser.parse_args(arguments)
    files = [file for file in product_files() if _is_below(file, options.paths)]
    place = KEPT / "files"
    copied_tree(place)
    unnoticed = [file for file in files if not FileUnderTest(place, file).is_noticed(options.most)]
    print(f"\n{len(files) - len(unnoticed)} of {len(files)} files: their own tests notice a change of them")
    return int(bool(unnoticed))


def _is_below(file: str, paths: list[str]) -> bool:
    return not paths or any(file == path or file.startswith(path.rstrip("/") + "/") for path in paths)


class FileUnderTest:
    """One product file in the copy, and its tests there."""

    def __init__(self, place: Path, file: str) -> None:
        self._place = place
        self._file = file
        self._path = place / file
        self._written = 0

    def is_noticed(self, most: int) -> bool:
        """Whether a change turns the file's own tests red; says what has happened."""
        if not (ROOT / own_tests(self._file)).exists():
            return self._told("NO TESTS", False)
        source = self._path.read_text(encoding="utf-8")
        if self._result() != 0:
            return self._told("RED AS IT STANDS", False)
        try:
            return self._is_noticed(chosen(changes(source), most, self._file))
        finally:
            self._write(source)

    def _is_noticed(self, tried: list[Change]) -> bool:
        for number, change in enumerate(tried, 1):
            self._write(change.source)
            if self._result() != 0:
                return self._told(f"noticed, change {number}: line {change.line}: {change.description}", True)
        return self._told(f"NOT NOTICED: {len(tried)} changes", False)

    def _write(self, source: str) -> None:
        """Write the file, a second younger each time: Python knows its compiled form by seconds and size."""
        self._path.write_text(source, encoding="utf-8")
        self._written += 1
        at = self._path.stat().st_mtime + self._written
        os.utime(self._path, (at, at))

    def _result(self) -> int:
        """pytest's exit code; one of its own where the tests don't end."""
        command = [*PYTEST, own_tests(self._file)]
        silent = subprocess.DEVNULL  # what a test leaves running would hold a pipe open
        process = subprocess.Popen(command, cwd=self._place, stdout=silent, stderr=silent, start_new_session=True)
        try:
            code = process.wait(TEST_FILE_S)
        except subprocess.TimeoutExpired:
            code = TIMED_OUT
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return code if code != UNUSED else 0

    def _told(self, outcome: str, noticed: bool) -> bool:
        print(f"{self._file:<55} {outcome[:120]}", flush=True)
        return noticed


def chosen(tried: list[Change], most: int, seed: str) -> list[Change]:
    """At most so many changes, of each kind in turn, spread over the file and the same on every run."""
    mixed = random.Random(seed).sample(tried, len(tried))
    by_kind = [[change for change in mixed if change.kind == kind] for kind in KINDS]
    in_turn = [change for each in zip_longest(*by_kind) for change in each if change is not None]
    return in_turn[:most]
