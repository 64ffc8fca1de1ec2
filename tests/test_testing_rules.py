"""The rules of the tests themselves: nothing is mocked, nothing sleeps, and waits are given, never patched."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.source import PACKAGES, ROOT, imports, name_of, sources, tree

# Packages whose waits stand in one frozen object of each process (bridge/bus/timing.py, mcp_front/timing.py,
# ib_worker/orders/timing.py), and the tests that may patch a wait by its name all the same.
TIMED_TESTS = ("tests/bridge", "tests/mcp_front", "tests/e2e", "tests/catalogue")
PATCH_WAITS = {
    "tests/mcp_front/admission/test_fair_queueing.py": "the fair queue's waits are rules of admission",
    "tests/mcp_front/admission/test_fair_queue_rejections.py": "the same",
}


def naming(word: str, *packages: str) -> list[Path]:
    """Return the files with the word: to parse the others takes seconds."""
    return [path for path in sources(*packages) if word in path.read_text(encoding="utf-8")]


def test_nothing_is_mocked_and_no_test_sleeps() -> None:
    mocks = {"unittest.mock", "mock", "pytest_mock"}

    mockers = {name_of(path) for path in naming("mock", *PACKAGES) if mocks & imports(path)}
    sleepers = {name_of(path) for path in naming("sleep", "tests") if sleeps(path)}

    assert not mockers
    assert not sleepers


def sleeps(path: Path) -> bool:
    called = (node for node in ast.walk(tree(path)) if isinstance(node, ast.Attribute) and node.attr == "sleep")
    return any(isinstance(node.value, ast.Name) and node.value.id == "time" for node in called)


def patches(path: Path) -> Iterator[ast.Call]:
    """Yield the calls of a `setattr` of pytest's monkeypatch in a file."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "setattr":
            yield node


@pytest.mark.parametrize("package", ["tests", "benchmarks"])
def test_no_test_patches_a_dotted_string_of_ours(package: str) -> None:
    """A dotted string outlives the name that it patches; neither a type checker nor a search of the name finds it."""
    wrong = {
        f"{path.relative_to(ROOT)}:{patch.lineno}: {ast.unparse(patch)}"
        for path in naming("setattr", package)
        for patch in patches(path)
        if re.match(rf"f?['\"]({'|'.join(PACKAGES)})\.", ast.unparse(patch.args[0]))
    }

    assert not wrong


@pytest.mark.parametrize("folder", TIMED_TESTS)
def test_a_test_gives_a_part_its_waits_and_patches_none(folder: str) -> None:
    wrong = {
        f"{name}:{patch.lineno}: {ast.unparse(patch)}"
        for path in naming("setattr", folder)
        if (name := path.relative_to(ROOT).as_posix()) not in PATCH_WAITS
        for patch in patches(path)
        if len(patch.args) > 1 and re.fullmatch(r"'[A-Z_]+_M?S'", ast.unparse(patch.args[1]))
    }

    assert not wrong
