"""Which file of a package imports which, the room of each file, and circles and chains of such arrows."""

import ast
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from tests.architecture.rooms.table import ROOMS
from tests.architecture.source import ROOT, name_of, tree


@cache
def files_imported(path: Path) -> set[Path]:
    """The files of the same package that a file imports, also for type checkers alone."""
    return {
        found
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for module in modules_named(node)
        if (found := file_of(module)) and found != path and parts_of(found)[0] == parts_of(path)[0]
    }


def modules_named(node: ast.Import | ast.ImportFrom) -> list[str]:
    """Modules that a statement names: `from a import b` names a.b where b is a module, and a where it is not."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    module = node.module or ""
    return [inner if file_of(inner) else module for inner in (f"{module}.{alias.name}" for alias in node.names)]


@cache
def file_of(module: str) -> Path | None:
    """The file of one of our modules; None for others' modules."""
    place = ROOT.joinpath(*module.split("."))
    return next((path for path in (place.with_suffix(".py"), place / "__init__.py") if path.is_file()), None)


def parts_of(path: Path) -> tuple[str, ...]:
    return path.relative_to(ROOT).parts


@cache
def has_rooms(folder: Path) -> bool:
    return any(next(inner.glob("*.py"), None) for inner in folder.iterdir() if inner.is_dir())


def room_of(path: Path) -> str:
    """A file's folder; the file itself where its folder has rooms."""
    return name_of(path if has_rooms(path.parent) else path.parent)


def allows(room: str, other: str) -> bool:
    return any(other == below or other.startswith(f"{below}/") for below in ROOMS.get(room, ()))


def circle(arrows: dict[str, set[str]]) -> list[str]:
    """One way through the arrows that ends where it began; empty if there is none."""
    try:
        TopologicalSorter(arrows).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def longest_chain(arrows: dict[Path, set[Path]]) -> list[Path]:
    """The files of the longest way along the arrows, the importing file before the imported one."""
    chains: dict[Path, list[Path]] = {}
    for path in TopologicalSorter(arrows).static_order():
        chains[path] = [path, *max((chains[other] for other in arrows[path]), key=len, default=[])]
    return max(chains.values(), key=len)
