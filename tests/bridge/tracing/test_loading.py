"""The SDK is loaded only where an endpoint is set."""

import subprocess
import sys

import pytest

from bridge.tracing.loading import load_tracer

SERVICES = """
import sys
import console.__main__, ib_worker.__main__
from bridge.tracing.loading import load_tracer
assert load_tracer(None, "ibkr-worker", "paper") is None
assert load_tracer("", "ibkr-worker", "paper") is None
print([name for name in sys.modules if name in ("bridge.tracing.opentelemetry", "prometheus_client")])
"""


def test_without_an_endpoint_worker_and_console_load_neither_library() -> None:
    told = subprocess.run([sys.executable, "-c", SERVICES], capture_output=True, text=True, check=True)

    assert told.stdout == "[]\n"


async def test_a_receiver_that_is_down_keeps_nobody() -> None:
    pytest.importorskip("opentelemetry.sdk.trace", reason="make traces-check installs it")
    tracer = load_tracer("http://127.0.0.1:1", "ibkr-front", "paper")
    assert tracer is not None

    with tracer.span("tools/call ibkr_get_status", "server") as span:
        span.ended("ok")
    await tracer.close()


def test_an_image_without_the_sdk_works_without_traces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "bridge.tracing.opentelemetry", None)

    assert load_tracer("http://127.0.0.1:4318", "ibkr-front", "paper") is None
