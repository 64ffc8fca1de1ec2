"""`python -m benchmarks.soak`: seven simulated days, 100,000 orders, 1,000,000 ticks, and what is left behind.

Time passes as it does anywhere while there is traffic, and the simulator's clock is moved on over the nights and the
weekend: so pacing, deadlines and windows are the product's own. Every night the gateway restarts and forgets four
order ids; on Sunday at one it waits six hours for its weekly login. The account has four hundred market-data lines,
hence two hundred messages a second, which the simulator counts as TWS does (errors 100, 101, 162). Front, Redis,
worker and simulator are processes; orders come over the bus, reads over MCP as well. The first day and its night are
the warm-up.
"""

import argparse
import asyncio
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from contextlib import AsyncExitStack, suppress
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from benchmarks.http_load import MODERN, Socket, call_of
from benchmarks.rig import STOCKS, Client, Stack, open_files, stack, until
from benchmarks.soak_report import LAPSE, Counts, Held, Memory, tell, verdict
from bridge.tool import ToolError
from cli.errors import Problem
from cli.local_stack.embedded_redis import free_port
from cli.local_stack.processes import Child
from cli.local_stack.readiness import until_ready

NEW_YORK = ZoneInfo("America/New_York")
LINES = 400  # of the account: TWS then takes two hundred messages a second
PER_S = LINES // 2
PAIRS = ("EUR USD", "GBP USD", "AUD USD", "USD JPY", "USD CHF", "USD CAD")  # told five times as often as stocks
SAMPLE_S = 5.0
MARKS = 5  # of memory, at the end of each day
READ_EVERY_S = 0.5
QUIET_S = 3600.0  # a day's ticks take minutes
READY_S = 240.0  # all of the day's orders and fills are read first
SETTLE_S = 60.0  # a line that nobody listens to is given back after half a minute
CALM_S = 3.0
READS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("ibkr_get_positions", {}),
    ("ibkr_get_account_summary", {}),
    ("ibkr_get_contract_details", {"symbol": "AAPL"}),
    ("ibkr_get_open_orders", {}),
    ("ibkr_get_pnl", {}),
    ("ibkr_get_status", {}),
)


