"""Spans by OpenTelemetry's SDK, sent by OTLP over HTTP. `loading` imports this module where an endpoint is set."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from bridge.tracing.spans import Side

PATH = "/v1/traces"  # below the endpoint (OTLP Exporter, "Endpoint URLs for OTLP/HTTP")
EXPORT_S = 5.0  # for one batch; a receiver that is down costs spans, and nothing else
CLOSE_S = 2.0
KINDS = {"server": trace.SpanKind.SERVER, "client": trace.SpanKind.CLIENT}
W3C = TraceContextTextMapPropagator()


class OpenSpan:
    """A span that is open."""

    def __init__(self, span: trace.Span) -> None:
        self._span = span

    @property
    def traceparent(self) -> str:
        carrier: dict[str, str] = {}
        W3C.inject(carrier, trace.set_span_in_context(self._span))
        return carrier.get("traceparent", "")

    def ended(self, outcome: str) -> None:
        self._span.set_attribute("outcome", outcome)
        if outcome not in ("ok", "asked"):
            self._span.set_status(trace.StatusCode.ERROR)


class OpenTelemetryTracer:
    """Spans of one service. Exceptions are not recorded: their texts may name an account."""

    def __init__(self, endpoint: str, service: str, session: str) -> None:
        resource = Resource.create({"service.name": service, "ibkr.session": session})
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        exporter = OTLPSpanExporter(endpoint=endpoint.rstrip("/") + PATH, timeout=EXPORT_S)
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("ibkr-tws-mcp")

    @contextmanager
    def span(self, name: str, side: Side, parent: str | None = None, **attributes: str) -> Iterator[OpenSpan]:
        with self._tracer.start_as_current_span(
            name,
            context=W3C.extract({"traceparent": parent}) if parent else None,
            kind=KINDS[side],
            attributes=attributes,
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            yield OpenSpan(span)

    @contextmanager
    def inner(self, name: str, **attributes: str) -> Iterator[None]:
        if not trace.get_current_span().get_span_context().is_valid:
            yield
            return
        with self.span(name, "client", **attributes):
            yield

    async def close(self) -> None:
        """Send what waits. A receiver that does not answer keeps the process no longer than CLOSE_S."""
        sending = threading.Thread(target=self._provider.force_flush, daemon=True)
        sending.start()
        await asyncio.to_thread(sending.join, CLOSE_S)
