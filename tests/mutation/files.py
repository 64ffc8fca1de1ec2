"""
`python -m tests.mutation files [PATH ...]`: whether each product file's own tests notice any change of it.

For each product file below the paths (all), its test file is run in a copy of the tree under .state/mutants: once
as it stands, then with one change after the other, until a change turns it red. Each run tries the same changes of a
file, at most `--most`, chosen by the file's name. `--resume FILE` adds each result to a file of JSON lines, and skips
the files whose last result there stands: a change was noticed, and neither the file nor its tests have changed.
Returns 1 where a file's tests notice none.
"""

import argparse
import json
import os
import queue
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass
from hashlib import sha256
from itertools import zip_longest
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.layout import ROOT, WITHOUT_OWN_TESTS, own_tests, product_files
from tests.mutation.changes import KINDS, Change, changes
from tests.mutation.tree import KEPT, copied_tree

MOST = 12
TEST_FILE_S = 240
LONGER = 5  # tests that take so many times their time without a change hang
SHORTEST_LIMIT_S = 60  # a busy machine stalls for seconds
PYTEST = (sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:xdist", "-p", "no:cacheprovider", "-m", "not long")
TIMED_OUT = -1
UNUSED = 5  # pytest's exit code where no test was found, or all were skipped when they were imported

NOTICED, EXCUSED = GOOD = "noticed", "excused"
UNNOTICED, RED, NO_TESTS, NONE_RAN = BAD = "NOT NOTICED", "RED AS IT STANDS", "NO TESTS", "NO TEST RAN"


@dataclass(frozen=True)
class Result:
    """The outcome for one product file, and the digest of what it was found with."""

    file: str
    outcome: str
    detail: str
    digest: str

    def __str__(self) -> str:
        return f"{self.file:<55} {self.outcome}{self.detail and ': '}{self.detail}"[:180]


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutation files", description=__doc__)
    parser.add_argument("paths", nargs="*", help="product files or folders of them (all)")
    parser.add_argument("--most", type=int, default=MOST, help="changes of each file")
    parser.add_argument("--jobs", type=int, default=1, help="files at a time, each in a copy of the tree")
    parser.add_argument("--resume", type=Path, metavar="FILE", help="JSON lines of the results so far, added to")
    options = parser.parse_args(arguments)
    files = [file for file in product_files() if _is_below(file, options.paths)]
    known = standing(options.resume, files) if options.resume else {}
    results = dict(known)
    for result in _results([file for file in files if file not in known], options.jobs, options.most):
        results[result.file] = result
        print(result, flush=True)
        if options.resume:
            _append(options.resume, result)
    print("\n" + summary(results.values()))
    return int(any(result.outcome not in GOOD for result in results.values()))


def _is_below(file: str, paths: list[str]) -> bool:
    return not paths or any(file == path or file.startswith(path.rstrip("/") + "/") for path in paths)


def standing(kept: Path, files: list[str]) -> dict[str, Result]:
    """The good results among the kept ones whose file and tests are still the same."""
    lines = kept.read_text(encoding="utf-8").splitlines() if kept.exists() else []
    last = {result.file: result for result in (Result(**json.loads(line)) for line in lines)}
    return {
        file: result
        for file, result in last.items()
        if file in files and result.outcome in GOOD and result.digest == digest(file)
    }


def digest(file: str, root: Path = ROOT) -> str:
    """A short digest of a product file and its own tests."""
    parts = [root / file, root / own_tests(file)]
    return sha256(b"\0".join(part.read_bytes() for part in parts if part.exists())).hexdigest()[:16]


def summary(results: Iterable[Result]) -> str:
    """Each bad result again, and how many files have which outcome."""
    listed = sorted(results, key=lambda result: result.file)
    bad = [str(result) for result in listed if result.outcome not in GOOD]
    counts = Counter(result.outcome for result in listed)
    told = ", ".join(f"{counts[each]} {each}" for each in (*GOOD, *BAD) if counts[each])
    return "\n".join([*bad, f"{len(listed)} files: {told}"])


def _append(kept: Path, result: Result) -> None:
    with kept.open("a", encoding="utf-8") as lines:
        lines.write(json.dumps(asdict(result)) + "\n")


def _results(files: list[str], jobs: int, most: int) -> Iterator[Result]:
    """Each file's result, as they come; so many files are tried at a time."""
    places: queue.SimpleQueue[Path] = queue.SimpleQueue()

    def tried(file: str) -> Result:
        place = places.get()
        try:
            return FileUnderTest(place, file).result(most)
        finally:
            places.put(place)

    with ExitStack() as until_the_end, ThreadPoolExecutor(jobs) as pool:
        for _ in range(jobs):
            places.put(_copy(until_the_end))
        for done in as_completed([pool.submit(tried, file) for file in files]):
            yield done.result()


def _copy(until_the_end: ExitStack) -> Path:
    KEPT.mkdir(parents=True, exist_ok=True)
    place = Path(until_the_end.enter_context(TemporaryDirectory(prefix="files-", dir=KEPT)))
    copied_tree(place)
    return place


class FileUnderTest:
    """One product file in the copy, and its tests there."""

    def __init__(self, place: Path, file: str) -> None:
        self._place = place
        self._file = file
        self._path = place / file
        self._digest = digest(file, place)
        self._written = 0
        self._limit_s = float(TEST_FILE_S)

    def result(self, most: int) -> Result:
        """Return whether a change turns the file's own tests red."""
        if self._file in WITHOUT_OWN_TESTS:
            return self._result(EXCUSED, WITHOUT_OWN_TESTS[self._file])
        if not (self._place / own_tests(self._file)).exists():
            return self._result(NO_TESTS)
        source = self._path.read_text(encoding="utf-8")
        begun = time.monotonic()
        if (code := self._code()) != 0:
            return self._result(NONE_RAN if code == UNUSED else RED)
        self._limit_s = min(TEST_FILE_S, max(SHORTEST_LIMIT_S, LONGER * (time.monotonic() - begun)))
        try:
            return self._noticed(chosen(changes(source), most, self._file))
        finally:
            self._write(source)

    def _noticed(self, tried: list[Change]) -> Result:
        for number, change in enumerate(tried, 1):
            self._write(change.source)
            if (code := self._code()) != 0:
                hung = " (the tests did not end)" if code == TIMED_OUT else ""
                return self._result(NOTICED, f"change {number}{hung}: line {change.line}: {change.description}")
        return self._result(UNNOTICED, f"{len(tried)} changes")

    def _write(self, source: str) -> None:
        """Write the file, a second younger each time: Python knows its compiled form by seconds and size."""
        self._path.write_text(source, encoding="utf-8")
        self._written += 1
        at = self._path.stat().st_mtime + self._written
        os.utime(self._path, (at, at))

    def _code(self) -> int:
        """pytest's exit code; one of its own where the tests don't end."""
        command = [*PYTEST, own_tests(self._file)]
        silent = subprocess.DEVNULL  # what a test leaves running would hold a pipe open
        process = subprocess.Popen(command, cwd=self._place, stdout=silent, stderr=silent, start_new_session=True)
        try:
            code = process.wait(self._limit_s)
        except subprocess.TimeoutExpired:
            code = TIMED_OUT
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return code

    def _result(self, outcome: str, detail: str = "") -> Result:
        return Result(self._file, outcome, detail, self._digest)


def chosen(tried: list[Change], most: int, seed: str) -> list[Change]:
    """At most so many changes, of each kind in turn, spread over the file and the same on every run."""
    mixed = random.Random(seed).sample(tried, len(tried))
    by_kind = [[change for change in mixed if change.kind == kind] for kind in KINDS]
    in_turn = [change for each in zip_longest(*by_kind) for change in each if change is not None]
    return in_turn[:most]
