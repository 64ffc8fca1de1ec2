"""`python -m benchmarks.event_log_cost`: from an order's call to its filled answer, with and without the event log.

Two stacks stand side by side, each with a front, Redis, a worker and a simulator that fills at once. One worker is as
it is; the other (`benchmarks.unlogged_worker`) logs no event of an order. They take turns: with, without, without,
with. So a busy moment of the machine falls on both, and the ratio counts, not the times.
"""

import argparse
import asyncio
import os
import statistics
import sys
import tempfile
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from itertools import count as count_from
from pathlib import Path

from benchmarks.front import Ports
from benchmarks.order_steps import filled_ms
from benchmarks.orders import WARM_UP, stack
from bridge.bus.events.event_log import newest_events
from bridge.bus.keys import Keys
from bridge.bus.transport.pipeline import CommandPipeline
from cli.errors import Problem

BAR = 1.1  # times the p50 without the event log
PAUSE_S = 0.05  # between orders: of what TWS takes in a second 35 messages go out steadily, one each 28.6 ms
WITH, WITHOUT = "ib_worker", "benchmarks.unlogged_worker"
TURNS = (WITH, WITHOUT, WITHOUT, WITH)
SESSION = "bench"  # of `stack`


@dataclass
class Side:
    """One stack, and the milliseconds of each order's way in it, by round."""

    ports: Ports
    numbers: Iterator[int] = field(default_factory=lambda: count_from(2))
    rounds: list[list[float]] = field(default_factory=list)

    async def place(self, count: int) -> list[float]:
        return [
            (ended - began) * 1000 for began, ended in await filled_ms(self.ports.front, self.numbers, count, PAUSE_S)
        ]

    @property
    def medians(self) -> list[float]:
        return [statistics.median(each) for each in self.rounds]


async def orders_logged(url: str) -> int:
    """Return how many of the newest events of a stack are an order's."""
    async with CommandPipeline(url) as pipe:
        events = await newest_events(pipe, Keys(SESSION), 100)
    return sum(each.kind in ("order", "execution") for each in events)


async def take_turns(sides: dict[str, Side], count: int, rounds: int) -> None:
    for side in sides.values():
        await side.place(WARM_UP)
    for number in range(1, rounds + 1):
        for side in sides.values():
            side.rounds.append([])
        for name in TURNS:
            sides[name].rounds[-1] += await sides[name].place(count)
        print(line(f"round {number}", *(side.medians[-1] for side in sides.values())), flush=True)


async def measure(count: int, rounds: int) -> dict[str, Side]:
    with tempfile.TemporaryDirectory() as folder:
        async with AsyncExitStack() as opened:
            sides = {}
            for name in (WITH, WITHOUT):
                place = Path(folder) / name
                place.mkdir()
                sides[name] = Side(await opened.enter_async_context(stack(place, program=name)))
            await take_turns(sides, count, rounds)
            logged = {name: await orders_logged(side.ports.redis) for name, side in sides.items()}
    if not logged[WITH] or logged[WITHOUT]:
        raise Problem(f"void: events of orders in the two logs: {logged}")
    return sides


def line(name: str, with_ms: float, without_ms: float) -> str:
    return (
        f"{name:<9} p50 {with_ms:6.2f} ms, without the event log {without_ms:6.2f} ms: {with_ms / without_ms:.3f} times"
    )


def report(sides: dict[str, Side]) -> int:
    """Print the medians of the rounds and the verdict; 1 if the bar is missed."""
    with_ms, without_ms = (sides[name].medians for name in (WITH, WITHOUT))
    ratios = [ours / control for ours, control in zip(with_ms, without_ms, strict=True)]
    ratio = statistics.median(ratios)
    print(line("all", statistics.median(with_ms), statistics.median(without_ms)))
    print(f"load {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores, {sum(map(len, sides[WITH].rounds))} orders of each")
    verdict = "met" if ratio <= BAR else "missed"
    print(
        f"place to filled, the rounds' median: {ratio:.3f} times ({min(ratios):.3f} to {max(ratios):.3f}); "
        f"the bar of {BAR:g} times is {verdict}"
    )
    return int(ratio > BAR)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.event_log_cost", description=__doc__)
    parser.add_argument(
        "-n", type=int, default=20, help="orders of a turn (20), of which each stack has two in a round"
    )
    parser.add_argument("--rounds", type=int, default=9, help="rounds (9)")
    asked = parser.parse_args()
    try:
        return report(asyncio.run(measure(asked.n, asked.rounds)))
    except Problem as problem:
        print(problem, file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
