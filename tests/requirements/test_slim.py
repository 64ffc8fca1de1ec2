"""What an image does without."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from requirements.slim import unread


@pytest.mark.parametrize(
    ("file", "goes"),
    [
        ("PIL/PngImagePlugin.py", False),
        ("PIL/GifImagePlugin.py", True),
        ("pillow.libs/libpng16.so.16", False),
        ("pillow.libs/libavif.so.16", True),
        ("uvloop/loop.pyx", True),
        ("uvloop/loop.py", False),
        ("numpy/_core/multiarray.py", True),
    ],
)
def test_what_nothing_reads_goes(file: str, goes: bool) -> None:
    loaded = {"/venv/PIL/PngImagePlugin.py", "/venv/pillow.libs/libpng16.so.16"}

    assert bool(unread([Path("/venv") / file], loaded)) is goes


def test_numpy_stays_whole_where_it_is_loaded() -> None:
    assert unread([Path("/venv/numpy/random/_pickle.py")], {"/venv/numpy/__init__.py"}) == []


def test_the_simulators_image_names_a_module_that_loads_numpy() -> None:
    """`ibgateway.simulator` imports its server when it runs, and slim.py would see no numpy."""
    named = re.search(r"python /tmp/slim\.py (.+)", Path("ibgateway/Dockerfile").read_text(encoding="utf-8"))
    assert named
    loads = "import importlib, sys; [*map(importlib.import_module, sys.argv[1:])]; sys.exit('numpy' not in sys.modules)"

    assert subprocess.run([sys.executable, "-c", loads, *named[1].split()], check=False).returncode == 0
