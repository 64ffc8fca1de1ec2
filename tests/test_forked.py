"""Tests that run in forked processes are reported as in one, and a process that dies fails its test alone."""

import os
import subprocess
import sys
from pathlib import Path

from tests.layout import ROOT

ENVIRONMENT = {"PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}  # plugins take a second to load
FILES = {
    "one": "def test_passes(tmp_path): print('unseen')\ndef test_fails(): print('seen'); assert [1] == [2]\n",
    "two": "import os\ndef test_dies(): os._exit(3)\ndef test_goes_on(): pass\n",
    "three": "import pytest\ndef test_is_skipped(): pytest.skip('why')\n",
    # A fixture of the whole run begins once in each process, and ends after its last test.
    "conftest": "import pytest\n@pytest.fixture(scope='session', autouse=True)\ndef ends():\n"
    "    yield\n    open('ended', 'a').write('x')\n",
}


def run(folder: Path, *options: str) -> tuple[int, str]:
    for name, source in FILES.items():
        (folder / ("conftest.py" if name == "conftest" else f"test_{name}.py")).write_text(source)
    (folder / "pytest.ini").write_text("[pytest]\naddopts = -q -p tests.forked -p no:cacheprovider\n")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options], cwd=folder, env=os.environ | ENVIRONMENT,
        capture_output=True, text=True, timeout=50, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def test_every_test_is_reported_and_one_whose_process_dies_has_failed(tmp_path: Path) -> None:
    status, output = run(tmp_path, "--processes", "1")

    assert status == 1, output
    assert "2 failed, 2 passed, 1 skipped" in output
    assert "the process that ran it ended with status 3" in output
    assert "At index 0 diff: 1 != 2" in output
    assert "seen" in output
    assert "unseen" not in output
    assert (tmp_path / "ended").read_text() == "x"  # not by the one that died


def test_the_first_failure_ends_the_run_where_that_is_asked_for(tmp_path: Path) -> None:
    status, output = run(tmp_path, "--processes", "3", "-x")

    assert status == 1, output
    assert "1 failed" in output
    assert "stopping after 1 failures" in output
