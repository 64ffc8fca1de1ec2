"""`python -m benchmarks.readers`: how long after the gateway's frame does a reader of a stream have the quote?

Contracts are followed by as many readers, one contract each, over MCP on three fronts (`ibkr_read_stream`, which waits
for the next entry). The simulator knows sixty stocks of this currency, and its clock is sped up until they make as many
updates as a hundred contracts with twelve a second. In turn with them ib_async alone follows the same contracts at the
same gateway. A quote is known by its contract's volume, which only grows: its time begins with the frame that told that
volume first, as the simulator's journal has it, and ends where the reader parsed it, or in ib_async's callback. Volumes
that were merged into a later update are not counted.

The same again for the streams that last as long as their call (`ibkr_stream_market_data`, by log messages). Their
readers tell of two times: when the bytes are at the client's socket, and when its callback has the parsed message.
All readers and ib_async are clients of this one process. Each turn tells of the processor time that each process had:
on two cores they wait for one another. `a hop over Redis` is a floor: messages of the same size and rate, published by
this process and heard by three others, with no more than hiredis at both ends.

Then one reader stops reading its socket, with its call open, and the others go on: `beside a stalled one`.
"""

import argparse
import asyncio
import json
import os
import re
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ib_async

from benchmarks.bus_hop import hop
from benchmarks.http_load import MODERN, Call, Socket, call_of, request_of
from benchmarks.rig import STOCKS, Stack, cpu_s, percentile, resident_mib, stack
from cli.local_stack.embedded_redis import free_port
from cli.local_stack.processes import Child
from cli.local_stack.readiness import until_ready

FRONTS = 3
MORE_STOCKS = (
    "AVGO", "ORCL", "CRM", "ADBE", "DIS", "V", "MA", "MCD", "NKE", "BA", "CAT", "T", "VZ", "C", "WFC", "GS", "MS",
    "QCOM",
)  # fmt: skip
TICK_SIZE, TICK_PRICE, REQ_MKT_DATA, VOLUME = 2, 1, 1, "8"
FASTER = "2.5"  # simulated seconds in one
LINES = {"MARKET_DATA_LINES": "110"}
SETTLE_S = 3.0
MAX_ENTRIES = 10_000  # of one answer of the control port
CLIENT_ID = 500
STREAM_S = 600  # longer than any turn
BODY = re.compile(rb"\{.*\}", re.DOTALL)

Quote = tuple[str, int]  # symbol and volume
Heard = dict[Quote, float]  # on the machine's clock


@dataclass
class Reader:
    """One MCP client, which follows one contract."""

    port: int
    symbol: str
    heard: Heard = field(default_factory=dict)
    arrived: Heard = field(default_factory=dict)  # at the socket
    socket: Socket = field(init=False)
    handle: str = ""

    async def ask(self, tool: str, **arguments: Any) -> dict[str, Any]:
        answer = await self.socket.ask(call_of(MODERN, tool, arguments, f"reader-{self.symbol}"))
        found = BODY.search(answer)
        result = json.loads(found[0])["result"] if found else {}
        if result.get("isError", True):
            raise RuntimeError(f"{tool} failed: {answer[:500]!r}")
        told: dict[str, Any] = result["structuredContent"]
        return told

    async def subscribe(self) -> dict[str, Any]:
        self.socket = Socket(self.port)
        await self.socket.open()
        opened = await self.ask("ibkr_subscribe", kind="quotes", symbol=self.symbol)
        self.handle = opened["handle"]
        return opened

    async def stream(self) -> None:
        """Follow by a call that lasts, and note when each volume was told of first."""
        arguments = {"symbol": self.symbol, "duration_seconds": STREAM_S}
        call = call_of(MODERN, "ibkr_stream_market_data", arguments, f"reader-{self.symbol}")
        body = call.body.replace(b'"_meta": {', b'"_meta": {"io.modelcontextprotocol/logLevel": "info", ', 1)
        loop = asyncio.get_running_loop()
        transport, events = await loop.create_connection(lambda: EventStream(self), "127.0.0.1", self.port)
        transport.write(request_of(Call(call.headers, body), self.port))
        try:
            await events.ended
        finally:
            transport.abort()
        raise RuntimeError(f"the stream of {self.symbol} ended: {events.rest[:500]!r}")

    async def unsubscribe(self) -> None:
        """End the stream, on a new connection: the old one may still have a call open."""
        await self.socket.close()
        self.socket = Socket(self.port)
        await self.socket.open()
        await self.ask("ibkr_unsubscribe", handle=self.handle)
        await self.socket.close()

    async def follow(self, opened: dict[str, Any]) -> None:
        """Read for ever, and note when each volume was heard of first."""
        handle, cursor = opened["handle"], opened["cursor"]
        while True:
            entries = await self.ask("ibkr_read_stream", handle=handle, cursor=cursor, wait_seconds=20)
            at, cursor = time.time(), entries["cursor"]
            for volume in _volumes(entries):
                self.heard.setdefault((self.symbol, volume), at)

    async def stall(self, opened: dict[str, Any]) -> None:
        """Ask for more than a socket's buffer holds, over and over, and read none of it."""
        call = call_of(MODERN, "ibkr_read_stream", {"handle": opened["handle"], "wait_seconds": 0}, "stalled")
        transport: Any = self.socket.writer.transport
        transport.pause_reading()
        while True:
            self.socket.send(call)
            await asyncio.sleep(0.05)


