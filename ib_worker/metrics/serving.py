"""Serves the worker's metrics, and sends its traces, beside every term of leadership."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

from bridge.bus.server.server import BusServer
from bridge.metrics.server import serving_metrics
from bridge.tracing.loading import load_tracer
from ib_worker.metrics.parts import WorkerParts
from ib_worker.metrics.table import worker_samples
from ib_worker.settings import WorkerSettings


@asynccontextmanager
async def counting(settings: WorkerSettings, bus: BusServer) -> AsyncIterator[WorkerParts | None]:
    """Yield the parts that are to hear of each term; None where neither a port nor an endpoint is set: then nothing is
    counted, traced or loaded."""
    tracer = load_tracer(settings.otel_exporter_otlp_endpoint, "ibkr-worker", settings.ibkr_session)
    if settings.metrics_port is None and tracer is None:
        yield None
        return
    parts = WorkerParts(bus, tracer)
    async with AsyncExitStack() as serving:
        if tracer is not None:
            serving.push_async_callback(tracer.close)
        if settings.metrics_port is not None:
            constant = {"session": settings.ibkr_session}
            await serving.enter_async_context(serving_metrics(settings, partial(worker_samples, parts), constant))
        yield parts
