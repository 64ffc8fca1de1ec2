"""`python -m benchmarks`: what a tool call costs, layer by layer, against the stack on this machine.

A tool that does nothing (MCP's own cost), a read of the worker's memory, a cached contract, and the same questions put
to the gateway by ib_async directly; with one client and with many, over plain HTTP, since FastMCP's own client takes
longer than all the rest. The kinds take turns, so that a busy moment of the machine falls on all of them.
"""

import argparse
import asyncio
import os
import statistics
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from benchmarks.direct import QUESTIONS, Direct
from benchmarks.http_load import LEGACY, MODERN, Client, burst, checked, request_of
from benchmarks.noop_front import NOOP
from cli.embedded_redis import EmbeddedRedis, free_port
from cli.processes import Children, Problem
from cli.ready import until_ready

ROUNDS = 10
BAR = 1.5  # ibkr_get_positions against the tool that does nothing, p50
UNLIMITED = {"FRONT_CALLS_PER_S": "1e9", "FRONT_BURST": "1000000000", "FRONT_CALLS_AT_ONCE": "100000"}
CALLS = {
    NOOP: (NOOP, {}),
    "ibkr_get_positions": ("ibkr_get_positions", {}),
    "ibkr_get_contract_details": ("ibkr_get_contract_details", {"symbol": "AAPL"}),
}

Burst = Callable[[int], Awaitable[list[float]]]


@dataclass(frozen=True)
class Ports:
    """Where the stack under measurement listens."""

    front: int
    gateway: int


@dataclass
class Measured:
    """The seconds that calls of one kind took, and the seconds that went by meanwhile."""

    times: list[float] = field(default_factory=list)
    elapsed: float = 0.0

    @property
    def p50_ms(self) -> float:
        return statistics.median(self.times) * 1000

    @property
    def p99_ms(self) -> float:
        return statistics.quantiles(self.times, n=100)[98] * 1000

    @property
    def per_second(self) -> float:
        return len(self.times) / self.elapsed


@asynccontextmanager
async def stack(logs: Path) -> AsyncIterator[Ports]:
    """Redis, simulator, worker and a front with one more tool, as processes of this machine."""
    ports = Ports(free_port(), free_port())
    async with EmbeddedRedis(logs / "redis") as redis, Children(logs) as children:
        common = {"REDIS_URL": redis.url, "IBKR_SESSION": "bench"}
        worker = {"GATEWAY_PORT": str(ports.gateway), "TRADING_MODE": "paper", "BEAT_FILE": str(logs / "beat")}
        await children.start("simulator", "ibgateway.simulator", "--port", str(ports.gateway))
        await children.start("worker", "ib_worker", **common, **worker)
        await children.start("front", "benchmarks.noop_front", **common, **UNLIMITED, FRONT_PORT=str(ports.front))
        await until_ready(ports.front, lambda _: None)
        yield ports


async def measure(kinds: dict[str, Burst], calls: int) -> dict[str, Measured]:
    """Each kind in turn, ROUNDS times; a first round warms up and does not count."""
    measured = {name: Measured() for name in kinds}
    for number in range(ROUNDS + 1):
        for name, ask in kinds.items():
            began = asyncio.get_running_loop().time()
            times = await ask(calls // ROUNDS)
            if number:
                measured[name].times += times
                measured[name].elapsed += asyncio.get_running_loop().time() - began
    return measured


async def compare(ports: Ports, era: str, count: int, calls: int) -> dict[str, Measured]:
    """All kinds with `count` clients."""
    requests = {name: request_of(ports.front, era, *call) for name, call in CALLS.items()}
    for request in requests.values():
        await checked(ports.front, request)
    clients = [await Client(ports.front).open() for _ in range(count)]
    async with Direct(ports.gateway, count) as direct:
        kinds: dict[str, Burst] = {name: partial(burst, clients, request) for name, request in requests.items()}
        kinds |= {name: partial(direct.burst, ask) for name, ask in QUESTIONS.items()}
        try:
            return await measure(kinds, calls)
        finally:
            for client in clients:
                client.close()


def show(measured: dict[str, Measured]) -> None:
    noop = measured[NOOP].p50_ms
    print(f"  {'':<30} {'p50 ms':>8} {'p99 ms':>8} {'calls/s':>8} {'p50 / no-op':>12}")
    for name, each in measured.items():
        print(f"  {name:<30} {each.p50_ms:8.2f} {each.p99_ms:8.2f} {each.per_second:8.0f} {each.p50_ms / noop:12.2f}")


async def run(options: argparse.Namespace) -> int:
    missed = False
    with tempfile.TemporaryDirectory() as folder:
        async with stack(Path(folder)) as ports:
            for era in (MODERN, LEGACY):
                for count in options.clients:
                    print(f"\nMCP {era}, {count} client{'s' if count > 1 else ''}, {options.calls} calls of each kind")
                    measured = await compare(ports, era, count, options.calls)
                    show(measured)
                    if count == 1:
                        missed |= measured["ibkr_get_positions"].p50_ms > BAR * measured[NOOP].p50_ms
    print(f"\nibkr_get_positions takes at most {BAR} times a tool that does nothing: {'no' if missed else 'yes'}")
    return int(missed)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--calls", type=int, default=2000, help="calls of each kind (2000)")
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 16], help="clients at once (1 16)")
    options = parser.parse_args()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, Python {sys.version.split()[0]}")
    try:
        return asyncio.run(run(options))
    except Problem as problem:
        print(problem, file=sys.stderr)
        return 2
