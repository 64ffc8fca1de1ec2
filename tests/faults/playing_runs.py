"""`random`: plays random runs, several at a time on stages of their own, and counts what was told and what held."""

import argparse
import asyncio
import os
import resource
import statistics
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from itertools import chain, islice, takewhile
from pathlib import Path
from typing import Any

from tests.faults.evidence import keep_logs
from tests.faults.plan import plan_of
from tests.faults.run import Result, play
from tests.faults.stage import Stage
from tests.faults.stalls import Stalls

APART_S = 2.0  # between the starts of the first stages, which cost most
ON_ONE_STAGE = 12  # runs; each leaves its orders in the gateway's books, which every new session reads


def add_to(ways: Any) -> None:
    parser = ways.add_parser("random", help=__doc__)
    parser.add_argument("-n", type=int, default=100, help="runs")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--first", type=int, default=0, help="the number of the first run: -n 1 --first 17 repeats run 17"
    )
    parser.add_argument("--jobs", type=int, default=8, help="runs at a time")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="begin no run after so many")
    parser.add_argument("--keep", type=Path, help="a folder for what each run that broke leaves: frames, answers, logs")
    parser.add_argument("--verbose", action="store_true", help="a line for each run, not only for those that broke")
    parser.set_defaults(play=play_all)


def play_all(options: argparse.Namespace) -> int:
    results: list[Result] = []
    unplayed: list[str] = []
    until = time.monotonic() + options.minutes * 60
    wanted = range(options.first, options.first + options.n)
    numbers = takewhile(lambda _: time.monotonic() < until, wanted)
    with suppress(KeyboardInterrupt):
        asyncio.run(_play(options, numbers, results, unplayed))
    return report(results, unplayed, options.seed)


async def _play(
    options: argparse.Namespace, numbers: Iterator[int], results: list[Result], unplayed: list[str]
) -> None:
    stalls = Stalls()

    async def lane(place: int) -> None:
        await asyncio.sleep(place * APART_S)
        for number in numbers:
            try:
                async with Stage() as stage:
                    await _on_one_stage(stage, stalls, options, number, numbers, results, unplayed)
            except Exception as error:  # noqa: BLE001  # neither must one stage's end be the end of all
                print(f"a stage did not come up or go down: {type(error).__name__}: {error}", flush=True)

    watching = asyncio.create_task(stalls.run())
    await asyncio.gather(*map(lane, range(min(options.jobs, options.n))))
    watching.cancel()


async def _on_one_stage(
    stage: Stage, stalls: Stalls, options: argparse.Namespace, number: int, numbers: Iterator[int],
    results: list[Result], unplayed: list[str],
) -> None:  # fmt: skip
    """Play until the stage has had its share, or a run has broken it."""
    for each in chain((number,), islice(numbers, ON_ONE_STAGE - 1)):
        plan = plan_of(options.seed, each)
        try:
            result = await play(stage, plan, stalls, options.keep)
        except Exception as error:  # noqa: BLE001  # a run that can't be played has not held
            unplayed.append(f"{plan}: {type(error).__name__}: {error}")
            if options.keep is not None:
                keep_logs(options.keep / plan.seed, stage)
            print(f"NOT PLAYED {unplayed[-1]}", flush=True)
            return
        results.append(result)
        if result.wrong or options.verbose:
            print(line(result), flush=True)
        if result.wrong:
            return


def line(result: Result) -> str:
    word = f"UNJUDGED (stalled {result.stalled_s:.1f} s)" if result.unjudged else "BROKEN"
    held = "held" if not result.wrong else f"{word}: " + "; ".join(result.wrong)
    return f"{result.plan}; {result.seconds:.1f} s, {held}"


def report(results: list[Result], unplayed: list[str], seed: int) -> int:
    unjudged = [each for each in results if each.unjudged]
    broken = [each for each in results if each.wrong and not each.unjudged]
    answers, finals = Counter[str](), Counter[str]()
    for each in results:
        answers.update(each.answers)
        finals.update(each.finals)
    wrong = [text for each in broken for text in each.wrong]
    calm = [each for each in results if not each.plan.faults]
    print(f"\nseed {seed}: {len(results) - len(broken) - len(unjudged)} of {len(results) + len(unplayed)} runs held, "
          f"{len(broken)} broke, {len(unplayed)} could not be played; "
          f"in {len(unjudged)} the machine stood still and times were missed")  # fmt: skip
    doubles, lost, late = (sum(name in each for each in wrong) for name in ("I1", "I2", "I4"))
    print(f"double orders: {doubles}, lost from sight: {lost}, past their deadline: {late}")
    print(f"without a fault: {sum(not each.wrong for each in calm)} of {len(calm)} done to the last call")
    print(f"faults: {dict(Counter(name for each in results for name in sorted(each.plan.names)).most_common())}")
    print(f"answers ({answers.total()}): {dict(answers.most_common())}")
    print(f"final answers of writes ({finals.total()}): {dict(finals.most_common())}")
    if results:
        print(f"most frames for one key: {max(each.most_frames for each in results)}; "
              f"nearest to a deadline: {max(each.latest_s for each in results):+.1f} s; "
              f"seconds a run, median: {statistics.median(each.seconds for each in results):.1f}")  # fmt: skip
    own = resource.getrusage(resource.RUSAGE_SELF)
    print(f"core seconds of this process: {own.ru_utime + own.ru_stime:.0f}; load {os.getloadavg()[0]:.1f}")
    return 1 if broken or unplayed else 0
