"""The cost of the bus: `python -m benchmarks.bus [--calls N]` measures reads, orders and ticks over a Redis of its own.

Worker, Redis and front are three processes, Redis as durable as the product wants it (every order is on disk).
"""

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec

import bridge.tools.account
import bridge.tools.orders  # noqa: F401 - fills the registry
from bridge.bus.client.client import BusClient
from bridge.bus.client.stream_reader import StreamReader
from bridge.bus.messages import BusCaller
from bridge.bus.server.request import RequestContext
from bridge.bus.server.server import BusServer
from bridge.tool import OPERATIONS, ToolError
from cli.local_stack.embedded_redis import EmbeddedRedis

SESSION = "bench"
STREAM = "bench"
BENCH = BusCaller(principal="bench", request_id="bench")
POSITION = b'{"account":"DU1","contract":{"conId":265598,"symbol":"AAPL"},"position":1.0}'
POSITIONS = b"[" + b",".join([POSITION] * 10) + b"]"
TICKS_S = 3.0

Call = Callable[[int], Awaitable[object]]


async def work(url: str) -> None:
    """The worker: answers at once, and publishes ticks that carry their own time."""

    async def handle(context: RequestContext) -> bytes:
        if context.key is not None:
            await context.accept()
            return b'{"orderId":1,"status":"Submitted","replayed":false}'
        if context.operation == "open_account_updates":
            rate = float(context.caller)
            tasks.append(asyncio.create_task(publish(bus, rate)))
        return POSITIONS

    tasks: list[asyncio.Task[None]] = []
    async with BusServer(url, SESSION, "worker") as bus:
        await bus.lead()
        await bus.serve(handle)


async def publish(bus: BusServer, rate: float) -> None:
    began = time.perf_counter()
    count = 0
    while (passed := time.perf_counter() - began) < TICKS_S:
        for _ in range(int(passed * rate) - count if rate else 200):
            bus.publish(STREAM, "quote", b'{"bid":512.31,"ask":512.32,"last":512.31,"t":%d}' % time.time_ns())
            count += 1
        await asyncio.sleep(0.001 if rate else 0)
    bus.publish(STREAM, "end", b'{"count":%d}' % count)


async def timed(call: Call, calls: int, callers: int) -> tuple[list[float], float]:
    """The time of each call in ms, and calls per second."""
    taken: list[float] = []

    async def one(caller: int) -> None:
        for i in range(caller, calls, callers):
            began = time.perf_counter()
            await call(i)
            taken.append((time.perf_counter() - began) * 1000)

    began = time.perf_counter()
    await asyncio.gather(*(one(caller) for caller in range(callers)))
    return sorted(taken), calls / (time.perf_counter() - began)


async def watch(bus_client: BusClient, rate: float) -> tuple[list[float], float, StreamReader]:
    """The age of each tick on arrival in ms, ticks per second, and the feed with its counts."""
    ages: list[float] = []
    opening = OPERATIONS["open_account_updates"]
    async with bus_client.listen(STREAM) as feed:
        began = time.perf_counter()
        await bus_client.ask(opening, opening.request(), BusCaller(principal=str(rate), request_id="bench"))
        async for batch in feed:
            now = time.time_ns()
            if batch[-1].kind == "end":
                break
            ages += [(now - msgspec.json.decode(tick.body)["t"]) / 1e6 for tick in batch]
    return sorted(ages), len(ages) / (time.perf_counter() - began), feed


async def measure(bus_client: BusClient, calls: int) -> None:
    positions, place = OPERATIONS["get_positions"], OPERATIONS["place_order"]
    order = place.request.model_validate({"symbol": "AAPL", "action": "BUY", "totalQuantity": 1})
    run = time.time_ns()

    async def read(_: int) -> bytes:
        return await bus_client.ask(positions, positions.request(), BENCH)

    async def write(i: int) -> bytes:
        return await bus_client.submit(place, order, BENCH, key=f"bench-{run}-{next(numbers)}")

    numbers = iter(range(10**9))
    await timed(read, 200, 1)
    for name, call, count, callers in (
        ("read", read, calls, 1), ("read", read, calls * 4, 64),
        ("order", write, calls // 2, 1), ("order", write, calls, 16),
    ):  # fmt: skip
        taken, rate = await timed(call, count, callers)
        say(f"{name}, {callers} at once", taken, rate)
    for wanted in (100, 1_000, 5_000, 0):
        ages, rate, feed = await watch(bus_client, wanted)
        what = f"ticks, {wanted} a second" if wanted else "ticks, as many as go"
        say(what, ages, rate, f"dropped {feed.dropped}, gaps {feed.gaps}")


def say(what: str, taken: list[float], rate: float, more: str = "") -> None:
    p50, p99 = taken[len(taken) // 2], taken[len(taken) * 99 // 100]
    print(f"{what:<24} p50 {p50:8.3f} ms   p99 {p99:8.3f} ms   {rate:9.0f}/s   {more}")


async def main(calls: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with EmbeddedRedis(Path(folder)) as redis:
            worker = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "benchmarks.bus", "--worker", redis.url, stdout=asyncio.subprocess.DEVNULL
            )
            try:
                async with BusClient(redis.url, SESSION, "front") as bus_client:
                    await served(bus_client)
                    await measure(bus_client, calls)
            finally:
                worker.kill()
                await worker.wait()


async def served(bus_client: BusClient) -> None:
    """Wait until the worker takes writes."""
    place = OPERATIONS["place_order"]
    order = place.request.model_validate({"symbol": "AAPL", "action": "BUY", "totalQuantity": 1})
    async with asyncio.timeout(60):
        while True:
            try:
                await bus_client.submit(place, order, BENCH, key="bench-first")
                return
            except ToolError:
                await asyncio.sleep(0.1)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=2000)
    parser.add_argument("--worker", metavar="URL", help=argparse.SUPPRESS)
    options = parser.parse_args()
    asyncio.run(work(options.worker) if options.worker else main(options.calls))
