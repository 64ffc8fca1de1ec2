"""The measurement: the servers take turns in each step of each round, so that a busy moment falls on all of them."""

import asyncio
import itertools
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.peers.mcp_session import McpSession
from benchmarks.peers.servers import REFERENCE, Order, Question, Server

CROWD = 16
ROUNDS_WITHIN_S, LEAST_ROUNDS = 480, 2  # so that the whole takes ten minutes at most
SYMBOLS = (
    "MSFT",
    "IBM",
    "GOOG",
    "META",
    "SPY",
    "QQQ",
    "AMD",
    "BAC",
    "CVX",
    "HD",
    "JNJ",
    "JPM",
    "KO",
    "XOM",
    "INTC",
    "T",
)
MONTH, YEAR = "1 M", "1 Y"
LIMIT_CENTS = 10_000  # AAPL trades at four times that: a limit there works until it is cancelled

POSITIONS, CROWDED, DETAILS = "positions", f"positions, {CROWD} clients", "contract details"
FIRST = {MONTH: "a month of daily bars, first", YEAR: "a year of daily bars, first"}
AGAIN = {MONTH: "the same month again", YEAR: "the same year again"}
PLACE, CANCEL, FILLED = "place at a limit", "cancel", "place at the market, until filled"
KINDS = (POSITIONS, CROWDED, DETAILS, FIRST[MONTH], AGAIN[MONTH], FIRST[YEAR], AGAIN[YEAR], PLACE, CANCEL, FILLED)


@dataclass(frozen=True)
class Sizes:
    """The number of calls that a step makes with each server, and of the short steps in a round."""

    single: int = 50
    crowd: int = 13 * CROWD
    turns: int = 3
    repeats: int = 50
    orders: int = 6


@dataclass
class Times:
    """The seconds of each call, by step, and the calls a second of each step. Step for step the servers took turns."""

    steps: list[list[float]] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)


Results = dict[str, dict[str, Times]]  # by kind and server


