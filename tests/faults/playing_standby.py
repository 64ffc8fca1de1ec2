"""`standby`: a leader fails beside a standby, over and over, and the time until calls are carried out again."""

import argparse
import asyncio
import os
import statistics
from collections.abc import Iterator
from typing import Any

from tests.faults.standby import WAYS, HandOver, a_pair

BAR_S = 10.0


def add_to(ways: Any) -> None:
    parser = ways.add_parser("standby", help=__doc__)
    parser.add_argument("-n", type=int, default=20, help="failures of each way")
    parser.add_argument("--ways", default=",".join(WAYS), help="a comma list")
    parser.add_argument("--for-s", type=float, default=60.0, help="how long a leader stays frozen or cut off")
    parser.add_argument("--jobs", type=int, default=4, help="pairs at a time")
    parser.set_defaults(play=play)


def play(options: argparse.Namespace) -> int:
    wanted = iter([way for way in options.ways.split(",") for _ in range(options.n)])
    results: list[HandOver] = []
    asyncio.run(_play(wanted, options, results))
    print()
    for way in options.ways.split(","):
        _report(way, [each for each in results if each.way == way])
    print(f"load {os.getloadavg()[0]:.1f}")
    return 1 if any(each.wrong for each in results) else 0


async def _play(wanted: Iterator[str], options: argparse.Namespace, results: list[HandOver]) -> None:
    async def lane() -> None:
        async with a_pair() as pair:
            for way in wanted:
                result = await pair.fail(way, options.for_s)
                results.append(result)
                print(_line(result), flush=True)

    await asyncio.gather(*(lane() for _ in range(options.jobs)))


def _line(result: HandOver) -> str:
    who = "the standby" if result.by_standby else "the same worker"
    held = "held" if not result.wrong else "BROKEN: " + "; ".join(result.wrong)
    return f"{result.way:<18} read {result.read_s:5.2f} s  write {result.write_s:5.2f} s  by {who:<16} {held}"


def _report(way: str, results: list[HandOver]) -> None:
    if not results:
        return
    for what, times in (("read", [each.read_s for each in results]), ("write", [each.write_s for each in results])):
        late = sum(each > BAR_S for each in times)
        print(
            f"{way:<18} first {what:<5} p50 {statistics.median(times):5.2f} s  p95 {percentile(times, 0.95):5.2f} s  "
            f"longest {max(times):5.2f} s  over {BAR_S:g} s: {late} of {len(times)}"
        )
    standby, broken = sum(each.by_standby for each in results), sum(bool(each.wrong) for each in results)
    print(f"{way:<18} by the standby: {standby}; broken: {broken}")


def percentile(times: list[float], share: float) -> float:
    """The smallest time that at least this share of all is not above."""
    ordered = sorted(times)
    return ordered[max(-(-int(share * 1000) * len(ordered) // 1000) - 1, 0)]
