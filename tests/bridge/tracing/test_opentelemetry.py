"""Spans as a receiver gets them over OTLP."""

import pytest

pytest.importorskip("opentelemetry.sdk.trace", reason="make traces-check installs it")

from bridge.tracing.opentelemetry import OpenTelemetryTracer  # where it is installed
from tests.stacks.otlp import receiving

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


async def test_spans_are_below_one_another_and_below_the_clients() -> None:
    async with receiving() as receiver:
        tracer = OpenTelemetryTracer(receiver.endpoint, "ibkr-front", "paper")
        with tracer.inner("work of nobody"):
            pass
        with tracer.span("tools/call ibkr_get_positions", "server", PARENT, client="claude") as call:
            with tracer.span("bus get_positions", "client") as bus, tracer.inner("TWS request"):
                traceparent = bus.traceparent
            call.ended("timeout")
        await tracer.close()

    spans = {each.name: each for each in receiver.spans}
    whole, way, request = spans["tools/call ibkr_get_positions"], spans["bus get_positions"], spans["TWS request"]
    assert {each.trace_id for each in receiver.spans} == {"0af7651916cd43dd8448eb211c80319c"}
    assert whole.parent_id == "b7ad6b7169203331"
    assert (way.parent_id, request.parent_id) == (whole.span_id, way.span_id)
    assert traceparent == f"00-{way.trace_id}-{way.span_id}-01"
    assert whole.attributes == {"client": "claude", "outcome": "timeout"}
    assert whole.service == "ibkr-front"
