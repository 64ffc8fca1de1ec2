"""`python -m benchmarks.options`: how long 40 options with greeks take, and what 100 cost another client's orders.

Each call is a request on the bus, to a worker process at the simulator process, and its time includes the bus.
`unknown`: the worker has seen neither the underlying nor its chain, and the simulator draws the day's quotes of these
options meanwhile. `anew`: the same of a worker that was started anew, once they are drawn. `cold`: chain and a price of
the last minute are known, and no line is open, so that 40 options cost 40 messages to TWS, whose pacing is most of the
time. `again`: the same call while the lines are open. The control is a call that needs no gateway: the details of a
known contract.

The other client places an order and reads positions, ten times a second, while nobody else calls (`quiet`) and while
one client reads 100 options again and again, each time of another expiry (`beside`). Both take turns in one run. The
simulator has drawn the day's quotes of all these options before: a gateway need not draw them.
"""

import argparse
import asyncio
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from secrets import token_urlsafe
from typing import Any

from benchmarks.rig import Client, Stack, kill, percentile, stack
from bridge.bus.client.client import BusClient
from cli.local_stack.processes import Child
from mcp_front.tools.catalogue import offered_tools

LEGS, MANY = 40, 100
QUIET_S = 2.0  # after which the pacer's burst is whole again, as it is between two questions of a person
LINES_S = 11.0  # after which the lines of an earlier call are given back
BARS = {"unknown": 1000.0, "anew": 1000.0, "cold": 1000.0, "again": 300.0, "control": None}  # ms, of the medians
MORE = 1.2  # the bar of the other client's 95th percentile, against its quiet value
PERIOD_S, TURNS, CALLS = 0.1, 6, 60  # of the other client


async def timed(client: Client, expiry: str, strikes: int) -> tuple[float, dict[str, Any]]:
    """Return the milliseconds of one call, and its answer. Raises RuntimeError where an option or a value lacks."""
    began = time.perf_counter()
    told = await client.ask(
        "get_option_quotes", symbol="SPY", expiry=expiry, strikes=f"atm {strikes}", limit=2 * strikes
    )
    took = (time.perf_counter() - began) * 1000
    if told["count"] != 2 * strikes or any(None in row for row in told["rows"]):
        raise RuntimeError(f"{2 * strikes - told['count']} options are missing, or a value of one: {told['failed']}")
    return took, told


async def control(client: Client) -> float:
    began = time.perf_counter()
    await client.ask("get_contract_details", symbol="SPY")
    return (time.perf_counter() - began) * 1000


async def expiries(client: Client) -> list[str]:
    chain = await client.ask("get_option_chain", symbol="SPY")
    days: list[str] = chain["classes"][0]["expirations"]
    return days[1:]


