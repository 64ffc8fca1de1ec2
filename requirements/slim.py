"""Makes what an image runs small: `slim.py MODULE…`, run once in the image's build by its virtual environment's Python.

Debug symbols and tests go, since nobody debugs or tests in a container. Bytecode is made of what MODULEs load, as the
image's root is read-only, and of nothing else, since it doubles a source's size. It is valid by its being there, not by
the source's time, so a release may set all times to its commit's.
"""

from __future__ import annotations

import importlib
import py_compile
import shutil
import subprocess
import sys
from pathlib import Path

ELF = b"\x7fELF"


def main(modules: list[str]) -> None:
    venv = Path(sys.prefix)
    for library in venv.rglob("*.so*"):
        if library.read_bytes().startswith(ELF):
            subprocess.run(["strip", "--strip-unneeded", library], check=True)
    for tests in [each for each in venv.rglob("tests") if each.is_dir()]:
        shutil.rmtree(tests)
    for source in loaded_by(modules):
        py_compile.compile(source, doraise=True, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)


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
