"""Writes samples in Prometheus' text format, by its client library. `server` loads this module where a port is set."""

from collections.abc import Iterable, Iterator, Mapping

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from bridge.metrics.figures import Distribution
from bridge.metrics.table import MetricSamples


def written(samples: Iterable[MetricSamples], constant: Mapping[str, str], accept: str) -> tuple[bytes, str]:
    """Return the samples and the process's own, and the content type. `constant`: labels of every one of the former;
    `accept`: the header of the request."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Samples(list(samples), constant))
    ProcessCollector(registry=registry)
    encode, content_type = choose_encoder(accept)
    return encode(registry), content_type


class _Samples(Collector):
    def __init__(self, samples: list[MetricSamples], constant: Mapping[str, str]) -> None:
        self._samples = samples
        self._constant = constant

    def collect(self) -> Iterator[Metric]:
        for each in self._samples:
            yield _family(each, self._constant)


def _family(samples: MetricSamples, constant: Mapping[str, str]) -> Metric:
    labels, fixed = (*constant, *samples.labels), list(constant.values())
    if samples.kind == "histogram":
        family = HistogramMetricFamily(samples.name, samples.meaning, labels=labels)
        for names, value in samples.values.items():
            assert isinstance(value, Distribution)
            family.add_metric([*fixed, *names], list(_cumulated(value)), value.total)
        return family
    kind = CounterMetricFamily if samples.kind == "counter" else GaugeMetricFamily
    plain: CounterMetricFamily | GaugeMetricFamily = kind(samples.name, samples.meaning, labels=labels)
    for names, value in samples.values.items():
        assert not isinstance(value, Distribution)
        plain.add_metric([*fixed, *names], float(value))
    return plain


def _cumulated(histogram: Distribution) -> Iterator[tuple[str, float]]:
    """Yield each bound with how many values are at most that large."""
    below = 0
    for bound, count in zip((*map(str, histogram.bounds), "+Inf"), histogram.counts, strict=True):
        below += count
        yield bound, float(below)
