"""The figures and traces of a session's calls."""

from collections import Counter
from dataclasses import dataclass, field

from bridge.metrics.figures import CallFigures
from bridge.tracing.spans import Tracer


@dataclass
class Telemetry:
    """`figures` is None where no metrics are served, `tracer` where no traces are sent."""

    figures: CallFigures | None = None
    tracer: Tracer | None = None
    pushes: Counter[tuple[str, str]] = field(default_factory=Counter)  # by target and outcome: sent, failed, given_up
