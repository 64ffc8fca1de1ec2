"""The text that Prometheus reads, read back by its own parser."""

import sys

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_text

from bridge.metrics.exposition import written
from bridge.metrics.figures import Distribution
from bridge.metrics.table import MetricSamples

CLIENT = 'an "odd"\\ name'
OPENMETRICS = "application/openmetrics-text; version=1.0.0"


def samples() -> list[MetricSamples]:
    durations = Distribution((0.1, 1.0))
    durations.add(0.05)
    durations.add(5.0)
    return [
        MetricSamples("counter", "ibkr_calls_total", "Calls", ("client",), {(CLIENT,): 2}),
        MetricSamples("gauge", "ibkr_waiting", "Waiting", (), {(): 3}),
        MetricSamples("histogram", "ibkr_duration_seconds", "Durations", (), {(): durations}),
    ]


@pytest.mark.parametrize(("accept", "read"), [("", read_text), (OPENMETRICS, read_openmetrics)])
def test_prometheus_reads_each_sample_with_the_session(accept: str, read: object) -> None:
    text, _ = written(samples(), {"session": "paper"}, accept)

    families = list(read(text.decode()))  # type: ignore[operator]
    found = {
        (each.name, *(f"{name}={value}" for name, value in sorted(each.labels.items()))): each.value
        for family in families
        for each in family.samples
        if each.name.startswith("ibkr_")
    }
    assert found == {
        ("ibkr_calls_total", f"client={CLIENT}", "session=paper"): 2,
        ("ibkr_waiting", "session=paper"): 3,
        ("ibkr_duration_seconds_bucket", "le=0.1", "session=paper"): 1,
        ("ibkr_duration_seconds_bucket", "le=1.0", "session=paper"): 1,
        ("ibkr_duration_seconds_bucket", "le=+Inf", "session=paper"): 2,
        ("ibkr_duration_seconds_count", "session=paper"): 2,
        ("ibkr_duration_seconds_sum", "session=paper"): 5.05,
    }


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc tells a process' memory")
def test_the_process_itself_is_told() -> None:
    text, content_type = written([], {}, "")

    assert b"process_resident_memory_bytes " in text
    assert b"process_cpu_seconds_total " in text
    assert content_type.startswith("text/plain")