async def first_call(running: Stack, name: str) -> tuple[float, Child]:
    """Return the milliseconds of a new worker's first call, and the worker."""
    worker = await running.worker(name)
    await running.ready()
    await asyncio.sleep(QUIET_S)  # reading the session took messages
    took, _ = await timed(running.client, "next month", LEGS // 2)
    return took, worker


async def first_calls(running: Stack) -> dict[str, list[float]]:
    unknown, worker = await first_call(running, "worker")
    await kill(worker)
    anew, _ = await first_call(running, "next-worker")
    return {"unknown": [unknown], "anew": [anew]}


async def alone(running: Stack) -> dict[str, Any]:
    """Return the milliseconds of the cold, again and control calls, and an answer."""
    client, cold = running.client, []
    for day in (await expiries(client))[4:7]:
        await timed(client, day, LEGS // 2)  # the simulator draws the options' day
        await asyncio.sleep(LINES_S)
        took, told = await timed(client, day, LEGS // 2)
        cold.append(took)
    pairs = [((await timed(client, day, LEGS // 2))[0], await control(client)) for _ in range(20)]
    return {
        "cold": cold,
        "again": [each for each, _ in pairs],
        "control": [each for _, each in pairs],
        "answer": told,
    }


async def others_calls(client: Client) -> list[float]:
    """Return the milliseconds of orders and of positions, in turn."""
    took = []
    for number in range(CALLS):
        began = time.perf_counter()
        if number % 2:
            await client.ask("get_positions")
        else:
            await client.submit("place_order", token_urlsafe(15), symbol="IBM", action="BUY", totalQuantity=1)
        took.append((time.perf_counter() - began) * 1000)
        await asyncio.sleep(max(PERIOD_S - took[-1] / 1000, 0))
    return took


async def reading(reader: Client, days: list[str]) -> None:
    while True:
        for day in days:
            await timed(reader, day, MANY // 2)


async def beside(running: Stack) -> dict[str, list[float]]:
    """Return the milliseconds of another client's calls, quiet and beside 100 options."""
    found: dict[str, list[float]] = {"quiet": [], "beside": []}
    days = (await expiries(running.client))[:4]
    for day in days:
        await timed(running.client, day, MANY // 2)
    await others_calls(running.client)  # both have begun when it counts
    async with BusClient(running.redis.url, "bench", "front-reader") as bus_client:
        for turn in range(TURNS):
            if turn % 2 == 0:
                await asyncio.sleep(LINES_S)
                found["quiet"] += await others_calls(running.client)
                continue
            task = asyncio.create_task(reading(Client(bus_client, "reader"), days))
            found["beside"] += await others_calls(running.client)
            if task.done():
                task.result()
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
    return found


async def measured(folder: Path) -> dict[str, Any]:
    async with stack(folder) as running:
        return await first_calls(running) | await alone(running) | await beside(running)


def told(name: str, value: float, bar: float | None = None, unit: str = "ms") -> bool:
    """Print a figure with its bar; return whether the bar was missed."""
    missed = bar is not None and value > bar
    said = "" if bar is None else f"  (bar {bar:g}: {'missed' if missed else 'met'})"
    print(f"  {name:<12}{value:8.1f} {unit}{said}")
    return missed


def turns(every: dict[str, list[float]]) -> str:
    """Return the ratio of the 95th percentiles of each pair of turns, which shows how far the machine's noise goes."""
    starts = range(0, len(every["quiet"]), CALLS)
    each = ([percentile(every[name][at : at + CALLS], 0.95) for name in ("quiet", "beside")] for at in starts)
    return ", ".join(f"{busy / quiet:.2f}" for quiet, busy in each)


async def run(rounds: int) -> int:
    offered_tools()  # importing the declarations registers them
    found = []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as folder:
            found.append(await measured(Path(folder)))
    every = {name: [one for each in found for one in each[name]] for name in found[0] if name != "answer"}
    print(f"{LEGS} options with greeks, {rounds} rounds, load {os.getloadavg()[0]:.1f}; median:")
    missed = False
    for name, bar in BARS.items():
        missed |= told(name, statistics.median(every[name]), bar)
    ratio = statistics.median(every["again"]) / statistics.median(every["control"])
    print(f"  again is {ratio:.1f} times the control")
    text = json.dumps(found[-1]["answer"], separators=(",", ":"))
    print(f"  the answer has {len(text):,} characters; `python -m benchmarks.tokens` counts its tokens")
    print(f"another client's orders and positions, {len(every['quiet'])} calls each; 95th percentile:")
    quiet, busy = (percentile(every[name], 0.95) for name in ("quiet", "beside"))
    told("quiet", quiet)
    told("beside", busy)
    missed |= told("ratio", busy / quiet, MORE, "")
    medians = [statistics.median(every[name]) for name in ("quiet", "beside")]
    print(f"  medians {medians[0]:.1f} and {medians[1]:.1f} ms; ratio of each pair of turns: {turns(every)}")
    return int(missed)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.options", description=__doc__)
    parser.add_argument("--rounds", type=int, default=1, help="workers that are started anew (1)")
    return asyncio.run(run(parser.parse_args().rounds))


if __name__ == "__main__":
    sys.exit(main())