class Soak:
    """The workload of one run."""

    def __init__(self, options: argparse.Namespace, stage: Stack, memory: Memory, front_port: int) -> None:
        self._options = options
        self._stage = stage
        self._memory = memory
        self._front_port = front_port
        self.counts = Counts()
        self.day = 0
        self._seen = 0  # the journal's last frame that was looked at
        self._keys = iter(range(10**9))

    # --- traffic -------------------------------------------------------------------------------------------------

    async def trade(self, number: int, orders: int, ticks: int) -> None:
        """One trader until the day's orders and ticks have been: market orders to and fro, and resting ones."""
        draw = random.Random(f"{self._options.seed} {self.day} {number}")
        client = Client(self._stage.client.bus_client, f"trader-{number}")
        symbol, action = STOCKS[number % len(STOCKS)], "BUY"
        while self.counts.orders < orders:
            self.counts.orders += 1
            if draw.random() < self._options.resting:
                await self._rest(client, symbol)
            else:
                await self._place(client, symbol=symbol, action=action, totalQuantity=1)
                action = "SELL" if action == "BUY" else "BUY"
        await until(partial(self._heard, ticks), f"{ticks:,} ticks are heard", QUIET_S)

    async def _heard(self, ticks: int) -> bool:
        return self.counts.ticks >= ticks

    async def _place(self, client: Client, **terms: Any) -> dict[str, Any] | None:
        try:
            report = await client.submit("place_order", f"soak-{self._options.seed}-{next(self._keys):08}", **terms)
        except ToolError as error:
            self.counts.outcomes[error.code] += 1
            return None
        self.counts.outcomes[report["status"]] += 1
        return report

    async def _rest(self, client: Client, symbol: str) -> None:
        """A limit order far from the market, which is cancelled."""
        report = await self._place(client, symbol=symbol, action="BUY", totalQuantity=1, orderType="LMT", lmtPrice=1)
        if report is None:
            return
        key = f"soak-{self._options.seed}-cancel-{next(self._keys):08}"
        try:
            said = await client.submit("cancel_order", key, orderId=report["orderId"])
        except ToolError as error:
            self.counts.outcomes[f"cancel {error.code}"] += 1
        else:
            self.counts.outcomes[f"cancel {said['status']}"] += 1

    async def watch(self, terms: dict[str, Any]) -> None:
        """Listen to one contract for ever, and count its ticks; after a gap or a lost worker, again."""
        client = Client(self._stage.client.bus_client, f"watcher-{terms['symbol']}")
        while True:
            with suppress(ToolError):
                opened = await client.ask("open_market_data", **terms)
                async with client.bus_client.listen(opened["stream"]) as feed:
                    async for batch in feed:
                        for tick in batch:
                            self.counts.ticks += bytes(tick.body).count(b'"tickType"')
                            self.counts.gaps += tick.kind == "gap"
            await asyncio.sleep(0.5)

    async def read(self) -> None:
        """An MCP client that looks around."""
        calls = [call_of(MODERN, name, arguments) for name, arguments in READS]
        client = Socket(self._front_port)
        await client.open()
        try:
            while True:
                answer = await client.ask(calls[self.counts.reads % len(calls)])
                self.counts.reads += 1
                if b'"isError":true' in answer:
                    code = answer.partition(b'"code":"')[2].partition(b'"')[0].decode()
                    self.counts.read_errors[code] += 1
                await asyncio.sleep(READ_EVERY_S)
        finally:
            await client.close()

    # --- time ----------------------------------------------------------------------------------------------------

    async def now(self) -> datetime:
        return datetime.fromtimestamp((await self._stage.control.ask("status"))["now"], NEW_YORK)

    async def move_on(self, to: datetime) -> None:
        ahead_s = (to - await self.now()).total_seconds()
        if ahead_s > 0:
            await self._stage.control.ask("skip", seconds=ahead_s)

    async def night(self, date: datetime) -> None:
        """To a quarter to midnight, where the gateway restarts and forgets four ids; on Sunday at one, the login."""
        await self.move_on(date.replace(hour=23, minute=45, second=0))
        await self.away(82, "-4")
        following = date + timedelta(days=1)
        if following.weekday() == 6:
            await self.move_on(following.replace(hour=1, minute=0, second=0))
            await self.away(6 * 3600)
        await self.errors()

    async def away(self, seconds: float, ids: str = "") -> None:
        await self._stage.control.fault(f"restart {seconds} {ids}".strip())
        await until(self._is_down, "the worker notices that its gateway is gone", 5)
        for _ in range(4):
            await asyncio.sleep(0.5)
            await self._stage.control.ask("skip", seconds=seconds / 4 + 1)
        self.counts.ready_s.append(await self._stage.ready(READY_S))

    async def _is_down(self) -> bool:
        return await self._stage.client.state() != "ready"

    async def errors(self) -> None:
        """Count what the simulator has complained of since the last look."""
        while True:
            found = await self._stage.control.ask("journal", after=self._seen, direction="out", msgId=4)
            for each in found["entries"]:
                self.counts.tws_errors[each["fields"][3]] += 1
                self._seen = each["number"]
            if len(found["entries"]) < 10_000:
                return

    # --- a day ---------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        trading = await self._trading_days()
        done = 0
        for number in range(self._options.days):
            self.day = number
            date = await self.now()
            if date.weekday() < 5:
                await self.move_on(date.replace(hour=10, minute=0, second=0))
                done += 1
                await self._trading_day(done / trading)
            self._say(date)
            await self.night(date)
            await self._mark()
            await self.move_on((date + timedelta(days=1)).replace(hour=9, minute=35, second=0))
        self._say(await self.now())

    async def _trading_days(self) -> int:
        begin = await self.now()
        return sum((begin + timedelta(days=each)).weekday() < 5 for each in range(self._options.days))

    async def _trading_day(self, share: float) -> None:
        orders, ticks = round(self._options.orders * share), round(self._options.ticks * share)
        async with asyncio.TaskGroup() as traders:
            for number in range(self._options.traders):
                traders.create_task(self.trade(number, orders, ticks))
        await self.errors()

    async def sample(self) -> None:
        while True:
            self._memory.take()
            lines = (await self._stage.control.ask("status"))["lines"]
            self.counts.most_lines = max(self.counts.most_lines, lines)
            await asyncio.sleep(SAMPLE_S)

    async def _mark(self) -> None:
        """Mark the memory in use after a whole day: its traffic, its night, and all of its orders read anew."""
        for _ in range(MARKS):
            await asyncio.sleep(1)
            self._memory.mark(self.day)

    def _say(self, date: datetime) -> None:
        sizes = ", ".join(f"{name} {rows[-1]:.0f}" for name, rows in self._memory.seen.items())
        print(
            f"  {time.strftime('%H:%M:%S')} day {self.day + 1} ({date:%a %d %b}): {self.counts.orders:,} orders, "
            f"{self.counts.ticks:,} ticks, MiB: {sizes}, load {os.getloadavg()[0]:.1f}",
            flush=True,
        )


