"""The container engine is every test's at once, but for what changes it for all: leaving a Swarm ends the names of
every container that runs, so that no container finds another by name."""

import fcntl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

LOCK = Path(tempfile.gettempdir()) / "ibkr-tws-mcp-engine.lock"


@pytest.fixture(scope="module", autouse=True)
def engine_for_module(request: pytest.FixtureRequest) -> Iterator[None]:
    """Holds the engine for a module with containers: with others, or as `NEEDS_ENGINE_ALONE` says."""
    if request.node.get_closest_marker("docker") is None:
        yield
        return
    with holding(alone=getattr(request.module, "NEEDS_ENGINE_ALONE", False)):
        yield


@contextmanager
def holding(*, alone: bool) -> Iterator[None]:
    """Wait for the engine, across processes."""
    with LOCK.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        yield
