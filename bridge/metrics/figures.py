"""Figures that are counted while a service works: histograms, and calls by tool, client and outcome. Pure."""

import time
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

CALL_BOUNDS_S = (0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 120.0)
ROUND_TRIP_BOUNDS_S = (0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0)
MOST_CLIENTS = 20  # named apart; a name is a claim, and whoever invents names must not fill the memory of Prometheus
IDLE_S = 3_600.0  # a client that has called no more for so long gives its place up
OTHER = "(other)"


class Distribution:
    """Counts values by upper bound. A value that equals a bound counts below it, as Prometheus' `le` has it."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: tuple[float, ...] = CALL_BOUNDS_S) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)  # the last is of values above every bound
        self.total = 0.0

    def add(self, value: float) -> None:
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value


@dataclass(slots=True)
class _ClientCalls:
    """The durations of one client's calls."""

    latest: float  # when the last one ended, by a clock that nobody sets
    durations: Distribution = field(default_factory=Distribution)


class CallFigures:
    """The calls that have ended. Duration is kept by tool and by client, not by both, so that the series stay few."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, most_clients: int = MOST_CLIENTS) -> None:
        self.outcomes: Counter[tuple[str, str]] = Counter()  # by tool and outcome
        self.by_tool: defaultdict[str, Distribution] = defaultdict(Distribution)
        self.lanes: Counter[str] = Counter()
        self._by_client: dict[str, _ClientCalls] = {}
        self._clock = clock
        self._most = most_clients

    def ended(self, tool: str, client: str, outcome: str, seconds: float, lane: str = "") -> None:
        """Count a call. `client` is its label, `outcome` is ok or the error's code."""
        self.outcomes[tool, outcome] += 1
        self.by_tool[tool].add(seconds)
        self.lanes[lane] += 1
        calls = self._by_client.get(client) or self._added(client)
        calls.latest = self._clock()
        calls.durations.add(seconds)

    @property
    def by_client(self) -> dict[str, Distribution]:
        return {name: each.durations for name, each in self._by_client.items()}

    def _added(self, client: str) -> _ClientCalls:
        now = self._clock()
        if len(self._by_client) - (OTHER in self._by_client) >= self._most:
            idle = min(
                (name for name in self._by_client if name != OTHER), key=lambda name: self._by_client[name].latest
            )
            if now - self._by_client[idle].latest < IDLE_S:
                return self._by_client.setdefault(OTHER, _ClientCalls(now))
            del self._by_client[idle]
        return self._by_client.setdefault(client, _ClientCalls(now))


@dataclass(slots=True)
class QueueFigures:
    """The fair queue: requests that wait in it now, and those that it has rejected."""

    waiting: int = 0
    rejected: int = 0


@dataclass(slots=True)
class StreamFigures:
    """Updates of the streams that run as calls: sent to their clients, and left out as a client was slower."""

    sent: int = 0
    left_out: int = 0
