"""A service's table of metrics: each row has a name, its labels, its meaning, and how its value is read at a scrape."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

import structlog

from bridge.metrics.figures import Distribution

Kind = Literal["gauge", "counter", "histogram"]
Number = float | Distribution
# Several values are by those of the labels: a tuple, or a text where there is one label. None: not known now, and then
# there is no sample.
Value = Number | Mapping[Any, Number] | None

S = TypeVar("S")

log = structlog.get_logger("bridge.metrics.table")


@dataclass(frozen=True)
class MetricRow(Generic[S]):
    """One metric of a service, whose parts `read` looks at. Names follow Prometheus' rules: base units, `_total`."""

    kind: Kind
    name: str
    meaning: str
    read: Callable[[S], Value]
    labels: tuple[str, ...] = ()


@dataclass(frozen=True)
class MetricSamples:
    """The samples of one metric at one scrape, by the values of its labels."""

    kind: Kind
    name: str
    meaning: str
    labels: tuple[str, ...]
    values: Mapping[tuple[str, ...], Number]


def read_rows(rows: Sequence[MetricRow[S]], parts: S) -> Iterable[MetricSamples]:
    """Yield each metric's samples. A metric that cannot be read is logged and left out: it hides no other."""
    for row in rows:
        try:
            value = row.read(parts)
        except Exception:
            log.exception("metric_unreadable", metric=row.name)
            continue
        if value is not None:
            yield MetricSamples(row.kind, row.name, row.meaning, row.labels, _by_labels(value))


def _by_labels(value: Number | Mapping[Any, Number]) -> Mapping[tuple[str, ...], Number]:
    if not isinstance(value, Mapping):
        return {(): value}
    return {(names,) if isinstance(names, str) else names: each for names, each in value.items()}


def one_of(present: str, known: Iterable[str]) -> dict[str, float]:
    """Return an enumeration as Prometheus has it: 1 for the value that is present, 0 for every other."""
    return {each: float(each == present) for each in known}
