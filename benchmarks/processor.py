"""`python -m benchmarks.processor`: the processor time of one call, in the front and in the worker.

Wall time on a busy machine says how long each process waited for its turn; processor time says what a call costs, and
so how many calls a second one front can answer. Linux only.
"""

import argparse
import asyncio
import os
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from time import perf_counter

from benchmarks.http_load import LEGACY, MODERN, Call, Socket, burst, call_of, checked
from benchmarks.rig import cpu_s
from cli.local_stack.embedded_redis import EmbeddedRedis, free_port
from cli.local_stack.processes import Child, Children
from cli.local_stack.readiness import until_ready

QUESTIONS = {
    "positions": ("ibkr_get_positions", {}),
    "contract details": ("ibkr_get_contract_details", {"symbol": "AAPL"}),
    "a month of bars": (
        "ibkr_get_historical_data",
        {"symbol": "AAPL", "durationStr": "1 M", "barSizeSetting": "1 day"},
    ),
}


@asynccontextmanager
async def stack(logs: Path) -> AsyncIterator[tuple[int, Child, Child]]:
    """Redis, simulator, worker and front with the settings as they come: the front's port, the front, the worker."""
    port, gateway = free_port(), free_port()
    async with EmbeddedRedis(logs / "redis") as redis, Children(logs) as children:
        common = {"REDIS_URL": redis.url, "IBKR_SESSION": "bench"}
        settings = {"GATEWAY_PORT": str(gateway), "TRADING_MODE": "paper", "BEAT_FILE": str(logs / "beat")}
        await children.start("simulator", "ibgateway.simulator", "--port", str(gateway))
        worker = await children.start("worker", "ib_worker", **common, **settings)
        front = await children.start("front", "mcp_front", **common, FRONT_PORT=str(port))
        await until_ready(port, lambda _: None)
        yield port, front, worker


async def measure(clients: list[Socket], call: Call, calls: int, front: Child, worker: Child) -> str:
    """Ask so often, after a tenth of it to warm up; the figures of one call."""
    await burst(clients, call, calls // 10)
    pids = (front.process.pid, worker.process.pid)
    before, began = [cpu_s(pid) for pid in pids], perf_counter()
    await burst(clients, call, calls)
    elapsed = perf_counter() - began
    had = [(cpu_s(pid) - earlier) / calls * 1000 for pid, earlier in zip(pids, before, strict=True)]
    return f"front {had[0]:.3f} ms, worker {had[1]:.3f} ms, {calls / elapsed:.0f} calls/s"


async def run(options: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with stack(Path(folder)) as (port, front, worker), AsyncExitStack() as opened:
            clients = [Socket(port) for _ in range(options.clients)]
            for each in clients:
                await each.open()
                opened.push_async_callback(each.close)
            for era in (LEGACY, MODERN):
                for name, question in QUESTIONS.items():
                    call = call_of(era, *question)
                    await checked(clients[0], call)
                    print(
                        f"MCP {era}, {name}: {await measure(clients, call, options.calls, front, worker)}", flush=True
                    )


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.processor", description=__doc__)
    parser.add_argument("--calls", type=int, default=3200, help="of each kind (3200)")
    parser.add_argument("--clients", type=int, default=16, help="clients at once (16)")
    options = parser.parse_args()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, {options.clients} clients", flush=True)
    asyncio.run(run(options))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
