"""What the worker's tests have."""

from tests.worker.conftest import sim, soon

__all__ = ["sim", "soon"]