class EventStream(asyncio.Protocol):
    """A client of one event stream: its callback has each message parsed. No SDK is in it, whose time is not ours."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self.rest = b""  # of a line that has not come whole
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def data_received(self, data: bytes) -> None:
        arrived = time.time()
        *lines, self.rest = (self.rest + data).split(b"\r\n")
        for line in lines:
            if line.startswith(b"data: "):
                self._message(json.loads(line[6:]), arrived)

    def _message(self, message: dict[str, Any], arrived: float) -> None:
        if "params" not in message:
            self.rest = json.dumps(message).encode()  # the answer: the stream has ended
            return
        volume = message["params"]["data"]["extra"]["volume"]
        if volume is not None:
            quote = self._reader.symbol, int(volume)
            self._reader.arrived.setdefault(quote, arrived)
            self._reader.heard.setdefault(quote, time.time())

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.ended.done():
            self.ended.set_result(None)


def _volumes(entries: dict[str, Any]) -> list[int]:
    if entries["columns"] is None or "volume" not in entries["columns"]:
        same = (entries.get("same") or {}).get("volume")
        return [int(same)] if same else []
    column = entries["columns"].index("volume")
    return [int(row[column]) for row in entries["rows"] if row[column] is not None]


@asynccontextmanager
async def reading(ports: Sequence[int], followed: Sequence[str]) -> AsyncIterator[list[Reader]]:
    """Readers that follow, spread over the fronts. Raises what one of them met."""
    readers = [Reader(ports[number % len(ports)], each) for number, each in enumerate(followed)]
    opened = [await each.subscribe() for each in readers]
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(each.follow(one)) for each, one in zip(readers, opened, strict=True)]
        yield readers
        for task in tasks:
            task.cancel()
    for each in readers:
        await each.unsubscribe()


@asynccontextmanager
async def bare(stage: Stack, followed: Sequence[str]) -> AsyncIterator[Heard]:
    """Follow by ib_async alone."""
    ib, heard = ib_async.IB(), Heard()
    await ib.connectAsync("127.0.0.1", stage.gateway_port, clientId=CLIENT_ID, fetchFields=ib_async.StartupFetch(0))

    def hear(tickers: set[ib_async.Ticker]) -> None:
        at = time.time()
        for each in tickers:
            if each.contract is not None and each.volume > 0:
                heard.setdefault((each.contract.symbol, int(each.volume)), at)

    ib.pendingTickersEvent += hear
    known = await asyncio.gather(
        *(ib.reqContractDetailsAsync(ib_async.Stock(each, "SMART", "USD")) for each in followed)
    )
    for details in known:
        if details[0].contract is not None:
            ib.reqMktData(details[0].contract, "", False, False)
    yield heard
    ib.disconnect()


@asynccontextmanager
async def streaming(ports: Sequence[int], followed: Sequence[str]) -> AsyncIterator[list[Reader]]:
    """Readers by calls that last. Raises what one of them met."""
    readers = [Reader(ports[number % len(ports)], each) for number, each in enumerate(followed)]
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(each.stream()) for each in readers]
        yield readers
        for task in tasks:
            task.cancel()


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


def delays(heard: Heard, frames: Frames) -> list[float]:
    return [at - frames.first[each] for each, at in heard.items() if each in frames.first]


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
    followed, found = (*STOCKS, *MORE_STOCKS)[:count], Delays()
    with tempfile.TemporaryDirectory(prefix="readers-") as folder:
        async with stack(Path(folder), "--time-factor", FASTER, **LINES, FRONT_TOOLSETS="all") as stage:
            worker = await stage.worker()
            started = [await _front(stage, number) for number in range(FRONTS)]
            fronts, ports = [child for child, _ in started], [port for _, port in started]
            turns = Turns(stage, worker, fronts, ports, followed, seconds)
            for number in range(1, rounds + 1):
                found.alone += await _alone(turns, number)
                readers = await _followed(turns, streaming(ports, followed), f"streams {number}")
                found.at_socket += delays(
                    {q: at for each in readers.readers for q, at in each.arrived.items()}, readers.frames
                )
                found.streamed += readers.delays
                found.read += (await _followed(turns, reading(ports, followed), f"reads {number}")).delays
                found.hop += await hop(stage, FRONTS, seconds)
            found.beside = await _beside_a_stalled_one(turns)
    _report(found)
    return 0


async def _front(stage: Stack, number: int) -> tuple[Child, int]:
    """Start a front on a port of its own."""
    port = free_port()
    child = await stage.children.start(f"front-{number}", "mcp_front", **stage.settings, FRONT_PORT=str(port))
    await until_ready(port, lambda _: None)
    await stage.ready()
    return child, port


async def _alone(turns: Turns, number: int) -> list[float]:
    """The delays of ib_async alone."""
    begun = await newest(turns.stage)
    async with bare(turns.stage, turns.followed) as heard:
        await asyncio.sleep(SETTLE_S)
        heard.clear()
        before = turns.cpu_s()
        await asyncio.sleep(turns.seconds)
        shares = _shares(before, turns.cpu_s(), turns.seconds)
    print(f"ib_async alone {number}: {shares}", flush=True)
    return delays(heard, await told(turns.stage, ours=False, after=begun))


def _shares(before: dict[str, float], after: dict[str, float], seconds: float) -> str:
    """Say how much of a core each process has had."""
    return ", ".join(f"{name} {(after[name] - before[name]) / seconds:.0%}" for name in before)


@dataclass(frozen=True)
class Followed:
    """One turn of readers."""

    readers: Sequence[Reader]
    frames: Frames
    delays: list[float]


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
    return Followed(readers, frames, delays(heard, frames))


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
    async with reading(turns.ports, turns.followed) as readers:
        stalled = Reader(turns.ports[0], turns.followed[0])
        opened = await stalled.subscribe()
        await asyncio.sleep(SETTLE_S)
        before = [resident_mib(each) for each in turns.fronts]
        stalling = asyncio.create_task(stalled.stall(opened))
        heard = await _heard(readers, turns.seconds)
        grown = [after - was for after, was in zip((resident_mib(each) for each in turns.fronts), before, strict=True)]
        stalling.cancel()
        await asyncio.gather(stalling, return_exceptions=True)
        transport: Any = stalled.socket.writer.transport
        transport.abort()
    print(
        f"its front grew by {grown[0]:.1f} MiB in {turns.seconds:g} s, the others by {max(grown[1:]):.1f}", flush=True
    )
    return delays(heard, await told(turns.stage, ours=True, after=begun))


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
    parser.add_argument("--contracts", type=int, default=60, help="as many readers (60)")
    parser.add_argument("--seconds", type=float, default=8.0, help="of each turn (8)")
    parser.add_argument("--rounds", type=int, default=3, help="turns of each (3)")
    options = parser.parse_args()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, Python {sys.version.split()[0]}", flush=True)
    return asyncio.run(run(options.contracts, options.seconds, options.rounds))


if __name__ == "__main__":
    raise SystemExit(main())
