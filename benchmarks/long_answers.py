"""`python -m benchmarks.long_answers`: one client asks for all that is long; what does another client feel?

On a day of 5,000 executions and 10,000 completed orders the hungry client asks, again and again, for a year of
one-minute bars, the longest series that goes, option chains with and without an expiry, executions and completed
orders. The quiet one reads its positions and places a small order now and then; first alone, then beside it, in turns.
Counted are the quiet client's times, the grants of the lease, and the longest step of each service's loop.

The hungry client is a process of its own, as it would be in life, and each measurement begins once its calls are on
their way: a round that it had not begun in would be one more quiet round. The 95th percentiles of reads and of orders
beside it have the bar of twice the quiet ones. The cores that each process used say who had the machine; the simulator
is no part of the product, and on a machine of few cores it delays others.
"""

import argparse
import asyncio
import json
import os
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import UTC
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import ib_async

from benchmarks.fairness import Times, live, tokens_file, verdict
from benchmarks.flood import BEGUN, with_token
from benchmarks.http_load import MODERN, Call, Socket, call_of
from benchmarks.rig import Stack, cpu_s, percentile, stack, until
from benchmarks.steps import STEP_BAR_S
from cli.errors import Problem
from cli.local_stack.embedded_redis import free_port
from cli.local_stack.processes import Child, send
from cli.local_stack.readiness import until_ready
from ib_worker.tws.connection import TwsConnection
from ib_worker.tws.values.unset import UNSET_DOUBLE

FILLED, CANCELLED = 5_000, 5_000  # each fill is a completed order too
CLIENT_ID = 77  # of the program that has traded all day
HUNGRY_AT_ONCE = 4
BAR = 2.0  # times the quiet value, of reads and of orders
AAPL = ib_async.Contract(conId=265598, symbol="AAPL", secType="STK", exchange="SMART", currency="USD")
SYMBOLS = ("MSFT", "IBM", "KO", "GE", "PFE")  # few: the simulator draws ticks when they are first asked for
CHAIN = {"symbol": "SPY", "secType": "OPT"}


class Listener:
    """Counts the orders that have ended, and passes over all else that TWS sends to the program that trades."""

    defaultTimezone = UTC  # ib_async asks for it
    ib = SimpleNamespace(TimezoneTWS="UTC")

    def __init__(self) -> None:
        self.ended: set[int] = set()

    def __getattr__(self, name: str) -> Any:
        return lambda *_: None

    def orderStatus(self, orderId: int, status: str, *_: object) -> None:  # noqa: N802  # TWS's name
        if status in ("Filled", "Cancelled"):
            self.ended.add(orderId)


async def trade_all_day(port: int) -> None:
    """Fill the gateway's day."""
    listener = Listener()
    wire = TwsConnection(listener)  # it takes every message by its name
    await wire.open("127.0.0.1", port, CLIENT_ID)
    first = wire.getReqId()
    for number in range(FILLED + CANCELLED):
        rests = number >= FILLED
        order = ib_async.Order(
            action="SELL" if number % 2 and not rests else "BUY",
            totalQuantity=1,
            account="DU1234567",
            tif="DAY",
            orderType="LMT" if rests else "MKT",
            lmtPrice=1.0 if rests else UNSET_DOUBLE,
            orderRef=f"day-{number}",
        )
        wire.placeOrder(first + number, AAPL, order)
        if rests:
            wire.cancelOrder(first + number, "")  # type: ignore[no-untyped-call]
        if number % 100 == 0:
            await wire.drained()

    async def all_ended() -> bool:
        return len(listener.ended) >= FILLED + CANCELLED

    await until(all_ended, "the day's orders have ended", 300)
    await wire.close("the day is over")


def long_call(number: int) -> Call:
    """All kinds of long answers in turn, of another contract each time."""
    symbol = SYMBOLS[number % len(SYMBOLS)]
    bars = {"symbol": symbol, "barSizeSetting": "1 min"}
    return (
        call_of(MODERN, "ibkr_get_historical_data", bars | {"durationStr": "1 Y"}),
        call_of(MODERN, "ibkr_get_historical_data", bars | {"durationStr": "1 W"}),
        call_of(MODERN, "ibkr_get_contract_details", CHAIN),
        call_of(MODERN, "ibkr_get_contract_details", CHAIN | {"lastTradeDateOrContractMonth": "202507"}),
        call_of(MODERN, "ibkr_get_executions", {}),
        call_of(MODERN, "ibkr_get_completed_orders", {}),
    )[number % 6]


async def hunger(port: int, token: str) -> None:
    """Ask until it is cancelled, then print the answers' counts. Each connection prints BEGUN before its first call."""
    answers: Counter[str] = Counter()
    numbers = count()

    async def one() -> None:
        client = Socket(port)
        await client.open()
        print(BEGUN.decode(), flush=True)
        while True:
            answer = await client.ask(with_token(long_call(next(numbers)), token))
            code = answer.partition(b'"code":"')[2].partition(b'"')[0].decode()
            answers["answered" if b'"isError":false' in answer else code or "refused"] += 1

    with suppress(asyncio.CancelledError):
        await asyncio.gather(*(one() for _ in range(HUNGRY_AT_ONCE)))
    print(dict(answers), flush=True)


async def until_told(port: int) -> None:
    task = asyncio.create_task(hunger(port, os.environ["TOKEN"]))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    await task


async def warm_up(port: int, token: str) -> None:
    """Each call once: what the simulator must draw first is no fault of ours."""
    client = Socket(port)
    await client.open()
    for number in range(6 * len(SYMBOLS)):
        await client.ask(with_token(long_call(number), token))
    await client.close()


