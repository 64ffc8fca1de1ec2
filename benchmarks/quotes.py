"""`python -m benchmarks.quotes`: how long the worker takes for ten quotes, and how many characters the answer has.

Each call is a request on the bus, to a worker process at the simulator process, and its time includes the bus.
`unknown`: the worker has seen neither the contracts nor their lines, so that each costs two messages to TWS, whose
pacing is most of the time. `cold`: the contracts are known and no line is open. `watched`: all lines are open. The
control is a call that needs no gateway either: the details of one known contract.
"""

import argparse
import asyncio
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.rig import STOCKS, Client, stack
from mcp_front.tools.catalogue import offered_tools

TEN = 10
QUIET_S = 2.0  # after which the pacer's burst is whole again, as it is between two questions of a person
COLD_MS, WATCHED_MS = 350.0, 10.0  # the bars, for the medians


async def timed(client: Client, symbols: tuple[str, ...]) -> tuple[float, dict[str, Any]]:
    """Return the milliseconds of one call, and its answer. Raises RuntimeError where a quote is missing."""
    began = time.perf_counter()
    told = await client.ask("get_quotes", contracts=[{"symbol": each} for each in symbols])
    took = (time.perf_counter() - began) * 1000
    if told["count"] != len(symbols):
        raise RuntimeError(f"quotes are missing: {told['failed']}")
    return took, told


async def control(client: Client) -> float:
    began = time.perf_counter()
    await client.ask("get_contract_details", symbol=STOCKS[0])
    return (time.perf_counter() - began) * 1000


async def measured(folder: Path) -> tuple[float, float, list[float], list[float], dict[str, Any]]:
    """Return the milliseconds of the unknown, cold, watched and control calls, and an answer."""
    async with stack(folder) as running:
        await running.worker()
        await running.ready()
        client, sets = running.client, [STOCKS[start : start + TEN] for start in range(0, TEN * 3, TEN)]
        await timed(client, sets[2])  # imports what it needs
        for symbol in sets[1]:
            await client.ask("get_contract_details", symbol=symbol)
        await asyncio.sleep(QUIET_S)
        cold, _ = await timed(client, sets[1])
        await asyncio.sleep(QUIET_S)
        strange, told = await timed(client, sets[0])
        pairs = [((await timed(client, sets[0]))[0], await control(client)) for _ in range(100)]
    return strange, cold, [each for each, _ in pairs], [each for _, each in pairs], told


async def run(rounds: int) -> int:
    offered_tools()  # importing the declarations registers them
    found = []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as folder:
            found.append(await measured(Path(folder)))
    cold = statistics.median(each[1] for each in found)
    watched = statistics.median(one for each in found for one in each[2])
    base = statistics.median(one for each in found for one in each[3])
    text = json.dumps(found[-1][4], separators=(",", ":"))
    print(f"ten quotes, {rounds} rounds, load {os.getloadavg()[0]:.1f}; milliseconds, median:")
    unknown = statistics.median(each[0] for each in found)
    print(f"  unknown  {unknown:7.1f}  (bar {COLD_MS:g}: {'met' if unknown <= COLD_MS else 'missed'})")
    print(f"  cold     {cold:7.1f}  (bar {COLD_MS:g}: {'met' if cold <= COLD_MS else 'missed'})")
    print(f"  watched  {watched:7.1f}  (bar {WATCHED_MS:g}: {'met' if watched <= WATCHED_MS else 'missed'})")
    print(f"  control  {base:7.1f}  (watched is {watched / base:.1f} times the control)")
    print(f"the answer has {len(text):,} characters; `python -m benchmarks.tokens` counts its tokens")
    return int(max(cold, unknown) > COLD_MS or watched > WATCHED_MS)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.quotes", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="workers that are started anew (3)")
    return asyncio.run(run(parser.parse_args().rounds))


if __name__ == "__main__":
    sys.exit(main())
