"""Tests that carry a mark with rows of a page, read from their source."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

TESTS = Path(__file__).resolve().parent


@dataclass(frozen=True, order=True)
class Test:
    """A test function: its file below tests/, and its name."""

    __test__ = False  # not one itself

    file: str
    name: str

    def __str__(self) -> str:
        return f"{self.file}::{self.name}"


@cache
def marked_tests(mark: str) -> dict[Any, frozenset[Test]]:
    """The tests that carry each row's mark; read from the source, as importing every test takes half a minute."""
    rows: dict[Any, set[Test]] = {}
    for path in _files("test_*.py", mark):
        tree = _parsed(path)
        of_all = [row for each in _pytestmarks(tree) for row in _marked(each, mark)]
        for function in _functions(tree):
            if function.name.startswith("test_"):
                own = [row for each in function.decorator_list for row in _marked(each, mark)]
                for row in (*of_all, *own):
                    rows.setdefault(row, set()).add(Test(str(path.relative_to(TESTS)), function.name))
    return {row: frozenset(tests) for row, tests in sorted(rows.items())}


def stray_marks(mark: str) -> list[str]:
    """Files with a mark where `marked_tests` does not look: it reads `pytestmark` and the decorators of functions."""
    strays = []
    for path in _files("*.py", mark):
        tree = _parsed(path)
        read = [*_pytestmarks(tree), *(each for function in _functions(tree) for each in function.decorator_list)]
        if sum(len(list(_marked(each, mark))) for each in read) != len(list(_marked(tree, mark))):
            strays.append(str(path.relative_to(TESTS)))
    return strays


def _files(pattern: str, mark: str) -> list[Path]:
    """Those with a mark somewhere: to parse them all takes seconds."""
    return sorted(path for path in TESTS.rglob(pattern) if mark in path.read_text(encoding="utf-8"))


@cache
def _parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _functions(tree: ast.Module) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    return [each for each in tree.body if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)]


def _pytestmarks(tree: ast.Module) -> list[ast.expr]:
    """What stands for every test of a module."""
    return [
        each.value
        for each in tree.body
        if isinstance(each, ast.Assign) and [ast.unparse(target) for target in each.targets] == ["pytestmark"]
    ]


def _marked(tree: ast.AST, mark: str) -> Iterator[Any]:
    """The rows of every such mark below a node."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == mark:
            yield from (ast.literal_eval(each) for each in node.args)