async def held(child: Child, file: Path) -> dict[str, Any]:
    """Return the figures that the worker writes of itself."""
    before = _modified(file)
    child.process.send_signal(signal.SIGUSR1)

    async def written() -> bool:
        return _modified(file) != before

    await until(written, "the worker writes what it holds", 30)
    return _read(file)


def _modified(file: Path) -> int:
    return file.stat().st_mtime_ns if file.exists() else 0


def _read(file: Path) -> dict[str, Any]:
    said: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return said


async def redis_keys(stage: Stack) -> dict[str, int]:
    """Return the number of keys of each kind; records that lapse by themselves apart."""
    pipe, found, cursor = stage.client.bus_client.pipe, Counter[str](), b"0"
    while True:
        cursor, names = await pipe.send("SCAN", cursor, "COUNT", 1000)
        lives = await asyncio.gather(*(pipe.send("PTTL", name) for name in names))
        for name, life in zip(names, lives, strict=True):
            kind = name.decode().split(":")[2]
            found[f"{kind}{LAPSE}" if life > 0 else kind] += 1
        if cursor == b"0":
            return dict(sorted(found.items()))


async def until_idle(stage: Stack) -> None:
    async def idle() -> bool:
        return not (await stage.control.ask("status"))["lines"]

    with suppress(TimeoutError):
        await until(idle, "every line is given back", SETTLE_S)


async def look(stage: Stack, worker: Child, file: Path) -> Held:
    lines = (await stage.control.ask("status"))["lines"]
    return Held(await held(worker, file), await redis_keys(stage), open_files(worker), lines)


async def soak(options: argparse.Namespace, folder: Path) -> int:
    watch_file, front_port = folder / "held.json", free_port()
    settings = {
        "WATCH_FILE": str(watch_file),
        "LOG_LEVEL": "warning",
        "MARKET_DATA_TYPE": "live",
        "MARKET_DATA_LINES": str(LINES),
        "GATEWAY_MESSAGES_PER_S": str(PER_S),
    }
    async with stack(folder, "--seed", str(options.seed), **settings) as stage:
        for line in ("pacing on", f"limit messages {PER_S}", f"limit lines {LINES}"):
            await stage.control.fault(line)
        worker = await stage.worker(program="benchmarks.watched_worker")
        front = await stage.children.start("front", "mcp_front", **stage.settings, FRONT_PORT=str(front_port))
        await until_ready(front_port, lambda _: None)
        await stage.ready()
        await asyncio.sleep(CALM_S)
        before = await look(stage, worker, watch_file)
        memory = Memory({"worker": worker, "front": front})
        run = Soak(options, stage, memory, front_port)
        async with AsyncExitStack() as around:
            for work in (run.sample(), run.read(), *map(run.watch, watched(options.lines))):
                around.push_async_callback(_ended, asyncio.create_task(work))
            await run.run()
        await until_idle(stage)
        await asyncio.sleep(CALM_S)
        after = await look(stage, worker, watch_file)
    tell(run.counts, memory, options, before, after)
    return verdict(run.counts, memory, options, before, after)


def watched(lines: int) -> list[dict[str, Any]]:
    pairs = [each.split(" ") for each in PAIRS]
    forex = [{"symbol": one, "currency": other, "secType": "CASH", "exchange": "IDEALPRO"} for one, other in pairs]
    return [*forex, *({"symbol": each} for each in STOCKS)][:lines]


async def _ended(task: asyncio.Task[None]) -> None:
    if task.done():
        task.result()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--days", type=int, default=7)
    parser.add_argument("--orders", type=int, default=100_000)
    parser.add_argument("--ticks", type=int, default=1_000_000)
    parser.add_argument("--traders", type=int, default=24, help="who place orders at the same time (24)")
    parser.add_argument("--resting", type=float, default=0.2, help="share of orders that rest and are cancelled (0.2)")
    parser.add_argument("--lines", type=int, default=45, help="contracts that are watched (45)")
    options = parser.parse_args()
    print(
        f"{options}\n{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, Python {sys.version.split()[0]}", flush=True
    )
    began = time.monotonic()
    try:
        with tempfile.TemporaryDirectory(prefix="soak-") as folder:
            return asyncio.run(soak(options, Path(folder)))
    except Problem as problem:
        print(problem, file=sys.stderr)
        return 2
    finally:
        print(f"took {(time.monotonic() - began) / 60:.1f} minutes, load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    sys.exit(main())
