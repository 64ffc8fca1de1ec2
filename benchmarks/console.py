"""`python -m benchmarks.console`: what the console's live page costs, and what it costs the orders beside it.

The stack has so many positions, whose prices move each second. In turns nobody watches, or so many viewers have the
overview open, each with an event stream of its own and its reads of the candles and of the equity curve. In each turn
orders are placed and cancelled, one after the other. The processor time is that of the console, and of the worker
beyond the turn before, which nobody watched. Linux only.
"""

import argparse
import asyncio
import os
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import starmap
from pathlib import Path
from secrets import token_hex

import httpx

from benchmarks.rig import SESSION, STOCKS, Client, Stack, cpu_s, percentile, stack, until
from bridge.bus.identity.credentials import hashed
from bridge.bus.identity.operators import Operator, add_operator
from bridge.bus.identity.sign_ins import begin_sign_in
from bridge.bus.keys import Keys
from cli.local_stack.embedded_redis import free_port
from cli.local_stack.processes import Child

MORE = ("DIS", "CRM", "ORCL", "ADBE", "V", "MA", "NKE", "MCD")  # beside STOCKS: fifty contracts
PARTS = "banner,waiting,accounts,positions,orders,trades,events,clients,near"  # as the overview asks for them
CONTRACT = 265598  # AAPL, whose candles each viewer has
READS = {  # what the overview reads beside its stream, and how often, in seconds
    f"/contracts/{CONTRACT}/candles.json?span=day": 5.0,
    "/equity.json": 10.0,
}
SETTLE_S = 3.0  # after a change of who watches
HOUR_MS = 3_600_000


@dataclass
class Turn:
    """One turn: the seconds of each order's answer, and the shares of a core that console and worker have used."""

    orders: list[float] = field(default_factory=list)
    console: float = 0.0
    worker: float = 0.0
    sent: int = 0  # bytes to all viewers


@dataclass(frozen=True)
class Parts:
    """The processes that are measured, and the console's address with an operator's token."""

    stack: Stack
    worker: Child
    console: Child
    url: str
    token: str


async def hold(client: Client, contracts: int) -> None:
    """Buy one share of each contract."""
    for symbol in (*STOCKS, *MORE)[:contracts]:
        await client.submit(
            "place_order", f"hold-{symbol}-{token_hex(4)}", symbol=symbol, action="BUY", totalQuantity=1
        )


async def order_s(client: Client) -> float:
    """Place an order that rests, and cancel it; return the seconds of the placement."""
    key = f"bench-{token_hex(8)}"
    began = time.perf_counter()
    placed = await client.submit(
        "place_order", key, symbol="AAPL", action="BUY", totalQuantity=1, orderType="LMT", lmtPrice=10
    )
    took = time.perf_counter() - began
    await client.submit("cancel_order", f"end-{token_hex(8)}", orderId=placed["orderId"])
    return took


@asynccontextmanager
async def watched(parts: Parts, viewers: int, turn: Turn) -> AsyncIterator[None]:
    """Keep so many streams of the overview open, and read what they send."""
    async with httpx.AsyncClient(base_url=parts.url, cookies={"console": parts.token}, timeout=30) as http:

        async def view() -> None:
            async with http.stream("GET", f"/live?parts={PARTS}") as stream:
                async for chunk in stream.aiter_raw():
                    turn.sent += len(chunk)

        async def read(path: str, every_s: float) -> None:
            since = ""
            while True:
                answer = (await http.get(path + since)).raise_for_status()
                turn.sent += len(answer.content)
                if "candles" in path and (rows := answer.json()["rows"]):  # then what is new alone, as the page does
                    since = f"&since={rows[-1][0]}"
                await asyncio.sleep(every_s)

        viewing = [
            asyncio.create_task(each) for _ in range(viewers) for each in (view(), *starmap(read, READS.items()))
        ]
        try:
            yield
        finally:
            if ended := [each for each in viewing if each.done()]:
                raise RuntimeError(f"{len(ended)} streams ended by themselves")
            for each in viewing:
                each.cancel()
            await asyncio.gather(*viewing, return_exceptions=True)


