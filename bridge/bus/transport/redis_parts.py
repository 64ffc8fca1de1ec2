"""The parts of redis-py that the bus uses: connections, their retries, and what they raise.

The code of its two packages loads the client, the cluster and the documentation of each command: 8 MiB of every
process, for which the bus has no use. Here it runs when somebody asks a package for more than its parts.
"""

import sys
from importlib.util import find_spec, module_from_spec
from types import ModuleType
from typing import Any

PACKAGES = ("redis", "redis.asyncio")


class _PartsOnly(ModuleType):
    """A package whose own code has not run. importlib's LazyLoader would run it at the first import of a part."""

    def __getattr__(self, name: str) -> Any:
        """Run the package's code, which sets the name. Python asks here for what is not set yet."""
        if name.startswith("__") or self.__spec__ is None or not self.__spec__.loader:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        self.__class__ = ModuleType  # type: ignore[assignment]  # a module's class may change
        self.__spec__.loader.exec_module(self)
        return getattr(self, name)


def _defer(package: str) -> None:
    """Let a package's parts be imported without the package's code. Nothing is done where the code has run."""
    spec = find_spec(package)
    if package in sys.modules or spec is None:
        return
    sys.modules[package] = module = module_from_spec(spec)
    module.__class__ = _PartsOnly


for _each in PACKAGES:
    _defer(_each)

from redis.asyncio.connection import AbstractConnection, ConnectionPool, DefaultParser  # noqa: E402
from redis.asyncio.retry import Retry  # noqa: E402
from redis.backoff import NoBackoff  # noqa: E402
from redis.exceptions import (  # noqa: E402
    InvalidResponse,
    MovedError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    ResponseError,
)

__all__ = [
    "AbstractConnection",
    "ConnectionPool",
    "DefaultParser",
    "InvalidResponse",
    "MovedError",
    "NoBackoff",
    "OutOfMemoryError",
    "ReadOnlyError",
    "RedisError",
    "ResponseError",
    "Retry",
]
