"""`python -m benchmarks.kept_streams`: what the streams that handles read cost an order's write to Redis.

One leader writes an entry of an order over and over, with every write synced to the disk. In turns it publishes nothing
beside, or quotes of so many contracts, at so many updates a second, as kept streams. Both share one connection, as they
do in the worker.
"""

import argparse
import asyncio
import os
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from bridge.bus.events.event import EventDraft, SessionEvent
from bridge.bus.events.event_log import log_events
from bridge.bus.server.server import BusServer
from cli.local_stack.embedded_redis import EmbeddedRedis

WRITES = 300  # of an order, in one turn
APART_S = 0.005
QUOTE = (
    b'{"symbol":"SPY","conId":756733,"time":"2025-06-11T14:30:00.123456Z","marketDataType":"live","simulated":false,'
    b'"bid":512.29,"bidSize":300.0,"ask":512.31,"askSize":200.0,"last":512.3,"lastSize":100.0,"volume":1200300.0,'
    b'"open":510.0,"high":513.0,"low":509.5,"close":511.0,"halted":false,"ticks":[{"tickType":4,"price":512.3}]}'
)


async def write_times(bus: BusServer, turn: int) -> list[float]:
    """Seconds of each write of an order's event."""
    took = []
    for number in range(WRITES):
        event = SessionEvent("order", "2025-06-11T14:30:00.123Z", key="key-0001", details={"status": "Submitted"})
        began = time.perf_counter()
        await log_events(
            bus.pipe, bus.keys, bus.lease.token, [EventDraft(f"order {turn}-{number}", "Submitted", event)]
        )
        took.append(time.perf_counter() - began)
        await asyncio.sleep(APART_S)
    return took


async def publish(bus: BusServer, contracts: int, per_s: float) -> None:
    """For ever: updates of all contracts, spread over each second."""
    streams = [f"quotes-{number}" for number in range(contracts)]
    for each in streams:
        await bus.keep_stream(each)
    while True:
        for each in streams:
            bus.publish(each, "quote", QUOTE)
        await asyncio.sleep(1 / per_s)


def told(times: Sequence[float]) -> str:
    ordered = sorted(times)
    return f"p50 {ordered[len(ordered) // 2] * 1000:.2f} ms, p99 {ordered[int(len(ordered) * 0.99)] * 1000:.2f} ms"


async def run(contracts: int, per_s: float, turns: int) -> int:
    ratios, alone_all, beside_all = [], list[float](), list[float]()
    with tempfile.TemporaryDirectory() as folder:
        async with EmbeddedRedis(Path(folder) / "redis") as redis, BusServer(redis.url, "bench", "w1") as bus:
            await bus.lead()
            serving = [asyncio.create_task(bus.ticks.recorder.run()), asyncio.create_task(bus.ticks.send())]
            for turn in range(turns):
                alone = await write_times(bus, 2 * turn)
                publishing = asyncio.create_task(publish(bus, contracts, per_s))
                await asyncio.sleep(0.5)
                used = resource.getrusage(resource.RUSAGE_SELF)
                began, core = time.perf_counter(), used.ru_utime + used.ru_stime
                beside = await write_times(bus, 2 * turn + 1)
                used = resource.getrusage(resource.RUSAGE_SELF)
                updates = (time.perf_counter() - began) * contracts * per_s
                core_us = (used.ru_utime + used.ru_stime - core) / updates * 1e6
                publishing.cancel()
                with suppress(asyncio.CancelledError):
                    await publishing
                ratios.append(statistics.median(beside) / statistics.median(alone))
                alone_all += alone
                beside_all += beside
                print(
                    f"turn {turn + 1}: alone {told(alone)}; beside {told(beside)}; {core_us:.0f} us of a core an update"
                )
                await asyncio.sleep(0.5)
            for each in serving:
                each.cancel()
            await asyncio.gather(*serving, return_exceptions=True)
    print(f"{contracts} contracts, {per_s:g} updates a second each; load {os.getloadavg()[0]:.1f}")
    print(f"alone {told(alone_all)}; beside {told(beside_all)}; ratio of the medians {statistics.median(ratios):.2f}")
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.kept_streams", description=__doc__)
    parser.add_argument("--contracts", type=int, default=100)
    parser.add_argument("--per-s", type=float, default=12.0, help="updates of each contract a second")
    parser.add_argument("--turns", type=int, default=5)
    options = parser.parse_args()
    return asyncio.run(run(options.contracts, options.per_s, options.turns))


if __name__ == "__main__":
    sys.exit(main())
