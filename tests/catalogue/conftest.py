"""What the worker's tests have."""

from tests.ib_worker.conftest import sim, soon

__all__ = ["sim", "soon"]
