"""What the worker's tests have."""

from tests.ib_worker.conftest import sim

__all__ = ["sim"]
