"""`python -m benchmarks.readers`: how long after the gateway's frame does a reader of a stream have the quote?

Contracts are followed by as many readers, one contract each, over MCP on three fronts (`ibkr_read_stream`, which waits
for the next entry). The simulator knows sixty stocks of this currency; the others are made up for it (`--data`). Its
clock is sped up until a hundred make twelve ticks a second each. In turn with them ib_async alone follows the same
contracts at the same gateway. A quote is known by its contract's volume, which only grows: its time begins with the
frame that told that volume first, as the simulator's journal has it, and ends where the reader parsed it, or in
ib_async's callback. Volumes that were merged into a later update are not counted.

The same again for the streams that last as long as their call (`ibkr_stream_market_data`, by log messages). Their
readers tell of two times: when the bytes are at the client's socket, and when its callback has the parsed message.
All readers and ib_async are clients of this one process. Each turn tells of the processor time that each process had:
on two cores they wait for one another. `a hop over Redis` is a floor: messages of the same size and rate, published by
this process and heard by three others, with no more than hiredis at both ends.

Then one reader stops reading its socket, with its call open, and the others go on: `beside a stalled one`.
"""

import argparse
import asyncio
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.bus_hop import hop
from benchmarks.quote_readers import CLIENT_ID, Heard, Reader, bare, reading, streaming
from benchmarks.rig import STOCKS, Stack, cpu_s, percentile, resident_mib, stack
from cli.local_stack.processes import Child

FRONTS = 3
MORE_STOCKS = (
    "AVGO", "ORCL", "CRM", "ADBE", "DIS", "V", "MA", "MCD", "NKE", "BA", "CAT", "T", "VZ", "C", "WFC", "GS", "MS",
    "QCOM",
)  # fmt: skip
TICK_SIZE, TICK_PRICE, REQ_MKT_DATA, VOLUME = 2, 1, 1, "8"
FASTER = "2.3"  # simulated seconds in one
OWN_DAYS = ("2025-06-05", "2025-06-06", "2025-06-09", "2025-06-10")  # before the simulator's clock begins
OWN_CLOSES = (100.0, 101.0, 100.0, 101.0)
OWN_VOLUME = 1_000_000  # shares a day: a busier stock has a larger tape, and the simulator keeps 600 MB of them
LINES = {"MARKET_DATA_LINES": "110"}
SETTLE_S = 8.0  # the lines of a hundred contracts are opened at the pace of messages to TWS
MAX_ENTRIES = 10_000  # of one answer of the control port


@dataclass(frozen=True)
class Frames:
    """Quotes that the gateway has sent to one client: when each volume was told first, and the time of each frame."""

    first: Heard
    sent_at: list[float]


async def journal(stage: Stack, direction: str, message: int, after: int = 0) -> list[dict[str, Any]]:
    """Return the frames of a kind, which the control port tells in parts. Each makes the gateway wait, and new ones
    come while readers follow: so it is read between the turns."""
    found = list[dict[str, Any]]()
    while True:
        asked = {"direction": direction, "msgId": message, "after": found[-1]["number"] if found else after}
        part = (await stage.control.ask("journal", **asked))["entries"]
        found += part
        if len(part) < MAX_ENTRIES:
            return found


async def newest(stage: Stack) -> int:
    """Return the number of the newest frame."""
    number: int = (await stage.control.ask("journal", direction="in", msgId=REQ_MKT_DATA))["last"]
    return number


async def told(stage: Stack, ours: bool, after: int) -> Frames:
    mine = [each for each in await journal(stage, "in", REQ_MKT_DATA) if (each["clientId"] == CLIENT_ID) is not ours]
    names = {(each["connection"], each["fields"][2]): each["fields"][4] for each in mine}
    connections = {each["connection"] for each in mine}
    sizes, prices = [await journal(stage, "out", each, after) for each in (TICK_SIZE, TICK_PRICE)]
    first = Heard()
    for entry in sizes:
        _, _, request, kind, value = entry["fields"][:5]
        name = names.get((entry["connection"], request))
        if name and kind == VOLUME:
            first.setdefault((name, int(float(value))), entry["wall"])
    return Frames(first, [each["wall"] for each in (*sizes, *prices) if each["connection"] in connections])


