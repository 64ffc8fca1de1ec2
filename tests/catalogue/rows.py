"""The fault catalogue as its page and the tests' marks tell it."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TESTS = ROOT / "tests"
PAGE = ROOT / "docs" / "fault-catalogue.md"

# What is counted together, and of how many rows at least as many must be shown.
GROUPS: dict[str, tuple[range, ...]] = {
    "gateway, requests, worker, Redis": (range(1, 40), range(61, 87)),
    "orders": (range(40, 61), range(87, 88), range(91, 99), range(105, 108)),
    "front and clients": (range(88, 91), range(99, 105), range(108, 110)),
}
ROWS = 109
MARK = "pytest.mark.fault"

_ROW = re.compile(r"^\| (\d+) \|(.*)\|$")
_TEST = re.compile(r"`([\w/]+\.py)::(\w+)`")


@dataclass(frozen=True, order=True)
class Test:
    """A test function: its file below tests/, and its name."""

    __test__ = False  # not one itself

    file: str
    name: str

    def __str__(self) -> str:
        return f"{self.file}::{self.name}"


def page() -> dict[int, frozenset[Test]]:
    """The tests that the page names for each row."""
    rows: dict[int, frozenset[Test]] = {}
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if row := _ROW.match(line):
            number = int(row[1])
            assert number not in rows, f"row {number} stands twice on the page"
            rows[number] = frozenset(Test(*each) for each in _TEST.findall(row[2]))
    return rows


@cache
def marks() -> dict[int, frozenset[Test]]:
    """The tests that carry each row's mark; read from the source, as importing every test takes half a minute."""
    rows: dict[int, set[Test]] = {}
    for path in _files("test_*.py"):
        tree = _parsed(path)
        of_all = [row for each in _pytestmarks(tree) for row in _marked(each)]
        for function in _functions(tree):
            if function.name.startswith("test_"):
                own = [row for each in function.decorator_list for row in _marked(each)]
                for row in (*of_all, *own):
                    rows.setdefault(row, set()).add(Test(str(path.relative_to(TESTS)), function.name))
    return {row: frozenset(tests) for row, tests in sorted(rows.items())}


def stray_marks() -> list[str]:
    """Files with a mark where `marks` does not look: it reads `pytestmark` and the decorators of functions."""
    strays = []
    for path in _files("*.py"):
        tree = _parsed(path)
        read = [*_pytestmarks(tree), *(each for function in _functions(tree) for each in function.decorator_list)]
        if sum(len(list(_marked(each))) for each in read) != len(list(_marked(tree))):
            strays.append(str(path.relative_to(TESTS)))
    return strays


def _files(pattern: str) -> list[Path]:
    """Those with a mark somewhere: to parse them all takes seconds."""
    return sorted(path for path in TESTS.rglob(pattern) if MARK in path.read_text(encoding="utf-8"))


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


def _marked(tree: ast.AST) -> Iterator[int]:
    """The rows of every `pytest.mark.fault(…)` below a node."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == MARK:
            yield from (ast.literal_eval(each) for each in node.args)


def all_rows() -> range:
    return range(1, ROWS + 1)
