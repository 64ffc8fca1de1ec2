"""`python -m benchmarks`: what a tool call costs, layer by layer, against the stack on this machine.

A tool that does nothing (MCP's own cost), a read of the worker's memory, a cached contract, and the same questions put
to the gateway by ib_async directly; with one client and with many, over plain HTTP, since FastMCP's own client takes
longer than all the rest. The kinds take turns, so that a busy moment of the machine falls on all of them; on a machine
that is busy all the time, each process that a call passes waits for its turn, and the ratio says nothing.
"""

import argparse
import asyncio
import os
import statistics
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from benchmarks.direct import QUESTIONS, Direct
from benchmarks.http_load import LEGACY, MODERN, Httpx, Socket, burst, call_of, checked
from benchmarks.noop_front import NOOP
from cli.errors import Problem
from cli.local_stack.embedded_redis import EmbeddedRedis, free_port
from cli.local_stack.processes import Children
from cli.local_stack.readiness import until_ready

CALLS = 64  # of each kind in a round, a multiple of the clients
LEAST_ROUNDS = 2  # that count, however slow the machine is
START_S = 15  # about: the stack's start and end
BAR = 0.7  # ibkr_get_positions against the tool that does nothing, p50
UNLIMITED = {"FRONT_CALLS_PER_S": "1e9", "FRONT_BURST": "1000000000", "FRONT_CALLS_AT_ONCE": "100000"}
QUESTIONS_OF_THE_FRONT = {
    NOOP: (NOOP, {}),
    "ibkr_get_positions": ("ibkr_get_positions", {}),
    "ibkr_get_contract_details": ("ibkr_get_contract_details", {"symbol": "AAPL"}),
}

Times = dict[str, "Measured"]
Burst = Callable[[int], Awaitable[list[float]]]
Part = tuple[str, int, type[Httpx] | type[Socket]]  # the era, how many clients, and which


@dataclass(frozen=True)
class Ports:
    """Ports of the stack under measurement."""

    front: int
    gateway: int
    redis: str = ""  # the URL


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


async def measure(kinds: dict[str, Burst], seconds: float) -> Times:
    """Each kind in turn, round by round for so long; a first round warms up and does not count."""
    measured = {name: Measured() for name in kinds}
    clock = asyncio.get_running_loop().time
    until, number = clock() + seconds, 0
    while number <= LEAST_ROUNDS or clock() < until:
        for name, ask in kinds.items():
            began = clock()
            times = await ask(CALLS)
            if number:
                measured[name].times += times
                measured[name].elapsed += clock() - began
        number += 1
    return measured


async def compare(ports: Ports, client: type[Httpx] | type[Socket], era: str, count: int, seconds: float) -> Times:
    """All kinds with `count` clients."""
    asked = {name: call_of(era, *call) for name, call in QUESTIONS_OF_THE_FRONT.items()}
    clients = [client(ports.front) for _ in range(count)]
    async with AsyncExitStack() as opened:
        for each in clients:
            await each.open()
            opened.push_async_callback(each.close)
        for call in asked.values():
            await checked(clients[0], call)
        direct = await opened.enter_async_context(Direct(ports.gateway, count))
        kinds: dict[str, Burst] = {name: partial(burst, clients, call) for name, call in asked.items()}
        kinds |= {name: partial(direct.burst, ask) for name, ask in QUESTIONS.items()}
        return await measure(kinds, seconds)


def show(measured: Times) -> None:
    noop = measured[NOOP].p50_ms
    print(f"  {'':<30} {'p50 ms':>8} {'p99 ms':>8} {'calls/s':>8} {'p50 / no-op':>12}")
    for name, each in measured.items():
        print(f"  {name:<30} {each.p50_ms:8.2f} {each.p99_ms:8.2f} {each.per_second:8.0f} {each.p50_ms / noop:12.2f}")


async def run(options: argparse.Namespace) -> int:
    ratios: dict[Part, float] = {}
    parts = parts_of(options.clients)
    with tempfile.TemporaryDirectory() as folder:
        async with stack(Path(folder)) as ports:
            for era, count, client in parts:
                measured = await compare(ports, client, era, count, options.seconds / len(parts))
                print(f"\nMCP {era}, {named(count, client)}, {len(measured[NOOP].times)} calls of each kind")
                show(measured)
                ratios[era, count, client] = measured["ibkr_get_positions"].p50_ms / measured[NOOP].p50_ms
    return verdict(ratios)


def named(count: int, client: type[Httpx] | type[Socket]) -> str:
    return f"{count} client{'s' if count > 1 else ''} ({client.__name__.lower()})"


def parts_of(clients: Sequence[int]) -> list[Part]:
    """Both eras, each number of clients; one client alone is httpx too, as a program uses it."""
    return [
        (era, count, client)
        for era in (MODERN, LEGACY)
        for count in clients
        for client in ((Httpx, Socket) if count == 1 else (Socket,))
    ]


def verdict(ratios: dict[Part, float]) -> int:
    """The bar is for bare sockets, since httpx takes its time of both calls; 1 where it is missed."""
    print(f"\nibkr_get_positions / no-op, p50, bar {BAR}:")
    for (era, count, client), ratio in ratios.items():
        judged = "for information" if client is Httpx else "met" if ratio <= BAR else "MISSED"
        print(f"  MCP {era}, {named(count, client):<20} {ratio:5.2f}  {judged}")
    return int(any(ratio > BAR for (*_, client), ratio in ratios.items() if client is Socket))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--seconds", type=float, default=120, help="of the whole measurement (120)")
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 16], help="clients at once (1 16)")
    options = parser.parse_args()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, Python {sys.version.split()[0]}")
    print(f"this takes about {(options.seconds + START_S) / 60:.1f} minutes", flush=True)
    try:
        return asyncio.run(run(options))
    except Problem as problem:
        print(problem, file=sys.stderr)
        return 2