async def measured(parts: Parts, viewers: int, seconds: float, apart_s: float) -> Turn:
    """Return what console and worker use and send in one turn with so many viewers."""
    turn = Turn()
    async with watched(parts, viewers, turn):
        await asyncio.sleep(SETTLE_S)
        turn.sent, began = 0, time.perf_counter()
        used = cpu_s(parts.console.process.pid), cpu_s(parts.worker.process.pid)
        while time.perf_counter() - began < seconds:
            turn.orders.append(await order_s(parts.stack.client))
            await asyncio.sleep(apart_s)
        took = time.perf_counter() - began
        turn.console = (cpu_s(parts.console.process.pid) - used[0]) / took
        turn.worker = (cpu_s(parts.worker.process.pid) - used[1]) / took
        turn.sent = round(turn.sent / took)
    await asyncio.sleep(SETTLE_S)
    return turn


@asynccontextmanager
async def running(contracts: int) -> AsyncIterator[Parts]:
    """The stack with a console that has an operator, and the positions."""
    with tempfile.TemporaryDirectory() as folder:
        async with stack(Path(folder), "--start", "last-session", "--price-levels", "2025") as running_stack:
            worker = await running_stack.worker()
            await running_stack.ready()
            pipe, keys = running_stack.client.bus_client.pipe, Keys(SESSION)
            await add_operator(pipe, keys, Operator("bench", hashed(token_hex(16))))
            token = await begin_sign_in(pipe, keys, "bench", "console", HOUR_MS)
            port = free_port()
            url = f"http://127.0.0.1:{port}"
            settings = {"REDIS_URL": running_stack.redis.url, "IBKR_SESSION": SESSION, "CONSOLE_PORT": str(port)}
            console = await running_stack.children.start("console", "console", **settings)
            await until(lambda: answers(url), "the console answers", 60)
            await hold(running_stack.client, contracts)
            yield Parts(running_stack, worker, console, url, token)


async def answers(url: str) -> bool:
    try:
        async with httpx.AsyncClient() as http:
            return (await http.get(f"{url}/healthz")).status_code == 200
    except httpx.TransportError:
        return False


def told(name: str, turns: Sequence[Turn]) -> str:
    orders = [each for turn in turns for each in turn.orders]
    return (
        f"{name}: {len(orders)} orders, p50 {statistics.median(orders) * 1000:.2f} ms, "
        f"p95 {percentile(orders, 0.95) * 1000:.2f} ms; console {statistics.median(t.console for t in turns):.1%} and "
        f"worker {statistics.median(t.worker for t in turns):.1%} of a core; "
        f"{statistics.median(t.sent for t in turns) / 1024:.0f} KiB/s to the viewers"
    )


async def run(options: argparse.Namespace) -> int:
    alone, watched_turns, ratios = list[Turn](), list[Turn](), list[float]()
    async with running(options.contracts) as parts:
        await measured(parts, options.viewers, 3, options.apart_s)  # what is loaded once
        for _ in range(options.turns):
            alone.append(await measured(parts, 0, options.seconds, options.apart_s))
            watched_turns.append(await measured(parts, options.viewers, options.seconds, options.apart_s))
            ratios.append(statistics.median(watched_turns[-1].orders) / statistics.median(alone[-1].orders))
            print(f"turn {len(ratios)}: {told('alone', alone[-1:])}\n        {told('watched', watched_turns[-1:])}")
    more = statistics.median(
        w.console + w.worker - a.console - a.worker for w, a in zip(watched_turns, alone, strict=True)
    )
    print(f"{options.contracts} contracts, {options.viewers} viewers; load {os.getloadavg()[0]:.1f}")
    print(f"{told('alone', alone)}\n{told('watched', watched_turns)}")
    ratio = statistics.median(ratios)
    print(f"console and worker together {more:.1%} of a core more; ratio of the orders' medians {ratio:.2f}")
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.console", description=__doc__)
    parser.add_argument("--contracts", type=int, default=50)
    parser.add_argument("--viewers", type=int, default=5)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=10.0, help="of each turn")
    parser.add_argument("--apart-s", type=float, default=0.1, help="between two orders")
    return asyncio.run(run(parser.parse_args()))


if __name__ == "__main__":
    sys.exit(main())
