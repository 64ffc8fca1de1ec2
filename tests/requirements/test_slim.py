"""What an image does without."""

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
