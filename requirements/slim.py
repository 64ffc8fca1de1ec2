"""Makes what an image runs small: `slim.py MODULE…`, run once in the image's build by its virtual environment's Python.

Debug symbols, tests, and sources for compilers and type checkers go, since nobody debugs, tests or compiles in a
container. Of Pillow that stays which MODULEs load: it brings formats that nobody writes, and their libraries. numpy
goes where no MODULE loads it: of the worker, a library of a library needs it for what the worker never asks.
Bytecode is made of what MODULEs load, as the image's root is read-only, and of nothing else, since it doubles a
source's size. It is valid by its being there, not by the source's time, so a release may set all times to its
commit's.
"""

from __future__ import annotations

import importlib
import py_compile
import shutil
import subprocess
import sys
from pathlib import Path

ELF = b"\x7fELF"
UNUSED = ("tests", "benchmarks", "sboms")  # folders; the last have what a wheel's maker built it with
FOR_COMPILERS = frozenset((".pyi", ".pyx", ".pxd", ".c", ".h"))
PARTIAL = ("PIL", "pillow.libs")  # folders of which a file goes that is not loaded
WHOLE = ("numpy", "numpy.libs")  # folders that go if no file of theirs is loaded


def main(modules: list[str]) -> None:
    venv = Path(sys.prefix)
    for library in venv.rglob("*.so*"):
        if library.read_bytes().startswith(ELF):
            subprocess.run(["strip", "--strip-unneeded", library], check=True)
    for folder in [each for name in UNUSED for each in venv.rglob(name) if each.is_dir()]:
        shutil.rmtree(folder)
    sources = loaded_by(modules)
    files = [each for each in venv.rglob("*") if each.is_file()]
    mapped = Path("/proc/self/maps").read_text(encoding="utf-8")
    for each in unread(files, {*sources, *_mapped_files(mapped)}):
        each.unlink()
    for source in sources:
        py_compile.compile(source, doraise=True, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)


def unread(files: list[Path], loaded: set[str]) -> list[Path]:
    """Return the files that nothing reads: those for compilers, of partial packages those that are not loaded, and
    whole packages of which none is."""
    gone = {name for name in WHOLE if not any(name in Path(each).parts for each in loaded)}
    return [
        each
        for each in files
        if each.suffix in FOR_COMPILERS
        or (each.parent.name in PARTIAL and str(each) not in loaded)
        or not gone.isdisjoint(each.parts)
    ]


def _mapped_files(maps: str) -> set[str]:
    """Return the files in a process's memory map: extension modules and shared libraries."""
    return {line.split(maxsplit=5)[5] for line in maps.splitlines() if line.count("/")}


def loaded_by(modules: list[str]) -> list[str]:
    sys.path.insert(0, str(Path.cwd()))
    sys.dont_write_bytecode = True
    for name in modules:
        importlib.import_module(name)
    files = {getattr(module, "__file__", None) for module in list(sys.modules.values())}
    ours = (sys.prefix, str(Path.cwd()))  # the rest is the system's, which has its bytecode
    return sorted(each for each in files if each and each.endswith(".py") and each.startswith(ours))


if __name__ == "__main__":
    main(sys.argv[1:])
