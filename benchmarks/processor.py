"""`python -m benchmarks.processor`: the processor time of one call, in the front and in the worker.

Wall time on a busy machine says how long each process waited for its turn; processor time says what a call costs, and
so how many calls a second one front can answer. `--against FOLDER` asks a stack of another checkout in turn, round by
round, so that both meet the same machine. Linux only.
"""

import argparse
import asyncio
import os
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.http_load import LEGACY, MODERN, Call, Socket, burst, call_of, checked
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


@dataclass(frozen=True)
class Stack:
    """One checkout's front and worker, and clients of the front, which are opened when all stacks run."""

    front: Child
    worker: Child
    clients: list[Socket]


@dataclass(frozen=True)
class Cost:
    """Milliseconds of a processor that one call takes."""

    front: float
    worker: float

    @property
    def both(self) -> float:
        return self.front + self.worker


@asynccontextmanager
async def stack(logs: Path, code: Path, clients: int) -> AsyncIterator[Stack]:
    """Redis, simulator, worker and front with the settings as they come. `code`: the checkout that has the last two."""
    port, gateway = free_port(), free_port()
    async with EmbeddedRedis(logs / "redis") as redis, Children(logs) as children:
        common = {"REDIS_URL": redis.url, "IBKR_SESSION": "bench", "PYTHONSAFEPATH": "1", "PYTHONPATH": str(code)}
        settings = {"GATEWAY_PORT": str(gateway), "TRADING_MODE": "paper", "BEAT_FILE": str(logs / "beat")}
        await children.start("simulator", "ibgateway.simulator", "--port", str(gateway))
        worker = await children.start("worker", "ib_worker", **common, **settings)
        front = await children.start("front", "mcp_front", **common, FRONT_PORT=str(port))
        await until_ready(port, lambda _: None)
        yield Stack(front, worker, [Socket(port) for _ in range(clients)])


async def measure(stack: Stack, call: Call, calls: int) -> Cost:
    pids = (stack.front.process.pid, stack.worker.process.pid)
    before = [processor_s(pid) for pid in pids]
    await burst(stack.clients, call, calls)
    front, worker = ((processor_s(pid) - earlier) / calls * 1000 for pid, earlier in zip(pids, before, strict=True))
    return Cost(front, worker)


def processor_s(pid: int) -> float:
    """Return the seconds of a processor that the process's threads have had: to the nanosecond (Linux)."""
    threads = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((each / "schedstat").read_text().split()[0]) for each in threads) / 1e9


async def compare(stacks: list[Stack], call: Call, options: argparse.Namespace) -> str:
    """Ask the stacks in turn; the medians of the rounds, and of two stacks their ratio."""
    costs: list[list[Cost]] = [[] for _ in stacks]
    for each in stacks:
        await checked(each.clients[0], call)
        await burst(each.clients, call, options.calls // 10 + options.clients)
    for _ in range(options.rounds):
        for each, had in zip(stacks, costs, strict=True):
            had.append(await measure(each, call, options.calls // options.rounds))
    said = [
        f"front {median(cost.front for cost in had):.3f} ms, worker {median(cost.worker for cost in had):.3f} ms"
        for had in costs
    ]
    if len(costs) == 1:
        return said[0]
    ratios = [new.both / old.both for new, old in zip(*costs, strict=True)]
    return f"{said[0]}; against {said[1]}: {median(ratios):.3f} times ({min(ratios):.3f}–{max(ratios):.3f})"


async def run(options: argparse.Namespace) -> None:
    codes = [Path.cwd(), *([options.against] if options.against else [])]
    with tempfile.TemporaryDirectory() as folder:
        async with AsyncExitStack() as opened:
            stacks = [
                await opened.enter_async_context(stack(Path(folder) / str(number), code, options.clients))
                for number, code in enumerate(codes)
            ]
            for client in [client for each in stacks for client in each.clients]:
                await client.open()
                opened.push_async_callback(client.close)
            for era in options.eras:
                for name, question in QUESTIONS.items():
                    said = await compare(stacks, call_of(era, *question), options)
                    print(f"MCP {era}, {name}: {said}", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.processor", description=__doc__)
    parser.add_argument("--calls", type=int, default=3200, help="of each kind (3200)")
    parser.add_argument("--clients", type=int, default=16, help="clients at once (16)")
    parser.add_argument("--rounds", type=int, default=5, help="in which the calls of a kind are made (5)")
    parser.add_argument("--eras", nargs="+", default=(LEGACY, MODERN), help="protocol versions (both)")
    parser.add_argument("--against", type=Path, help="another checkout, measured in turn")
    options = parser.parse_args()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, {options.clients} clients", flush=True)
    asyncio.run(run(options))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