@dataclass
class Visitor:
    """The clients of one server."""

    server: Server
    clients: Sequence[McpSession]

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[None]:
        async with AsyncExitStack() as opened:
            for client in self.clients:
                await client.connect()
                opened.push_async_callback(client.close)
            yield

    @property
    def client(self) -> McpSession:
        return self.clients[0]

    async def each(self, question: Question, count: int) -> list[float]:
        call = self.client.call(*question)
        return [await self.client.timed(call) for _ in range(count)]

    async def crowd(self, question: Question, count: int) -> list[float]:
        async def share(client: McpSession) -> list[float]:
            call = client.call(*question)
            return [await client.timed(call) for _ in range(count // len(self.clients))]

        return list(itertools.chain(*await asyncio.gather(*map(share, self.clients))))


Step = Callable[[Visitor], Awaitable[dict[str, list[float]]]]


async def greeted(servers: Sequence[Server]) -> list[Visitor]:
    visitors = []
    for server in servers:
        clients = [McpSession(server.port, server.path) for _ in range(CROWD)]
        for client in clients:
            await client.greet()
        visitors.append(Visitor(server, clients))
    return visitors


async def measure(visitors: Sequence[Visitor], rounds: int, sizes: Sizes, tell: Callable[[str], None]) -> Results:
    """A first round warms up and does not count. A slow machine makes fewer rounds, in ROUNDS_WITHIN_S."""
    results: Results = {kind: defaultdict(Times) for kind in KINDS}
    quantities, cents = itertools.count(1), itertools.count(LIMIT_CENTS)
    await _warm(visitors)
    until = time.monotonic() + ROUNDS_WITHIN_S
    for number in range(rounds + 1):
        began = time.monotonic()
        if number > LEAST_ROUNDS and began > until:
            break
        for step in steps(SYMBOLS[number % len(SYMBOLS)], sizes, quantities, cents):
            for visitor in _in_turn(visitors, number):
                async with visitor.connected():
                    began_step = time.perf_counter()
                    taken = await step(visitor)
                    elapsed_s = time.perf_counter() - began_step
                if number:
                    _note(results, visitor.server.name, taken, elapsed_s)
        tell(f"round {number} of {rounds}: {time.monotonic() - began:.0f} s")
    return results


def steps(symbol: str, sizes: Sizes, quantities: "itertools.count[int]", cents: "itertools.count[int]") -> list[Step]:
    """The steps of one round."""

    async def positions(visitor: Visitor) -> dict[str, list[float]]:
        return {POSITIONS: await visitor.each(visitor.server.positions, sizes.single)}

    async def crowded(visitor: Visitor) -> dict[str, list[float]]:
        return {CROWDED: await visitor.crowd(visitor.server.positions, sizes.crowd)}

    async def details(visitor: Visitor) -> dict[str, list[float]]:
        return {DETAILS: await visitor.each(visitor.server.details("AAPL"), sizes.single)}

    async def bars(visitor: Visitor) -> dict[str, list[float]]:
        taken = {}
        for length in (MONTH, YEAR):
            question = visitor.server.bars(symbol, length)
            taken[FIRST[length]] = await visitor.each(question, 1)
            taken[AGAIN[length]] = await visitor.each(question, sizes.repeats)
        return taken

    async def orders(visitor: Visitor) -> dict[str, list[float]]:
        return await _orders(visitor, [Order(next(quantities), next(cents) / 100) for _ in range(sizes.orders)])

    async def fills(visitor: Visitor) -> dict[str, list[float]]:
        sizes_of = [next(quantities) % 50 + 1 for _ in range(sizes.orders // 2)]
        # Each is sold again, so that the margin lasts.
        return await _fills(visitor, [Order(each, action=side) for each in sizes_of for side in ("BUY", "SELL")])

    short: list[Step] = [positions, crowded, details]
    return [*short * sizes.turns, bars, orders, fills]


async def _orders(visitor: Visitor, orders: Sequence[Order]) -> dict[str, list[float]]:
    server, taken = visitor.server, defaultdict[str, list[float]](list)
    if server.place is None or server.cancel is None:
        return {}
    for order in orders:
        began = time.perf_counter()
        orderId = await server.place(visitor.client, order)
        placed = time.perf_counter()
        await server.cancel(visitor.client, orderId)
        taken[PLACE].append(placed - began)
        taken[CANCEL].append(time.perf_counter() - placed)
    return taken


async def _fills(visitor: Visitor, orders: Sequence[Order]) -> dict[str, list[float]]:
    if visitor.server.place is None:
        return {}
    taken = []
    for order in orders:
        began = time.perf_counter()
        await visitor.server.place(visitor.client, order)
        taken.append(time.perf_counter() - began)
    return {FILLED: taken}


async def _warm(visitors: Sequence[Visitor]) -> None:
    """Each contract is known to each server, and its history to the simulator, before any bar is measured."""
    for visitor in visitors:
        async with visitor.connected():
            for symbol in SYMBOLS:
                await visitor.each(visitor.server.details(symbol), 1)
                if visitor.server.name == REFERENCE:  # which has no limit of its own
                    await visitor.each(visitor.server.bars(symbol, YEAR), 1)


def _in_turn(visitors: Sequence[Visitor], number: int) -> list[Visitor]:
    """Another server is first in each round."""
    first = number % len(visitors)
    return [*visitors[first:], *visitors[:first]]


def _note(results: Results, server: str, taken: dict[str, list[float]], elapsed_s: float) -> None:
    for kind, times in taken.items():
        results[kind][server].steps.append(times)
        results[kind][server].rates.append(len(times) / elapsed_s)


# --- memory -------------------------------------------------------------------------------------------------------


def memory_mb(pid: int) -> tuple[float, float]:
    """Return RSS and PSS of a process and all its children, in MB (Linux)."""
    rss = pss = 0
    for each in _family(pid):
        for line in Path(f"/proc/{each}/smaps_rollup").read_text().splitlines():
            name, _, amount = line.partition(":")
            rss += int(amount.split()[0]) if name == "Rss" else 0
            pss += int(amount.split()[0]) if name == "Pss" else 0
    return rss * 1024 / 1e6, pss * 1024 / 1e6


def _family(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *itertools.chain(*(_family(int(each)) for each in children))]
