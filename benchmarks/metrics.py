"""`python -m benchmarks.metrics`: what metrics cost: a call's counting, the library's memory, and one scrape.

A call's cost is the median of rounds of `CallFigures.ended`, and its control is the same loop around a function that
does nothing. The memory is the growth of a process that has the whole service imported. Linux only.
"""

import subprocess
import sys
import time
from collections.abc import Callable
from statistics import median

from bridge.metrics.exposition import written
from bridge.metrics.figures import ROUND_TRIP_BOUNDS_S, CallFigures, Distribution
from bridge.metrics.table import MetricSamples

CALLS, ROUNDS = 20_000, 15
TOOLS, CLIENTS = 20, 10
BAR_US = 2.0
SERVICES = ("mcp_front", "ib_worker", "console")
GROWTH = """
import gc, importlib, sys

def held():
    gc.collect()
    lines = open("/proc/self/smaps_rollup").read().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith(("Private_Clean", "Private_Dirty")))

importlib.import_module(sys.argv[1] + ".__main__")
before = held()
importlib.import_module("bridge.metrics.exposition").written([], {}, "")
print(held() - before)
"""


def per_call_us(call: Callable[[str, str, str, float, str], None]) -> float:
    """Return the microseconds that one call of the function takes, as the median of the rounds."""
    tools, clients = [f"tool_{n}" for n in range(TOOLS)], [f"client {n}" for n in range(CLIENTS)]
    rounds = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        for number in range(CALLS):
            call(tools[number % TOOLS], clients[number % CLIENTS], "ok", 0.003, "direct")
        rounds.append((time.perf_counter() - began) / CALLS * 1e6)
    return median(rounds)


def nothing(tool: str, client: str, outcome: str, seconds: float, lane: str) -> None:
    """Count nothing: the control."""


def scrape_ms(figures: CallFigures) -> float:
    """Return the milliseconds that the text of these figures takes."""
    samples = [
        MetricSamples(
            "counter",
            "calls_total",
            "Calls",
            ("tool", "outcome"),
            {(k, o): n for (k, o), n in figures.outcomes.items()},
        ),
        MetricSamples("histogram", "a_seconds", "By tool", ("tool",), {(k,): v for k, v in figures.by_tool.items()}),
        MetricSamples("histogram", "b_seconds", "By client", ("c",), {(k,): v for k, v in figures.by_client.items()}),
    ]
    rounds = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        written(samples, {"session": "bench"}, "")
        rounds.append((time.perf_counter() - began) * 1e3)
    return median(rounds)


def main() -> int:
    figures, trips = CallFigures(), Distribution(ROUND_TRIP_BOUNDS_S)
    control, counted = per_call_us(nothing), per_call_us(figures.ended)
    trip = per_call_us(lambda *_: trips.add(0.0003))
    cost = counted - control
    print(f"a call: {counted:.2f} us, control {control:.2f} us: {cost:.2f} us more; bar {BAR_US:g}")
    print(f"a round trip of Redis: {trip - control:.2f} us more")
    print(f"a scrape of {TOOLS} tools and {CLIENTS} clients: {scrape_ms(figures):.1f} ms")
    for service in SERVICES:
        grown = subprocess.run([sys.executable, "-c", GROWTH, service], capture_output=True, text=True, check=True)
        print(f"{service}: {int(grown.stdout) / 1024:.1f} MiB more where METRICS_PORT is set, none where not")
    return int(cost > BAR_US)


if __name__ == "__main__":
    sys.exit(main())
