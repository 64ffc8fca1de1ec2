"""`python -m benchmarks.churn`: twenty clients subscribe and unsubscribe 10,000 times at random, and no line is lost.

Each client opens a contract, listens to it for a moment, and leaves; at any time it listens to several. What is asked
for changes as time goes by, and is more than the account has lines, so some are refused. A line that nobody listens to
is given back after half a minute. The simulator counts as TWS does: error 101 for a line too many, 100 for a message.
"""

import argparse
import asyncio
import os
import random
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.rig import STOCKS, Client, Stack, stack, until
from bridge.tool import ToolError
from cli.errors import Problem

CLIENTS = 20
LINES = 30  # of the account: fewer than contracts, so that the cap is reached
LISTEN_S = 2.0  # at most
WANTED = 12  # contracts that are asked for at one time
LAPS = 2  # over all contracts, in the course of the run
AT_ONCE = 3  # streams of one client
IDLE_S = 90.0


@dataclass
class Seen:
    """Answers and updates of the clients, and the simulator's counts meanwhile."""

    outcomes: Counter[str] = field(default_factory=Counter)
    most_lines: int = 0
    ticks: int = 0


async def churn(stage: Stack, seen: Seen, number: int, times: int, seed: int) -> None:
    draw = random.Random(f"{seed} {number}")
    client, places = Client(stage.client.bus_client, f"client-{number}"), asyncio.Semaphore(AT_ONCE)

    async def one(symbol: str, seconds: float) -> None:
        async with places:
            seen.outcomes[await _listened(client, seen, symbol, seconds)] += 1

    async with asyncio.TaskGroup() as group:
        for each in range(times):
            symbol = STOCKS[(each * LAPS * len(STOCKS) // times + draw.randrange(WANTED)) % len(STOCKS)]
            group.create_task(one(symbol, draw.uniform(0, LISTEN_S)))


async def _listened(client: Client, seen: Seen, symbol: str, seconds: float) -> str:
    try:
        opened = await client.ask("open_market_data", symbol=symbol)
        async with client.bus_client.listen(opened["stream"]) as feed:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    async for batch in feed:
                        seen.ticks += len(batch)
    except ToolError as error:
        return error.code
    return "listened"


async def count(stage: Stack, seen: Seen) -> None:
    while True:
        seen.most_lines = max(seen.most_lines, await lines(stage))
        await asyncio.sleep(0.05)


async def lines(stage: Stack) -> int:
    found: int = (await stage.control.ask("status"))["lines"]
    return found


async def sent(stage: Stack, msgId: int) -> int:  # TWS's own word
    found = await stage.control.ask("journal", direction="in", msgId=msgId)
    return len(found["entries"])


async def errors(stage: Stack) -> Counter[str]:
    found = await stage.control.ask("journal", direction="out", msgId=4)
    return Counter(each["fields"][3] for each in found["entries"] if not each["fields"][3].startswith("21"))


async def run(options: argparse.Namespace, folder: Path) -> int:
    async with stack(folder, MARKET_DATA_LINES=str(LINES), MARKET_DATA_TYPE="live") as stage:
        for line in ("pacing on", f"limit lines {LINES}"):
            await stage.control.fault(line)
        await stage.worker()
        await stage.ready()
        seen, began = Seen(), time.monotonic()
        counting = asyncio.create_task(count(stage, seen))
        share = options.times // CLIENTS
        await asyncio.gather(*(churn(stage, seen, each, share, options.seed) for each in range(CLIENTS)))
        took_s = time.monotonic() - began

        async def idle() -> bool:
            status = await stage.client.bus_client.status()
            return not await lines(stage) and status is not None and b'"market_data_lines":0,' in status.status

        back_s = await until(idle, "every line is given back", IDLE_S)
        counting.cancel()
        await asyncio.gather(counting, return_exceptions=True)
        asked, cancelled, wrong = await sent(stage, 1), await sent(stage, 2), await errors(stage)
    print(
        f"{sum(seen.outcomes.values()):,} times in {took_s:.0f} s: {dict(seen.outcomes)}; {seen.ticks:,} updates heard"
    )
    print(f"at the simulator: {asked} lines opened, {cancelled} given back, errors: {dict(wrong) or 'none'}")
    print(f"lines: at most {seen.most_lines} of {LINES}, back to zero {back_s:.0f} s after the last client had left")
    return int(seen.most_lines > LINES or asked != cancelled or bool(wrong))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.churn", description=__doc__)
    parser.add_argument("--times", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, Python {sys.version.split()[0]}", flush=True)
    try:
        with tempfile.TemporaryDirectory(prefix="churn-") as folder:
            return asyncio.run(run(options, Path(folder)))
    except (Problem, TimeoutError) as problem:
        print(problem, file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
