"""
`python -m tests.rerun …`, which `make test` runs: pytest, and then each failed test once more, alone.

A machine that stands still for seconds fails a test that passes alone: such tests are listed, and the run ends with 0.
More failures than `MOST`, or one that fails alone too, end it with 1.
"""

import subprocess
import sys
from collections.abc import Sequence

import pytest

MOST = 5  # failures; more of them are a fault of the product or of the tests


class Failures:
    """A plugin that keeps the ids of failed tests, and whether every chosen test ran."""

    def __init__(self) -> None:
        self.ids: dict[str, None] = {}  # in their order; a test can fail twice, in its call and in its teardown
        self.ran_all = True

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.ids[report.nodeid] = None

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        self.ran_all = self.ran_all and not report.failed

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Note a run that ended early, as with `-x`: the tests that it left out must not count as passed."""
        self.ran_all = self.ran_all and not (session.shouldfail or session.shouldstop)


def run(arguments: Sequence[str]) -> int:
    """Run pytest with these arguments, and each failed test alone; return the status to end with."""
    seen = Failures()
    status = int(pytest.main([*arguments], plugins=[seen]))
    if status != pytest.ExitCode.TESTS_FAILED or not seen.ran_all or not 0 < len(seen.ids) <= MOST:
        return status
    _say(f"{len(seen.ids)} failed. Each runs once more, alone")
    failed_alone = [each for each in seen.ids if not _passes_alone(each)]
    _list("FAILED BESIDE OTHERS, PASSED ALONE", [each for each in seen.ids if each not in failed_alone])
    _list("FAILED BESIDE OTHERS AND ALONE", failed_alone)
    return status if failed_alone else 0


def _passes_alone(test: str) -> bool:
    """In a process of its own: the modules of a process that ran pytest are not as new."""
    return subprocess.run([sys.executable, "-m", "pytest", "-n", "0", test], check=False).returncode == 0


def _list(title: str, tests: Sequence[str]) -> None:
    if tests:
        _say(f"{title}: {len(tests)}")
        print("\n".join(tests), flush=True)


def _say(text: str) -> None:
    print(f"\n{f' {text} ':=^100}", flush=True)


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
