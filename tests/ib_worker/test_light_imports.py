"""The worker's process has what it uses, and not the large packages that its libraries only offer."""

import subprocess
import sys

from ib_worker import light_imports

PROBE = "import sys, ib_worker.__main__; print([name for name in ('rich', 'numpy', 'ib_async') if name in sys.modules])"


def test_the_worker_runs_without_rich_and_numpy() -> None:
    found = subprocess.run([sys.executable, "-c", PROBE], capture_output=True, text=True, check=True)

    assert found.stdout.strip() == "['ib_async']"


def test_a_library_that_is_loaded_is_left_alone() -> None:
    before = sys.modules["structlog"]

    light_imports.import_without("no_such_package", None, "structlog")

    assert sys.modules["structlog"] is before
    assert "no_such_package" not in sys.modules
