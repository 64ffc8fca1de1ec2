"""Imports the worker's libraries without two large packages that they offer and the worker never uses.

This works at import, as `bridge/bus/transport/redis_parts.py` does: the packages must be hidden before anything else
imports the libraries. structlog imports rich for coloured tracebacks, and the worker's log formats tracebacks itself.
eventkit, of ib_async, imports numpy for arrays of events, which neither ib_async nor the worker asks for. Together they
are 15 MiB of the worker's memory. The front needs rich, since FastMCP does.
"""

import importlib
import sys
from types import ModuleType


def import_without(hidden: str, placeholder: ModuleType | None, library: str) -> None:
    """Import `library` while `hidden` is not there, or is `placeholder`. Nothing is done where either is loaded."""
    if library in sys.modules or hidden in sys.modules:
        return
    sys.modules[hidden] = placeholder  # type: ignore[assignment]  # None: the import of it fails
    try:
        importlib.import_module(library)
    finally:
        del sys.modules[hidden]


import_without("rich", None, "structlog")
import_without("numpy", ModuleType("numpy"), "eventkit")
