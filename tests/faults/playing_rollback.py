"""`rollback`: puts Redis back to older copies at points of an order's life, in all ways or in some."""

import argparse
import asyncio
import random
import statistics
from collections import Counter
from typing import Any

from tests.faults.rollback import CELLS, Cell, Verdict, run_cell

TRIES = 4  # of a cell that a busy machine has kept from being played


def add_to(ways: Any) -> None:
    parser = ways.add_parser("rollback", help=__doc__)
    parser.add_argument("-n", type=int, default=len(CELLS), help=f"cells, chosen by the seed ({len(CELLS)}: all)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=4, help="cells at a time")
    parser.add_argument("--only", default="", help="cells whose name has these words, such as 'aof killed'")
    parser.set_defaults(play=play)


def play(options: argparse.Namespace) -> int:
    wanted = [each for each in CELLS if all(word in str(each) for word in options.only.split())]
    chosen = random.Random(options.seed).sample(wanted, min(options.n, len(wanted)))
    verdicts = asyncio.run(_play(chosen, options.jobs))
    broken = [each for each in verdicts if each.wrong]
    print(f"\nseed {options.seed}: {len(verdicts) - len(broken)} of {len(verdicts)} cells held")
    print(f"first answers: {dict(Counter(each.first for each in verdicts))}")
    print(f"final answers: {dict(Counter(each.last for each in verdicts))}")
    print(f"most frames for one key: {max((each.frames for each in verdicts), default=0)}")
    print(f"seconds a cell, median: {statistics.median(each.seconds for each in verdicts):.1f}")
    return 1 if broken else 0


async def _play(cells: list[Cell], jobs: int) -> list[Verdict]:
    places = asyncio.Semaphore(jobs)

    async def play(cell: Cell) -> Verdict:
        async with places:
            for _ in range(TRIES):
                verdict = await run_cell(cell)
                print(_line(verdict), flush=True)
                if not verdict.unplayed:
                    break
        return verdict

    return list(await asyncio.gather(*map(play, cells)))


def _line(verdict: Verdict) -> str:
    word = "NOT PLAYED" if verdict.unplayed else "BROKEN"
    held = "held" if not verdict.wrong else f"{word}: " + "; ".join(verdict.wrong)
    return (
        f"{verdict.cell!s:<58} first {verdict.first:<13} then {verdict.last:<10} "
        f"frames {verdict.frames_then}/{verdict.frames}  {verdict.seconds:5.1f} s  {held}"
    )