def delays(heard: Heard, frames: Frames, since: float) -> list[float]:
    """The seconds of each quote told `since`; of an earlier one only an update with the same volume was heard."""
    return [at - frames.first[each] for each, at in heard.items() if frames.first.get(each, 0.0) >= since]


@dataclass(frozen=True)
class Turns:
    """The processes of a run, and what each turn of it does."""

    stage: Stack
    worker: Child
    fronts: Sequence[Child]
    ports: Sequence[int]
    followed: Sequence[str]
    seconds: float

    def cpu_s(self) -> dict[str, float]:
        """Return the processor time so far of each process."""
        redis = self.stage.redis.process
        assert redis is not None
        pids = {"simulator": self.stage.simulator.process.pid, "worker": self.worker.process.pid, "redis": redis.pid}
        pids |= {f"front {number + 1}": each.process.pid for number, each in enumerate(self.fronts)}
        return {name: cpu_s(pid) for name, pid in (pids | {"clients": os.getpid()}).items()}


@dataclass
class Delays:
    """The seconds from the gateway's frame, of each kind of turn."""

    alone: list[float] = field(default_factory=list)
    at_socket: list[float] = field(default_factory=list)
    streamed: list[float] = field(default_factory=list)
    read: list[float] = field(default_factory=list)
    beside: list[float] = field(default_factory=list)
    hop: list[float] = field(default_factory=list)


async def run(count: int, seconds: float, rounds: int) -> int:
    found = Delays()
    with tempfile.TemporaryDirectory(prefix="readers-") as folder:
        own = Path(folder) / "own"
        followed = (*STOCKS, *MORE_STOCKS)[:count]
        followed = (*followed, *_own_stocks(own, count - len(followed)))
        flags = ("--time-factor", FASTER, "--data", str(own))
        async with stack(Path(folder), *flags, **LINES, FRONT_TOOLSETS="all") as stage:
            worker = await stage.worker()
            started = [await stage.front(str(number)) for number in range(FRONTS)]
            fronts, ports = [child for child, _ in started], [port for _, port in started]
            turns = Turns(stage, worker, fronts, ports, followed, seconds)
            for number in range(1, rounds + 1):
                found.alone += await _alone(turns, number)
                readers = await _followed(turns, streaming(ports, followed), f"streams {number}")
                found.at_socket += readers.at_socket
                found.streamed += readers.delays
                found.read += (await _followed(turns, reading(ports, followed), f"reads {number}")).delays
                found.hop += await hop(stage, FRONTS, seconds)
            found.beside = await _beside_a_stalled_one(turns)
    _report(found)
    return 0


def _own_stocks(folder: Path, count: int) -> list[str]:
    """Write the daily history of so many stocks that the simulator does not know; their symbols."""
    folder.mkdir()
    symbols = [f"OWN{chr(ord('A') + number // 26)}{chr(ord('A') + number % 26)}" for number in range(count)]
    for symbol in symbols:
        days = [
            f"{day},{close},{close + 1},{close - 1},{close},{OWN_VOLUME}"
            for day, close in zip(OWN_DAYS, OWN_CLOSES, strict=True)
        ]
        (folder / f"{symbol}.csv").write_text("\n".join(["date,open,high,low,close,volume", *days]) + "\n")
    return symbols


async def _alone(turns: Turns, number: int) -> list[float]:
    """The delays of ib_async alone."""
    begun = await newest(turns.stage)
    async with bare(turns.stage, turns.followed) as heard:
        await asyncio.sleep(SETTLE_S)
        heard.clear()
        before, began = turns.cpu_s(), time.time()
        await asyncio.sleep(turns.seconds)
        shares = _shares(before, turns.cpu_s(), turns.seconds)
    print(f"ib_async alone {number}: {shares}", flush=True)
    return delays(heard, await told(turns.stage, ours=False, after=begun), began)


def _shares(before: dict[str, float], after: dict[str, float], seconds: float) -> str:
    """Say how much of a core each process has had."""
    return ", ".join(f"{name} {(after[name] - before[name]) / seconds:.0%}" for name in before)


