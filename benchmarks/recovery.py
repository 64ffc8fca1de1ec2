"""`python -m benchmarks.recovery`: how long each part takes to come back, and how calls end that were under way.

    gateway   ready again after the gateway's port returns
    orders    the same with 500 open orders, which the session reads before it is ready
    standby   SIGKILL of the leading worker to ready, where another stands by, as on another machine
    beside    the same where it stands by on the leader's own machine
    restart   the same where none does: beyond the time until the new process stands by
    redis     Redis is killed and restarted: from its first answer to serving again
    reset     20 requests under way at a reset: until the last has ended, each with a typed error

Redis, simulator and workers are processes; each figure is of so many rounds, and a bar is about the 95th percentile.
"""

import argparse
import asyncio
import os
import random
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from benchmarks.rig import STOCKS, Stack, kill, percentile, stack, until
from bridge.tool import ToolError
from cli.errors import Problem

OPEN_ORDERS = 500
AWAY_S = (1.0, 9.0)  # so that an attempt may be due at any moment when the gateway is back
IN_FLIGHT = 20
AT_ONCE = 10  # orders placed side by side

Round = AsyncIterator[float]
BARS = {"gateway": 5.0, "orders": 10.0, "standby": 10.0, "beside": 10.0, "restart": 5.0, "redis": 3.0, "reset": 1.0}


async def gateway(stage: Stack, rounds: int) -> Round:
    await stage.worker()
    await stage.ready()
    async for taken in _returns(stage, rounds):
        yield taken


async def orders(stage: Stack, rounds: int) -> Round:
    await stage.worker()
    await stage.ready()
    await _place(stage, OPEN_ORDERS)
    async for taken in _returns(stage, rounds):
        yield taken


async def _returns(stage: Stack, rounds: int) -> Round:
    draw = random.Random(1)
    for _ in range(rounds):
        await stage.control.fault("door shut")
        await stage.control.fault("reset")
        await until(lambda: _not_ready(stage), "the worker notices", 5)
        await asyncio.sleep(draw.uniform(*AWAY_S))
        await stage.control.fault("door open")
        yield await stage.ready(60)


async def _place(stage: Stack, count: int) -> None:
    """Orders that stay open: limits far from the market, of many stocks, as IBKR takes twenty of each."""

    async def share(first: int) -> None:
        for number in range(first, count, AT_ONCE):
            await stage.client.submit(
                "place_order", f"recovery-{number:05}", symbol=STOCKS[number % len(STOCKS)], action="BUY",
                totalQuantity=1, orderType="LMT", lmtPrice=1 + number / 100,
            )  # fmt: skip

    await asyncio.gather(*(share(first) for first in range(AT_ONCE)))
    found = len(await stage.client.ask("get_open_orders"))
    if found != count:
        raise Problem(f"{found} orders are open, not {count}")


async def standby(stage: Stack, rounds: int) -> Round:
    async for taken in _taken_over(stage, [f"machine-{number}" for number in range(rounds + 1)]):
        yield taken


async def beside(stage: Stack, rounds: int) -> Round:
    async for taken in _taken_over(stage, ["this"] * (rounds + 1)):
        yield taken


async def _taken_over(stage: Stack, machines: list[str]) -> Round:
    leader = await stage.worker("worker-0", machine=machines[0])
    await stage.ready()
    for number, machine in enumerate(machines[1:], 1):
        waiting = await stage.worker(f"worker-{number}", machine=machine)
        await _stands_by(stage, f"worker-{number}")
        await kill(leader)
        yield await _back(stage)
        leader = waiting


async def restart(stage: Stack, rounds: int) -> Round:
    """The new process is started at once, as a restart policy would; its own start is not counted."""
    leader = await stage.worker("worker-0")
    await stage.ready()
    for number in range(1, rounds + 1):
        await kill(leader)
        leader = await stage.worker(f"worker-{number}")
        await _stands_by(stage, f"worker-{number}")
        yield await _back(stage)