@asynccontextmanager
async def hungry(port: int, token: str, number: int) -> AsyncIterator[None]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.long_answers", "--hungry", str(port),
        env=os.environ | {"TOKEN": token}, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None  # it is a pipe
    for _ in range(HUNGRY_AT_ONCE):
        if (line := await process.stdout.readline()).strip() != BEGUN:
            raise Problem(f"the hungry client has not begun: {line!r}")
    try:
        yield
    finally:
        process.terminate()
        said, _ = await process.communicate()
        print(f"  round {number + 1}: {said.decode().strip()}", flush=True)


class Cores:
    """The part of a core that each process had, in the measurements of one kind."""

    def __init__(self, pids: dict[str, int]) -> None:
        self._pids = pids
        self._used_s = dict.fromkeys(pids, 0.0)
        self._wall_s = 0.0

    @contextmanager
    def counted(self) -> Iterator[None]:
        began, before = time.monotonic(), {name: cpu_s(pid) for name, pid in self._pids.items()}
        yield
        self._wall_s += time.monotonic() - began
        for name, pid in self._pids.items():
            self._used_s[name] += cpu_s(pid) - before[name]

    def __str__(self) -> str:
        return ", ".join(f"{name} {self._used_s[name] / self._wall_s:.1%}" for name in self._pids)


def pids_of(stage: Stack, services: dict[str, Child]) -> dict[str, int]:
    assert stage.redis.process is not None  # it runs
    return {name: child.process.pid for name, child in services.items()} | {
        "Redis": stage.redis.process.pid,
        "simulator": stage.simulator.process.pid,
    }


async def compare(
    stage: Stack, options: argparse.Namespace, port: int, tokens: dict[str, str], pids: dict[str, int]
) -> bool:
    """Return whether a bar was missed."""
    quiet, beside = Times(), Times()
    cores = {"alone": Cores(pids), "beside": Cores(pids)}
    await live(port, tokens["quiet"], 3, Times())
    await warm_up(port, tokens["hungry"])
    for number in range(options.rounds):
        with cores["alone"].counted():
            await live(port, tokens["quiet"], options.seconds, quiet)
        async with hungry(port, tokens["hungry"], number):
            with cores["beside"].counted():
                await live(port, tokens["quiet"], options.seconds, beside)
        await stage.ready()
    missed = verdict(quiet, {"beside": beside})
    for name, used in cores.items():
        print(f"  cores used {name}: {used}")
    return is_over(quiet, beside) or bool(missed)


def is_over(quiet: Times, beside: Times) -> bool:
    """Print both ratios; return whether one is over the bar."""
    reads = percentile(beside.reads, 0.95) / percentile(quiet.reads, 0.95)
    orders = percentile(beside.orders, 0.95) / percentile(quiet.orders, 0.95)
    over = max(reads, orders) > BAR
    print(f"p95 beside and alone: reads {reads:.2f} times, orders {orders:.2f} times; bar {BAR:g}: ", end="")
    print("MISSED" if over else "met")
    return over


async def steps_of(child: Child, file: Path) -> dict[str, Any]:
    """The longest step since this was last asked."""
    file.unlink(missing_ok=True)  # noqa: ASYNC240  # a file of a line
    send(child, signal.SIGUSR1)

    async def written() -> bool:
        return file.exists()  # noqa: ASYNC240

    await until(written, "the steps are written", 10)
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))  # noqa: ASYNC240
    return found


async def token_of(stage: Stack) -> int:
    """The lease's: it rises with every grant."""
    beat = await stage.client.bus_client.status()
    return beat.token if beat is not None else 0


async def run(options: argparse.Namespace, folder: Path) -> int:
    port, (file, tokens) = free_port(), tokens_file(folder)
    async with stack(folder) as stage:
        await trade_all_day(stage.gateway_port)
        await stage.control.fault("pacing on")
        files = {name: folder / f"{name}.steps" for name in ("worker", "front")}
        stage.settings |= {"STEPPED": "worker", "STEPS_FILE": str(files["worker"])}
        services = {"worker": await stage.worker(program="benchmarks.stepped")}
        await stage.ready()
        services["front"] = await stage.children.start(
            "front", "benchmarks.stepped",
            **stage.settings | {"STEPPED": "front", "STEPS_FILE": str(files["front"])},
            FRONT_PORT=str(port), FRONT_TOKENS_FILE=str(file),
        )  # fmt: skip
        await until_ready(port, lambda _: None)
        start = await steps_of(services["worker"], files["worker"])
        print(f"  worker's longest step while it started: {start['longest_s'] * 1000:.1f} ms")
        await steps_of(services["front"], files["front"])  # its start answers nobody
        granted = await token_of(stage)
        missed = int(await compare(stage, options, port, tokens, pids_of(stage, services)))
        lost = int(await token_of(stage) != granted)
        for name, child in services.items():
            found = await steps_of(child, files[name])
            missed += found["longest_s"] > STEP_BAR_S
            print(f"  {name}'s longest step: {found['longest_s'] * 1000:.1f} ms ({found['over']} over the bar)")
            if found["over"]:
                print(f"    {found['what']}")
        print(f"bar: steps {STEP_BAR_S * 1000:g} ms of thread time; leases lost: {'yes' if lost else 'none'}")
    return int(bool(missed or lost or start["longest_s"] > STEP_BAR_S))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.long_answers", description=__doc__)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=10, help="of each measurement (10)")
    parser.add_argument("--hungry", type=int, metavar="PORT", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.hungry:
        asyncio.run(until_told(options.hungry))
        return 0
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, Python {sys.version.split()[0]}", flush=True)
    try:
        with tempfile.TemporaryDirectory(prefix="long-answers-") as folder:
            return asyncio.run(run(options, Path(folder)))
    except (Problem, TimeoutError) as problem:
        print(problem, file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