@dataclass(frozen=True)
class Followed:
    """One turn of readers."""

    delays: list[float]
    at_socket: list[float]


async def _followed(turns: Turns, following: AbstractAsyncContextManager[list[Reader]], name: str) -> Followed:
    """Take one turn; say what it cost each process."""
    before = await newest(turns.stage)
    async with following as readers:
        await asyncio.sleep(SETTLE_S)
        used, began = turns.cpu_s(), time.time()
        heard = await _heard(readers, turns.seconds)
        ended, after = time.time(), turns.cpu_s()
        lines = (await turns.stage.control.ask("status"))["lines"]
    frames = await told(turns.stage, ours=True, after=before)
    updates = sum(began <= each < ended for each in frames.sent_at)
    print(
        f"{name}: {updates / (ended - began):.0f} frames a second of {len(readers)} contracts, "
        f"{(after['worker'] - used['worker']) / updates * 1e6:.0f} us of the worker's core for each; {lines} lines "
        f"upstream; {_shares(used, after, ended - began)}",
        flush=True,
    )
    arrived = {quote: at for each in readers for quote, at in each.arrived.items()}
    return Followed(delays(heard, frames, began), delays(arrived, frames, began))


async def _heard(readers: Sequence[Reader], seconds: float) -> Heard:
    """Return what all readers hear of in so many seconds."""
    for each in readers:
        each.heard.clear()
        each.arrived.clear()
    await asyncio.sleep(seconds)
    return {quote: at for each in readers for quote, at in each.heard.items()}


async def _beside_a_stalled_one(turns: Turns) -> list[float]:
    """The delays of the others, while one reader takes nothing that it is sent."""
    begun = await newest(turns.stage)
    async with reading(turns.ports, turns.followed[1:]) as readers:  # a principal has at most a hundred handles
        stalled = Reader(turns.ports[0], turns.followed[0])
        opened = await stalled.subscribe()
        await asyncio.sleep(SETTLE_S)
        before = [resident_mib(each) for each in turns.fronts]
        stalling, began = asyncio.create_task(stalled.stall(opened)), time.time()
        heard = await _heard(readers, turns.seconds)
        grown = [after - was for after, was in zip((resident_mib(each) for each in turns.fronts), before, strict=True)]
        stalling.cancel()
        await asyncio.gather(stalling, return_exceptions=True)
        transport: Any = stalled.socket.writer.transport
        transport.abort()
    print(
        f"its front grew by {grown[0]:.1f} MiB in {turns.seconds:g} s, the others by {max(grown[1:]):.1f}", flush=True
    )
    return delays(heard, await told(turns.stage, ours=True, after=begun), began)


def _report(found: Delays) -> None:
    by_name = {
        "ib_async alone": found.alone,
        "a hop over Redis": found.hop,
        "ibkr_stream_market_data": found.streamed,
        "  at the client's socket": found.at_socket,
        "ibkr_read_stream": found.read,
        "reads beside a stalled one": found.beside,
    }
    for name, each in by_name.items():
        print(
            f"{name:<27} p50 {statistics.median(each) * 1000:6.2f} ms, p99 {percentile(each, 0.99) * 1000:6.2f} ms, "
            f"n={len(each)}"
        )
    for name, share in (("p50", 0.5), ("p99", 0.99)):
        ratios = [
            percentile(each, share) / percentile(found.alone, share) for each in (found.streamed, found.at_socket)
        ]
        print(f"{name}: ibkr_stream_market_data {ratios[0]:.2f} times ib_async alone, {ratios[1]:.2f} at the socket")
    beside = percentile(found.beside, 0.99) / percentile(found.read, 0.99)
    print(f"p99 of the reads beside a stalled one: {beside:.2f} times")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.readers", description=__doc__)
    parser.add_argument("--contracts", type=int, default=100, help="as many readers (100)")
    parser.add_argument("--seconds", type=float, default=8.0, help="of each turn (8)")
    parser.add_argument("--rounds", type=int, default=3, help="turns of each (3)")
    options = parser.parse_args()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, Python {sys.version.split()[0]}", flush=True)
    return asyncio.run(run(options.contracts, options.seconds, options.rounds))


if __name__ == "__main__":
    raise SystemExit(main())
