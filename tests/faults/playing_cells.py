"""`matrix` plays the kill-point matrix, `rollback` puts Redis back to older copies; both whole or in part."""

import argparse
import asyncio
import random
import re
import statistics
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, TypeVar

from tests.faults import matrix, rollback
from tests.faults.cells import Verdict

TRIES = 4  # of a cell that a busy machine has kept from being played

C = TypeVar("C")


def add_to(ways: Any) -> None:
    about = "plays the kill-point matrix, whole or in part"
    _add(ways, "matrix", about, "place_order paused", partial(play, matrix.CELLS, matrix.run_cell))
    about = "puts Redis back to older copies at points of an order's life, in all ways or in some"
    _add(ways, "rollback", about, "aof killed", partial(play, rollback.CELLS, rollback.run_cell))


def _add(ways: Any, name: str, about: str, words: str, play: Callable[[argparse.Namespace], int]) -> None:
    parser = ways.add_parser(name, help=about)
    parser.add_argument("-n", type=int, help="cells, chosen by the seed (all)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=4, help="cells at a time")
    parser.add_argument("--only", default="", help=f"cells whose name has these words, such as '{words}'")
    parser.set_defaults(play=play)


def play(cells: Sequence[C], run_cell: Callable[[C], Awaitable[Verdict]], options: argparse.Namespace) -> int:
    words = options.only.split()
    wanted = [each for each in cells if set(words) <= set(re.split("[ ,]+", str(each)))]
    chosen = random.Random(options.seed).sample(wanted, min(options.n or len(wanted), len(wanted)))
    return _report(asyncio.run(_verdicts(chosen, run_cell, options.jobs)), options.seed)


async def _verdicts(cells: Sequence[C], run_cell: Callable[[C], Awaitable[Verdict]], jobs: int) -> list[Verdict]:
    places = asyncio.Semaphore(jobs)

    async def play(cell: C) -> Verdict:
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


def _report(verdicts: list[Verdict], seed: int) -> int:
    broken = [each for each in verdicts if each.wrong]
    print(f"\nseed {seed}: {len(verdicts) - len(broken)} of {len(verdicts)} cells held")
    print(f"first answers: {dict(Counter(each.first for each in verdicts))}")
    print(f"final answers: {dict(Counter(each.last for each in verdicts))}")
    print(f"most frames for one key: {max((each.frames for each in verdicts), default=0)}")
    print(f"seconds a cell, median: {statistics.median(each.seconds for each in verdicts):.1f}")
    return 1 if broken else 0
