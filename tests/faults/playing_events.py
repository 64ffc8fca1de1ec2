"""`events`: readers of events and quotes while parts are killed: nothing lost, none doubled, each gap marked."""

import argparse
import asyncio
import os
import statistics
import time
from collections import Counter
from contextlib import suppress
from itertools import islice, takewhile
from typing import Any

from tests.faults.event_runs import EventResult, play_or_say
from tests.faults.stage import Stage

ON_ONE_STAGE = 12  # runs; each leaves its orders in the gateway's books, which every new session reads


def add_to(ways: Any) -> None:
    parser = ways.add_parser("events", help=__doc__)
    parser.add_argument("-n", type=int, default=300, help="runs")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="the number of the first run")
    parser.add_argument("--jobs", type=int, default=2, help="runs at a time")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="begin no run after so many")
    parser.set_defaults(play=play_all)


def play_all(options: argparse.Namespace) -> int:
    results: list[EventResult] = []
    with suppress(KeyboardInterrupt):
        asyncio.run(_play(options, results))
    return report(results, options.seed)


async def _play(options: argparse.Namespace, results: list[EventResult]) -> None:
    until = time.monotonic() + options.minutes * 60
    numbers = takewhile(lambda _: time.monotonic() < until, iter(range(options.first, options.first + options.n)))

    async def lane() -> None:
        while batch := list(islice(numbers, ON_ONE_STAGE)):
            async with Stage() as stage:
                for number in batch:
                    if time.monotonic() < until:
                        results.append(await play_or_say(stage, options.seed, number))
                        print(line(results[-1]), flush=True)

    await asyncio.gather(*(lane() for _ in range(min(options.jobs, options.n))))


def line(result: EventResult) -> str:
    held = "held" if not result.wrong else "BROKEN: " + "; ".join(result.wrong)
    return f"{result.number}: {', '.join(result.faults)}; {result.seconds:.1f} s, {held}"


def report(results: list[EventResult], seed: int) -> int:
    broken = [each for each in results if each.wrong]
    answers = sum((each.answers for each in results), Counter[str]())
    faults = Counter(name for each in results for name in each.faults)
    print(f"\nseed {seed}: {len(results) - len(broken)} of {len(results)} runs held; faults: {dict(faults)}")
    print(f"events read: {sum(each.events for each in results)}, executions waited for: "
          f"{sum(each.executions for each in results)}, quotes read: {sum(each.quotes for each in results)}, "
          f"gaps marked: {sum(each.gaps for each in results)}, "
          f"updates conflated: {sum(each.conflated for each in results)}")  # fmt: skip
    print(f"answers ({answers.total()}): {dict(answers.most_common())}")
    if results:
        print(f"seconds a run, median: {statistics.median(each.seconds for each in results):.1f}; "
              f"load {os.getloadavg()[0]:.1f}")  # fmt: skip
    return 1 if broken or not results else 0
