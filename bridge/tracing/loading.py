"""Loads OpenTelemetry where its endpoint is set, and nowhere else."""

from importlib import import_module

import structlog

from bridge.tracing.spans import Tracer

OPENTELEMETRY = "bridge.tracing.opentelemetry"  # the only place that imports its SDK

log = structlog.get_logger("bridge.tracing.loading")


def load_tracer(endpoint: str | None, service: str, session: str) -> Tracer | None:
    """Return the tracer of an OTLP endpoint, None without one. Where the SDK is not installed, the service works
    without traces."""
    if not endpoint:
        return None
    try:
        tracer: Tracer = import_module(OPENTELEMETRY).OpenTelemetryTracer(endpoint, service, session)
    except ImportError as error:
        log.error("tracing_not_loaded", error=str(error))
        return None
    log.info("tracing", service=service)
    return tracer
