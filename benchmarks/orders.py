"""`python -m benchmarks.orders`: from the MCP call to the order's frame at the gateway, healthy and behind many quotes.

Each order's way begins when its HTTP request is written and ends when the simulator has its placeOrder frame, by the
machine's clock in the simulator's journal. Orders are far from the market, immediate or cancelled, and go one after
another; behind quotes, two hundred clients have a stream of quotes each under way or waiting for its turn.
"""

import argparse
import asyncio
import csv
import json
import os
import re
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from itertools import count as count_from
from itertools import product
from pathlib import Path
from typing import Any

from benchmarks.front import UNLIMITED, Ports
from benchmarks.http_load import MODERN, Socket, call_of, checked
from bridge.order_references import order_ref
from cli.errors import Problem
from cli.local_stack.embedded_redis import EmbeddedRedis, free_port
from cli.local_stack.processes import Children
from cli.local_stack.readiness import until_ready
from ibgateway.simulator.world import instruments

PLACE = "3"  # TWS's message id of placeOrder
QUOTES = 200  # clients that ask for quotes
FLOWING, FLOWING_S = 50, 120  # the load is there when so many have been told; each takes several messages to TWS
HEALTHY_MS, BEHIND_MS = 60.0, 250.0  # the bars, for the 99th percentile
EXPIRIES = ("20250620", "20250718")  # after the day on which the simulator's clock begins
WARM_UP = 10  # orders that do not count: the first opens the quote's line, and imports what it needs
COUNTS_OFF = {
    "LIMIT_MAX_ORDERS_PER_MINUTE": "off", "LIMIT_MAX_ORDERS_PER_DAY": "off", "LIMIT_MAX_OPEN_ORDERS": "off",
}  # fmt: skip


@dataclass(frozen=True)
class Measured:
    """The milliseconds of each order's way."""

    name: str
    bar_ms: float
    ways_ms: list[float]

    @property
    def p99_ms(self) -> float:
        return statistics.quantiles(self.ways_ms, n=100)[98]

    def __str__(self) -> str:
        verdict = "met" if self.p99_ms <= self.bar_ms else "missed"
        return (
            f"{self.name:<20} {len(self.ways_ms)} orders: p50 {statistics.median(self.ways_ms):.1f} ms, "
            f"p99 {self.p99_ms:.1f} ms, longest {max(self.ways_ms):.1f} ms; the bar of {self.bar_ms:g} ms is {verdict}"
        )


@asynccontextmanager
async def stack(folder: Path, journal: Path | None = None, program: str = "ib_worker") -> AsyncIterator[Ports]:
    """The parts as processes, with the operator's usual limits but for counts of orders. `program`: the worker's."""
    async with EmbeddedRedis(folder / "redis") as redis, Children(folder) as children:
        ports = Ports(free_port(), free_port(), redis.url)
        common = {"REDIS_URL": redis.url, "IBKR_SESSION": "bench", "LOG_LEVEL": "warning"}
        worker = {"GATEWAY_PORT": str(ports.gateway), "BEAT_FILE": str(folder / "beat"), "MARKET_DATA_LINES": "10000"}
        gateway = ("--port", str(ports.gateway), *(("--journal", str(journal)) if journal else ()))
        await children.start("simulator", "ibgateway.simulator", *gateway)
        await children.start("worker", program, **common, **worker, **COUNTS_OFF)
        await children.start("front", "mcp_front", **common, **UNLIMITED, FRONT_PORT=str(ports.front))
        await until_ready(ports.front, lambda _: None)
        yield ports


async def place(port: int, count: int, name: str, cents: Iterator[int]) -> dict[str, float]:
    """Orders one after another, none equal to another; when each one's request was written, by its orderRef."""
    began: dict[str, float] = {}
    client = Socket(port)
    await client.open()
    for number in range(count):
        key = f"{name}-{number:04d}"
        terms = {"symbol": "AAPL", "action": "BUY", "totalQuantity": 1, "orderType": "LMT", "tif": "IOC"}
        call = call_of(MODERN, "ibkr_place_order", terms | {"lmtPrice": next(cents) / 100, "idempotencyKey": key})
        began[order_ref(key)] = time.time()
        await checked(client, call)
    await client.close()
    return began


