"""Serves the worker's metrics beside every term of leadership."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from bridge.bus.server.server import BusServer
from bridge.metrics.server import serving_metrics
from ib_worker.metrics.parts import WorkerParts
from ib_worker.metrics.table import worker_samples
from ib_worker.settings import WorkerSettings


@asynccontextmanager
async def counting(settings: WorkerSettings, bus: BusServer) -> AsyncIterator[WorkerParts | None]:
    """Yield the parts that are to hear of each term; None where no port is set: then nothing is counted or loaded."""
    if settings.metrics_port is None:
        yield None
        return
    parts = WorkerParts(bus)
    async with serving_metrics(settings, partial(worker_samples, parts), {"session": settings.ibkr_session}):
        yield parts
