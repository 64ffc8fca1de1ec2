"""The architecture page has a row for each room of the product."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
NAMED = set(re.findall(r"`([a-z_/]+)`", "\n".join(re.findall(r"^\| (`[^|]*) \|", PAGE, re.MULTILINE))))


@pytest.mark.parametrize("package", ["bridge", "mcp_front", "console", "ib_worker", "cli"])
def test_the_architecture_page_names_each_room(package: str) -> None:
    rooms = {path.parent.relative_to(ROOT).as_posix() for path in (ROOT / package).rglob("*/__init__.py")} - {package}

    assert {name for name in NAMED if name.startswith(f"{package}/")} == rooms
