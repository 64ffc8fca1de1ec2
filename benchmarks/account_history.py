"""`python -m benchmarks.account_history`: ten simulated sessions with restarts, the record against the books.

The play of tests/stacks/ten_days.py: two accounts, another currency, a close that no worker sees, a correction, a
deposit, another client's trade, and Redis killed and started again. Status 1: something differs by a cent or more.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from pathlib import Path

import structlog

from cli.local_stack.embedded_redis import EmbeddedRedis
from ibgateway.simulator.server.server import Simulator
from tests.stacks.ten_days import TenDays, compare, standing

SESSION = "history"


async def main(days: int, show: bool) -> int:
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        async with EmbeddedRedis(Path(folder)) as redis, Simulator(standing()) as sim:
            play = TenDays(sim, redis.url, SESSION, redis=redis)
            await play.run(days)
            found = await compare(redis.url, SESSION, play.books)
    for each in found.differences:
        print(each)
    if show:
        for (account, day), net in sorted(play.books.worth.items()):
            print(f"{day}  {account}  {net:14,.2f}")
    took_s = time.monotonic() - began
    print(
        f"{found.sessions} closes and {found.executions} executions of {days} sessions, {len(found.differences)} "
        f"differences, {took_s:.0f} s"
    )
    return 1 if found.differences else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.account_history", description=__doc__)
    parser.add_argument("--days", type=int, default=10)
    parser.add_argument("--show", action="store_true", help="print the net liquidation at each close")
    options = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    sys.exit(asyncio.run(main(options.days, options.show)))
