"""`python -m benchmarks.event_latency`: how long after a fill's frame does a waiting client hear of it?

A client waits by `ibkr_wait_for` for an execution, with the cursor of its last answer, while another places an order at
the market. In turn with it ib_async alone places one at the same gateway. The time begins with the frame `execDetails`
as the simulator's journal has it, and ends with the wait's answer, or with ib_async's own callback. What lies between
the two is one write of the event log, synced to the disk, and the way to the front and out.
"""

import argparse
import asyncio
import os
import re
import secrets
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import ib_async

from benchmarks.direct import AAPL
from benchmarks.fairness import ORDER
from benchmarks.http_load import MODERN, Socket, call_of
from benchmarks.rig import Stack, percentile, stack

EXEC_DETAILS = 11  # the message's id
EXEC_ID, CURSOR = re.compile(rb'"execId": ?"([^"]+)"'), re.compile(rb'"cursor": ?"([^"]+)"')
BETWEEN_S = 0.05  # before an order, so that whoever waits for it does
CLIENT_ID = 500
NOTHING = [{"event": "halt"}]
WANTED = [{"event": "execution"}]

Heard = dict[str, float]  # by execId, on the machine's clock


async def waited(client: Socket, events: list[dict[str, str]], seconds: float, cursor: str = "") -> bytes:
    arguments: dict[str, Any] = {"events": events, "timeout_seconds": seconds}
    return await client.ask(call_of(MODERN, "ibkr_wait_for", arguments | ({"cursor": cursor} if cursor else {})))


def found(pattern: re.Pattern[bytes], answer: bytes) -> str:
    match = pattern.search(answer)
    if match is None:
        raise RuntimeError(f"the answer lacks {pattern.pattern!r}: {answer[:500]!r}")
    return match[1].decode()


async def by_waiting(waiter: Socket, placer: Socket, cursor: str, heard: Heard) -> str:
    """Note when a wait told an execution; the cursor of its answer."""
    waiting = asyncio.create_task(waited(waiter, WANTED, 20, cursor))
    await asyncio.sleep(BETWEEN_S)
    placed = call_of(MODERN, "ibkr_place_order", ORDER | {"idempotencyKey": secrets.token_hex(8)})
    placing = asyncio.create_task(placer.ask(placed))
    answer = await waiting
    at = time.time()
    heard[found(EXEC_ID, answer)] = at
    await placing
    return found(CURSOR, answer)


async def by_callback(ib: ib_async.IB, heard: Heard) -> None:
    """Note when ib_async told an execution."""
    told = asyncio.Event()

    def hear(_: ib_async.Trade, fill: ib_async.Fill) -> None:
        heard[fill.execution.execId] = time.time()
        told.set()

    ib.execDetailsEvent += hear
    await asyncio.sleep(BETWEEN_S)
    ib.placeOrder(AAPL, ib_async.MarketOrder("BUY", 1))
    await asyncio.wait_for(told.wait(), 20)
    ib.execDetailsEvent -= hear


async def delays(stage: Stack, heard: Heard) -> list[float]:
    """Seconds from each frame, as first sent, to when it was heard of."""
    journal = await stage.control.ask("journal", direction="out", msgId=EXEC_DETAILS)
    sent: Heard = {}
    for entry in journal["entries"]:
        for each in heard.keys() & set(entry["fields"]):
            sent.setdefault(each, entry["wall"])
    return [at - sent[each] for each, at in heard.items()]


async def run(rounds: int) -> None:
    with tempfile.TemporaryDirectory(prefix="event-latency-") as folder:
        async with stack(Path(folder)) as stage:
            await stage.worker()
            _, port = await stage.front("events")
            waiter, placer, ib = Socket(port), Socket(port), ib_async.IB()
            for client in (waiter, placer):
                await client.open()
            await ib.connectAsync(
                "127.0.0.1", stage.gateway_port, clientId=CLIENT_ID, fetchFields=ib_async.StartupFetch(0)
            )
            cursor = found(CURSOR, await waited(waiter, NOTHING, 1))
            ours: Heard = {}
            bare: Heard = {}
            for _ in range(rounds):
                cursor = await by_waiting(waiter, placer, cursor, ours)
                await by_callback(ib, bare)
            told = {"ibkr_wait_for": await delays(stage, ours), "ib_async alone": await delays(stage, bare)}
            ib.disconnect()
            for client in (waiter, placer):
                await client.close()
    for name, each in told.items():
        print(
            f"{name:<15} p50 {statistics.median(each) * 1000:6.2f} ms, p99 {percentile(each, 0.99) * 1000:6.2f} ms, "
            f"n={len(each)}"
        )
    ratio = statistics.median(told["ibkr_wait_for"]) / statistics.median(told["ib_async alone"])
    print(f"p50: {ratio:.2f} times ib_async alone")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.event_latency", description=__doc__)
    parser.add_argument("--rounds", type=int, default=100, help="orders of each (100)")
    options = parser.parse_args()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, Python {sys.version.split()[0]}", flush=True)
    asyncio.run(run(options.rounds))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
