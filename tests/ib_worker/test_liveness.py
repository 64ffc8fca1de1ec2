"""The sign of life in a file: fresh while the worker lives, and gone with it."""

import os
from pathlib import Path

import pytest

from ib_worker import liveness as beat


def test_a_worker_is_alive_while_its_file_is_fresh(tmp_path: Path) -> None:
    file = tmp_path / "beat"
    assert not beat.is_alive(file)

    file.touch()

    assert beat.is_alive(file)


@pytest.mark.fault(72)
def test_a_stale_file_is_no_life(tmp_path: Path) -> None:
    file = tmp_path / "beat"
    file.touch()
    old = file.stat().st_mtime - beat.STALE_S - 1
    os.utime(file, (old, old))

    assert not beat.is_alive(file)