@asynccontextmanager
async def quotes(port: int) -> AsyncIterator[Counter[str]]:
    """Clients that ask for one quote after another, each of a contract that nobody has asked for yet; what they get."""
    wanted, told, flowing = options(), Counter[str](), asyncio.Event()

    async def ask(client: Socket) -> None:
        for contract in wanted:
            terms = contract | {"duration_seconds": 1}
            answer = await client.ask(call_of(MODERN, "ibkr_stream_market_data", terms))
            told["a quote" if b'"isError":false' in answer else code_of(answer)] += 1
            if told["a quote"] >= FLOWING:
                flowing.set()

    async with AsyncExitStack() as opened:
        asking = []
        for _ in range(QUOTES):
            client = Socket(port)
            await client.open()
            opened.push_async_callback(client.close)
            asking.append(asyncio.create_task(ask(client)))
        try:
            await asyncio.wait_for(flowing.wait(), FLOWING_S)
        except TimeoutError:
            raise Problem(f"within {FLOWING_S} s the clients that ask for quotes got {dict(told)}") from None
        yield told
        ended = [each.exception() for each in asking if each.done()]
        for each in asking:
            each.cancel()
        await asyncio.gather(*asking, return_exceptions=True)
        if ended:
            raise Problem(f"{len(ended)} of the clients that ask for quotes have ended: {ended[0]}")


def code_of(answer: bytes) -> str:
    """The error's code, by which its text begins."""
    found = re.search(rb"\[(\w+)\]", answer)
    return f"error {found[1].decode()}" if found else "an error"


async def queued(port: int) -> int:
    """Return how many messages to TWS wait in the worker for their turn."""
    client = Socket(port)
    await client.open()
    answer = await client.ask(call_of(MODERN, "ibkr_get_status", {}))
    await client.close()
    text = answer.decode()
    told = next((line[5:] for line in text.splitlines() if line.startswith("data:")), text)
    waiting: dict[str, int] = json.loads(told)["result"]["structuredContent"].get("waiting", {})
    return sum(waiting.values())


def options() -> Iterator[dict[str, Any]]:
    """Options on whatever of the US the simulator knows, near and far from the money."""
    path = Path(instruments.__file__).parent.parent / "data" / "instruments.csv"
    with path.open(newline="") as file:
        rows = [each for each in csv.DictReader(file) if float(each["strikeStep"] or 0) and each["currency"] == "USD"]
    for expiry, right, steps in product(EXPIRIES, ("C", "P"), range(-10, 11)):
        for row in rows:
            step = float(row["strikeStep"])
            strike = (round(float(row["price"]) / step) + steps) * step
            if strike > 0:
                terms = {"symbol": row["symbol"], "secType": "OPT", "strike": strike, "right": right}
                yield terms | {"lastTradeDateOrContractMonth": expiry}


def frames(journal: Path) -> Iterator[tuple[str, float]]:
    """The orderRef and the time of each placeOrder frame."""
    with journal.open() as file:
        for line in file:
            entry = json.loads(line)
            if entry["direction"] == "in" and entry["fields"][0] == PLACE:
                yield next(field for field in entry["fields"] if field.startswith("mcp")), entry["wall"]


async def run(count: int) -> int:
    with tempfile.TemporaryDirectory() as folder:
        journal, cents = Path(folder) / "journal", count_from(100)
        async with stack(Path(folder), journal) as ports:
            await place(ports.front, WARM_UP, "warm-up", cents)
            healthy = await place(ports.front, count, "healthy", cents)
            async with quotes(ports.front) as told:
                await place(ports.front, WARM_UP, "crowded", cents)
                before, waiting = told.copy(), [await queued(ports.front)]
                behind = await place(ports.front, count, "behind", cents)
                waiting.append(await queued(ports.front))
                meanwhile = told - before
        arrived = dict(frames(journal))
    if not (meanwhile["a quote"] and min(waiting)):
        raise Problem(f"void: {waiting} messages waited for TWS, and the {QUOTES} clients got {dict(meanwhile)}")
    print(f"{waiting[0]} messages waited for TWS at the start and {waiting[1]} at the end of the orders behind quotes")
    print(f"meanwhile the {QUOTES} clients got {dict(meanwhile)}")
    print(f"load {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores")
    met = []
    for name, bar_ms, began in (("healthy", HEALTHY_MS, healthy), (f"behind {QUOTES} quotes", BEHIND_MS, behind)):
        measured = Measured(name, bar_ms, [(arrived[ref] - at) * 1000 for ref, at in began.items()])
        print(measured)
        met.append(measured.p99_ms <= bar_ms)
    return int(not all(met))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.orders", description=__doc__)
    parser.add_argument("-n", type=int, default=300, help="orders of each kind (300)")
    try:
        return asyncio.run(run(parser.parse_args().n))
    except Problem as problem:
        print(problem, file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