async def _stands_by(stage: Stack, name: str) -> None:
    """The worker's sign of life, which it gives as soon as it asks for the lease."""
    beat = stage.folder / f"{name}.beat"

    async def alive() -> bool:
        return await asyncio.to_thread(beat.exists)

    await until(alive, f"{name} stands by", 60)


async def _back(stage: Stack) -> float:
    """Seconds until a read is answered and the session is ready for orders."""

    async def answered() -> bool:
        try:
            await stage.client.ask("get_positions")
        except ToolError:
            return False
        return await stage.client.is_ready()

    return await until(answered, "reads are answered and orders are taken", 90)


async def redis(stage: Stack, rounds: int) -> Round:
    await stage.worker()
    await stage.ready()
    for _ in range(rounds):
        process = stage.redis.process
        assert process is not None  # it is ours
        process.send_signal(signal.SIGKILL)
        await process.wait()
        await stage.redis.start()  # returns at its first PONG
        yield await _back(stage)


async def reset(stage: Stack, rounds: int) -> Round:
    await stage.worker()
    for number in range(rounds):
        await _back(stage)
        await stage.control.fault("on reqContractDetails each ignore")
        seen = (await stage.control.ask("journal", after=1 << 60))["last"]
        calls = [asyncio.create_task(_ended(stage, f"Q{number}X{each}")) for each in range(IN_FLIGHT)]
        await until(lambda: _asked(stage, seen), "the gateway has every request", 20)  # noqa: B023  # awaited in here
        began = time.monotonic()
        await stage.control.fault("clear")
        await stage.control.fault("reset")
        ended = await asyncio.gather(*calls)
        yield max(at for at, _ in ended) - began
        if (codes := {code for _, code in ended}) != {"retry"}:
            raise Problem(f"calls under way at a reset ended as {codes}")


async def _asked(stage: Stack, since: int) -> bool:
    found = await stage.control.ask("journal", after=since, direction="in", msgId=9)
    return len(found["entries"]) >= IN_FLIGHT


async def _ended(stage: Stack, symbol: str) -> tuple[float, str]:
    try:
        await stage.client.ask("get_contract_details", symbol=symbol)
    except ToolError as error:
        return time.monotonic(), error.code
    return time.monotonic(), "answered"


async def _not_ready(stage: Stack) -> bool:
    return await stage.client.state() != "ready"


KINDS: dict[str, Callable[[Stack, int], Round]] = {
    each.__name__: each for each in (gateway, orders, standby, beside, restart, redis, reset)
}


async def measure(kind: str, rounds: int) -> bool:
    """Print one row; whether its bar is met."""
    with tempfile.TemporaryDirectory(prefix="recovery-") as folder:
        async with stack(Path(folder)) as stage:
            taken = [each async for each in KINDS[kind](stage, rounds)]
    p95, bar = percentile(taken, 0.95), BARS[kind]
    print(
        f"  {kind:<8} median {statistics.median(taken):6.2f} s   p95 {p95:6.2f} s   longest {max(taken):6.2f} s   "
        f"n={len(taken)}   load {os.getloadavg()[0]:4.1f}   bar {bar:g} s: {'met' if p95 <= bar else 'MISSED'}",
        flush=True,
    )
    return p95 <= bar


async def run(options: argparse.Namespace) -> int:
    met = [await measure(kind, options.rounds) for kind in options.kinds or KINDS]
    return int(not all(met))


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.recovery", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("kinds", nargs="*", metavar="WHAT", help="which of them (all)")
    parser.add_argument("-n", "--rounds", type=int, default=20, help="of each (20)")
    options = parser.parse_args()
    if unknown := set(options.kinds) - set(KINDS):
        parser.error(f"WHAT is one of {', '.join(KINDS)}, not {', '.join(unknown)}")
    print(f"{os.cpu_count()} cores, Python {sys.version.split()[0]}", flush=True)
    try:
        return asyncio.run(run(options))
    except (Problem, TimeoutError) as problem:
        print(problem, file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
