"""A test that fails beside others runs once more, alone; no other failure is forgiven."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.layout import ROOT
from tests.rerun import MOST

ENVIRONMENT = {"PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}  # plugins take a second to load
PASSES = "def test_{0}(): pass\n"
FAILS = "def test_{0}(): assert False\n"
FAILS_ONCE = """
from pathlib import Path
def test_{0}():
    been = Path("been{0}")
    was_here = been.exists()
    been.touch()
    assert was_here
"""


def run(folder: Path, *tests: str, options: tuple[str, ...] = ()) -> tuple[int, str]:
    """Run `test_0` and so on as `make test` does; the status and the output."""
    (folder / "test_them.py").write_text("".join(each.format(number) for number, each in enumerate(tests)))
    (folder / "pytest.ini").write_text("[pytest]\naddopts = -q -p xdist -p no:cacheprovider\n")
    done = subprocess.run(
        [sys.executable, "-m", "tests.rerun", *options], cwd=folder, env=os.environ | ENVIRONMENT,
        capture_output=True, text=True, timeout=50, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def test_a_test_that_passes_alone_is_listed_and_the_run_passes(tmp_path: Path) -> None:
    status, output = run(tmp_path, PASSES, FAILS_ONCE, options=("-n", "1"))

    assert status == 0, output
    assert "FAILED BESIDE OTHERS, PASSED ALONE: 1" in output
    assert output.splitlines()[-1] == "test_them.py::test_1"


def test_a_test_that_fails_alone_too_fails_the_run(tmp_path: Path) -> None:
    status, output = run(tmp_path, FAILS)

    assert status == 1, output
    assert "FAILED BESIDE OTHERS AND ALONE: 1" in output
    assert output.splitlines()[-1] == "test_them.py::test_0"


@pytest.mark.parametrize(("tests", "options"), [([FAILS_ONCE] * (MOST + 1), ()), ([FAILS_ONCE, PASSES], ("-x",))])
def test_many_failures_or_a_run_that_ended_early_are_not_forgiven(
    tmp_path: Path, tests: list[str], options: tuple[str, ...]
) -> None:
    status, output = run(tmp_path, *tests, options=options)

    assert status == 1, output
    assert "alone" not in output
