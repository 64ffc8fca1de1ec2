"""The way of a call through the code, as the page on the architecture tells it, is there."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
STEP = re.compile(r"^\| [^|]+ \| `(\S+\.py)` \| `(\S+)` \|$", re.MULTILINE)
STEPS = STEP.findall((ROOT / "docs" / "architecture.md").read_text(encoding="utf-8"))


def test_the_page_has_the_steps_of_a_read_and_of_an_order() -> None:
    assert {"get_positions", "place_order"} <= {name for _, name in STEPS}


@pytest.mark.parametrize(("file", "name"), STEPS)
def test_each_step_is_a_function_of_its_file(file: str, name: str) -> None:
    found = ast.parse((ROOT / file).read_text(encoding="utf-8")).body
    for part in name.split("."):
        (named,) = [each for each in found if getattr(each, "name", None) == part]
        assert isinstance(named, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        found = named.body
