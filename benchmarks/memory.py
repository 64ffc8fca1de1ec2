"""`python -m benchmarks.memory`: the memory of the front and the worker at rest, after a few calls of each kind.

The figures are the kernel's (`/proc/PID/smaps_rollup`, Linux): RSS counts all pages of a process, PSS divides a page
among the processes that share it, and USS counts the pages of this process alone. The stack starts anew in each round.
"""

import argparse
import asyncio
import os
import statistics
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.http_load import LEGACY, MODERN, Socket, call_of, checked
from cli.errors import Problem
from cli.local_stack.embedded_redis import EmbeddedRedis, free_port
from cli.local_stack.processes import Child, Children
from cli.local_stack.readiness import until_ready

BAR_MIB = 175.0  # RSS of front and worker together
REST_S = 5.0  # without calls, before the figures are read
ROUNDS = 3
AAPL = {"symbol": "AAPL"}
REST = {"orderType": "LMT", "lmtPrice": 200.0, "action": "BUY", "totalQuantity": 1}
KEY = "memory-order"
CALLS: tuple[tuple[str, Mapping[str, Any]], ...] = (
    ("ibkr_get_status", {}),
    ("ibkr_get_positions", {}),
    ("ibkr_get_account_summary", {}),
    ("ibkr_get_pnl", {}),
    ("ibkr_get_contract_details", AAPL),
    ("ibkr_get_historical_data", AAPL | {"durationStr": "1 M", "barSizeSetting": "1 day"}),
    ("ibkr_stream_market_data", AAPL | {"duration_seconds": 1}),
    ("ibkr_preview_order", AAPL | {"action": "BUY", "totalQuantity": 1}),
    ("ibkr_get_open_orders", {}),
    ("ibkr_get_completed_orders", {}),
    ("ibkr_get_executions", {}),
)


@dataclass(frozen=True)
class Memory:
    """The memory that one process holds, in MiB."""

    rss: float
    pss: float
    uss: float

    def __add__(self, other: "Memory") -> "Memory":
        return Memory(self.rss + other.rss, self.pss + other.pss, self.uss + other.uss)

    def __str__(self) -> str:
        return f"RSS {self.rss:6.1f}  PSS {self.pss:6.1f}  USS {self.uss:6.1f}"


def memory_of(child: Child) -> Memory:
    """Return what the process holds now."""
    kib: dict[str, int] = {}
    for line in Path(f"/proc/{child.process.pid}/smaps_rollup").read_text().splitlines()[1:]:
        name, _, rest = line.partition(":")
        kib[name] = int(rest.split()[0])
    own = kib["Private_Clean"] + kib["Private_Dirty"]
    return Memory(kib["Rss"] / 1024, kib["Pss"] / 1024, own / 1024)


async def use(port: int) -> None:
    """Make a few calls of each kind, in both protocol eras."""
    client = Socket(port)
    await client.open()
    for era in (MODERN, LEGACY):
        for tool, arguments in CALLS:
            await checked(client, call_of(era, tool, arguments))
        key = f"{KEY}-{era}"
        order = AAPL | REST | {"idempotencyKey": key, "totalQuantity": 1 if era == MODERN else 2}
        await checked(client, call_of(era, "ibkr_place_order", order))
        await checked(client, call_of(era, "ibkr_cancel_order", {"orderKey": key}))
    await client.close()


async def round_of(folder: Path) -> dict[str, Memory]:
    """Start the stack, use it, let it rest, and read the figures."""
    gateway, front = free_port(), free_port()
    async with EmbeddedRedis(folder / "redis") as redis, Children(folder) as children:
        common = {"REDIS_URL": redis.url, "IBKR_SESSION": "bench", "LOG_LEVEL": "warning"}
        worker = {"GATEWAY_PORT": str(gateway), "BEAT_FILE": str(folder / "beat")}
        await children.start("simulator", "ibgateway.simulator", "--port", str(gateway))
        serving = {
            "worker": await children.start("worker", "ib_worker", **common, **worker),
            "front": await children.start("front", "mcp_front", **common, FRONT_PORT=str(front)),
        }
        await until_ready(front, lambda _: None)
        await use(front)
        await asyncio.sleep(REST_S)
        return {name: memory_of(child) for name, child in serving.items()}


async def run(rounds: int) -> int:
    print(f"{rounds} rounds, about {rounds * 20} s; load {os.getloadavg()[0]:.1f}")
    together = []
    for number in range(rounds):
        with tempfile.TemporaryDirectory() as folder:
            found = await round_of(Path(folder))
        together.append(found["front"] + found["worker"])
        for name, each in (*found.items(), ("together", together[-1])):
            print(f"round {number + 1}  {name:<9} {each} MiB")
    rss = statistics.median(each.rss for each in together)
    pss = statistics.median(each.pss for each in together)
    verdict = "met" if rss <= BAR_MIB else "missed"
    print(f"front + worker at rest, median: RSS {rss:.1f} MiB, PSS {pss:.1f} MiB; the bar of {BAR_MIB:g} is {verdict}")
    return int(rss > BAR_MIB)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.memory", description=__doc__)
    parser.add_argument("-n", type=int, default=ROUNDS, help=f"rounds ({ROUNDS})")
    if not Path("/proc/self/smaps_rollup").exists():
        print("this machine has no /proc/PID/smaps_rollup: run it on Linux", file=sys.stderr)
        return 2
    try:
        return asyncio.run(run(parser.parse_args().n))
    except Problem as problem:
        print(problem, file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
