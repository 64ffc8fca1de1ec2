"""The project's own Python files, and the names, strings and imports in them."""

import ast
import gc
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PRODUCT = ("bridge", "mcp_front", "console", "ib_worker", "ibgateway", "cli")
PACKAGES = (*PRODUCT, "benchmarks", "tests")


@cache
def sources(*packages: str) -> list[Path]:
    return [path for package in packages for path in sorted((ROOT / package).rglob("*.py"))]


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@cache
def tree(path: Path) -> ast.Module:
    """The parsed file. Every tree is kept, and to look through all for garbage takes five times as long as parsing."""
    gc.disable()
    try:
        return ast.parse(path.read_text(encoding="utf-8"), str(path))
    finally:
        gc.enable()


@cache
def imports(path: Path) -> set[str]:
    """Dotted names of every module that a file imports; `from a import b` gives a and a.b."""
    found: set[str] = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = list(path.relative_to(ROOT).parts[: -node.level]) if node.level else []
            module = ".".join([*above, *([node.module] if node.module else [])])
            found.update({module, *(f"{module}.{alias.name}" for alias in node.names)})
    return found


def top(module: str) -> str:
    return module.split(".")[0]


def strings(path: Path) -> set[str]:
    """Every string of a file but its docstrings."""
    constants = (node.value for node in ast.walk(tree(path)) if isinstance(node, ast.Constant))
    return {value for value in constants if isinstance(value, str)} - docstrings(path)


def docstrings(path: Path) -> set[str]:
    described = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    return {ast.get_docstring(node, clean=False) or "" for node in ast.walk(tree(path)) if isinstance(node, described)}


def class_names(*packages: str) -> list[str]:
    return [node.name for path in sources(*packages) for node in ast.walk(tree(path)) if isinstance(node, ast.ClassDef)]
