"""`python -m benchmarks.simulator`: how fast the simulator sends ticks, and what its usual load costs.

1. tickPrice messages to one reading client, against a raw asyncio socket writer with the same bytes, both in a
   process of their own: message by message, and for comparison in pieces of 500 messages.
2. 32 clients with 100 quote lines each, at the market's own cadence: the share of a core that the simulator takes.
3. From the command to the first connection, and to the first answer.
4. How long one client's cheapest question waits while another asks for what has never been looked at: a hundred
   contracts' quotes, a ranking of the market, a year of hourly bars.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import multiprocessing
import os
import socket
import statistics
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection as Pipe
from pathlib import Path

import ibgateway.simulator
from ibgateway.simulator.gateway.ticks import Tick
from ibgateway.simulator.handlers.market_data import MarketDataSubscription
from ibgateway.simulator.model.config import START
from ibgateway.simulator.model.contracts import Contract
from ibgateway.simulator.server.server import Simulator
from ibgateway.simulator.wire.frames import frame
from ibgateway.simulator.wire.messages.market_data import TICK_PRICE, head, price_tail
from ibgateway.simulator.world.world import World, WorldConfig

BATCH = 500
CYCLE = 5_000  # messages after which prices repeat
READY = 3  # the market data type by which the client says that it reads
ENOUGH = 1 << 20  # bytes that wait to be sent, before the sender lets the reader catch up
CLIENTS, LINES = 32, 100
WARM_UP_S = 120.0
FIRST_MESSAGES = 20  # of a line, before the measurement begins: what it shows at first, and some changes
SPY = "0\0SPY\0STK\0\0\0\0\0SMART\0\0USD\0\0\0"
TICKS_PER_SUM = os.sysconf("SC_CLK_TCK")


def batch(start: int) -> list[Tick]:
    """Prices that all differ, encoded anew as a feed does."""
    return [(TICK_PRICE, price_tail(1, 100 + (start + n) % CYCLE / 100, "300", 1)) for n in range(BATCH)]


def cycle() -> list[bytes]:
    """The frames that such batches become, until they repeat."""
    start = head(TICK_PRICE, 7)
    return [frame(start + tail) for first in range(0, CYCLE, BATCH) for _, tail in batch(first)]


def asked(*fields: object) -> bytes:
    return frame("".join(f"{field}\0" for field in fields).encode())


# --- one reading client -------------------------------------------------------------------------------------------


async def simulated(port: Pipe, count: int) -> None:
    """The simulator, one client's line, and ticks as fast as the client reads."""
    async with Simulator() as sim:
        port.send(sim.port)
        while not len(sim.gateway.feeds):  # noqa: ASYNC110 - the client decides
            await asyncio.sleep(0.01)
        ((connection, peer),) = sim.sockets.items()
        ((_, line),) = connection.subscriptions.items()
        assert isinstance(line, MarketDataSubscription)
        watcher = line.watcher
        sim.gateway.feeds.paused = True
        while connection.marketDataType != READY:  # noqa: ASYNC110 - the client decides
            await asyncio.sleep(0.01)
        before = time.process_time()
        for start in range(0, count, BATCH):
            watcher.send(batch(start))
            peer.flush()
            while peer.unsent > ENOUGH:  # noqa: ASYNC110 - the client decides
                await asyncio.sleep(0)
        port.send(time.process_time() - before)
        await until_gone(lambda: bool(sim.gateway.connections))


async def raw_writer(port: Pipe, count: int, pieces: bool) -> None:
    """The same bytes, with nothing but asyncio around them."""
    done = asyncio.Event()
    frames = cycle()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        before = time.process_time()
        for first in range(0, count, BATCH):
            some = frames[first % CYCLE : first % CYCLE + BATCH]
            for one in [b"".join(some)] if pieces else some:
                writer.write(one)
            await writer.drain()
        port.send(time.process_time() - before)
        await reader.read()
        writer.close()
        done.set()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port.send(server.sockets[0].getsockname()[1])
    await done.wait()


async def until_gone(there: Callable[[], bool]) -> None:
    while there():  # noqa: ASYNC110 - the client decides
        await asyncio.sleep(0.01)


def serve_simulated(port: Pipe, count: int) -> None:
    asyncio.run(simulated(port, count))


def serve_raw(port: Pipe, count: int) -> None:
    asyncio.run(raw_writer(port, count, pieces=False))


def serve_pieces(port: Pipe, count: int) -> None:
    asyncio.run(raw_writer(port, count, pieces=True))


@contextmanager
def served(target: Callable[[Pipe, int], None], count: int) -> Iterator[tuple[socket.socket, Pipe]]:
    ours, theirs = multiprocessing.get_context("spawn").Pipe()
    process = multiprocessing.get_context("spawn").Process(target=target, args=(theirs, count))
    process.start()
    with socket.create_connection(("127.0.0.1", ours.recv())) as client:
        yield client, ours
    process.join(10)


def read_ticks(client: socket.socket, count: int) -> float:
    """Messages a second, from the first to the last, counted by their bytes."""
    expected = sum(map(len, cycle())) * (count // CYCLE)
    buffer = bytearray(1 << 18)
    got, start = 0, 0.0
    while got < expected:
        size = client.recv_into(buffer)
        if not size:
            raise ConnectionError("the sender has gone")
        start = start or time.perf_counter()
        got += size
    return count / (time.perf_counter() - start)


def flood(target: Callable[[Pipe, int], None], count: int) -> tuple[float, float]:
    """Messages a second, and messages a second of the sender's processor: a busy machine does not change those."""
    with served(target, count) as (client, sender):
        if target is serve_simulated:
            client.sendall(
                b"API\0" + frame(b"v100..200") + asked(71, 2, 1, "") + asked(1, 11, 7, SPY[:-1], 0, "", 0, 0, "")
            )
            quiet(client)
        else:
            client.sendall(b"x")
        return read_ticks(client, count), count / sender.recv()


def quiet(client: socket.socket) -> None:
    """Read until nothing comes: the answers, and the line's first ticks."""
    client.settimeout(1.0)
    try:
        while client.recv(1 << 16):
            pass
    except TimeoutError:
        client.settimeout(None)
    client.sendall(asked(59, 1, READY))


# --- the usual load -----------------------------------------------------------------------------------------------


def cpu_s(pid: int) -> float:
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_SUM


@contextmanager
def command() -> Iterator[tuple[subprocess.Popen[bytes], int, float]]:
    """The simulator's own command, its port, and when it was started."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    start = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "ibgateway.simulator", "--port", str(port)], stderr=subprocess.DEVNULL
    )
    try:
        yield process, port, start
    finally:
        process.terminate()
        process.wait()


def connected(port: int) -> socket.socket:
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), 10)
        except OSError:
            time.sleep(0.002)


def instruments() -> list[str]:
    """A hundred contracts: every stock, forex pair and index there is, and options."""
    world = World(WorldConfig(1, START))
    found: list[Contract] = []
    with (Path(ibgateway.simulator.__file__).parent / "data" / "instruments.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            exchange = {"STK": "SMART", "CASH": "IDEALPRO"}.get(row["secType"], row["primaryExchange"])
            found.append(Contract(conId=int(row["conId"]), exchange=exchange))
    expiration = world.option_chains("SPY", "", "STK", 756733)[0].expirations[3]
    calls = Contract(
        symbol="SPY",
        secType="OPT",
        lastTradeDateOrContractMonth=expiration,
        right="C",
        exchange="SMART",
        currency="USD",
    )
    found += [details.contract for details in world.contract_details(calls)]
    return [f"{one.conId}\0\0\0\0\0\0\0{one.exchange}\0\0\0\0" for one in found[:LINES]]


async def watch(port: int, clientId: int, contracts: list[str]) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection(sock=await asyncio.to_thread(connected, port))
    writer.write(b"API\0" + frame(b"v100..200") + asked(71, 2, clientId, ""))
    for reqId, contract in enumerate(contracts):
        writer.write(asked(1, 11, reqId, contract, 0, "", 0, 0, ""))
    await writer.drain()
    return reader, writer


async def count_frames(reader: asyncio.StreamReader, counts: list[int], number: int) -> None:
    data = b""
    while piece := await reader.read(1 << 16):
        data += piece
        at = 0
        while len(data) - at >= 4 and len(data) - at >= 4 + (size := struct.unpack_from(">I", data, at)[0]):
            at += 4 + size
            counts[number] += 1
        data = data[at:]


async def load(pid: int, port: int, seconds: float) -> tuple[float, float]:
    """Share of a core, and messages a second to all clients."""
    contracts = instruments()
    counts = [0] * CLIENTS
    clients = [await watch(port, number, contracts) for number in range(CLIENTS)]
    readers = [asyncio.create_task(count_frames(reader, counts, n)) for n, (reader, _) in enumerate(clients)]
    async with asyncio.timeout(WARM_UP_S):
        while min(counts) < FIRST_MESSAGES * LINES:  # noqa: ASYNC110 - the first look at a contract draws its day
            await asyncio.sleep(0.1)
    cpu, sent, start = cpu_s(pid), sum(counts), time.perf_counter()
    await asyncio.sleep(seconds)
    cpu, sent, took = cpu_s(pid) - cpu, sum(counts) - sent, time.perf_counter() - start
    for _, writer in clients:
        writer.close()
    for reader in readers:
        reader.cancel()
    await asyncio.gather(*readers, return_exceptions=True)
    return cpu / took, sent / took


def start_up() -> tuple[float, float]:
    """Seconds to the first connection, and to the first answer."""
    with command() as (_, port, start), connected(port) as client:
        first = time.perf_counter() - start
        client.sendall(b"API\0" + frame(b"v100..200"))
        client.recv(100)
        return first, time.perf_counter() - start


# --- what others wait ---------------------------------------------------------------------------------------------


def cold_requests() -> dict[str, tuple[bytes, bytes]]:
    """Return the requests of one client, each with the message that ends its answer."""
    quotes = b"".join(asked(1, 11, reqId, one, 0, "", 0, 0, "") for reqId, one in enumerate(instruments()))
    scan = asked(22, 7, 5, "STK", "STK.US.MAJOR", "TOP_PERC_GAIN", *[""] * 17, "", "")
    bars = asked(20, 7, SPY[:-1], 0, "", "1 hour", "1 Y", 1, "TRADES", 1, 0, "")
    question = asked(49, 1)
    return {
        "nothing": (question, b"49"),
        f"{LINES} contracts' quotes": (quotes + question, b"49"),
        "a ranking of the market": (scan, b"20"),
        "a year of hourly bars": (bars, b"17"),
    }


async def until_answered(reader: asyncio.StreamReader, msgId: bytes) -> None:
    while True:
        (size,) = struct.unpack(">I", await reader.readexactly(4))
        if (await reader.readexactly(size)).partition(b"\0")[0] == msgId:
            return


async def waits(port: int, request: bytes, end: bytes) -> tuple[float, float]:
    """The longest wait for the time of day during a request, and how long that request took."""
    asking, asking_to = await watch(port, 1, [])
    other, to_other = await watch(port, 2, [])
    for reader in (asking, other):
        await until_answered(reader, b"9")
    asking_to.write(request)
    start, longest = time.perf_counter(), 0.0
    answer = asyncio.create_task(until_answered(asking, end))
    while not answer.done():
        sent = time.perf_counter()
        to_other.write(asked(49, 1))
        await until_answered(other, b"49")
        longest = max(longest, time.perf_counter() - sent)
        await asyncio.sleep(0.001)
    took = time.perf_counter() - start
    for writer in (asking_to, to_other):
        writer.close()
    return longest, took


def cold() -> None:
    for what, (request, end) in cold_requests().items():
        with command() as (_, port, _):
            longest, took = asyncio.run(waits(port, request, end))
        print(f"while another client asks for {what} ({took:.2f} s), an answer waits {longest * 1000:.0f} ms at most")


def main(count: int, runs: int, seconds: float) -> None:
    senders = {"simulator": serve_simulated, "raw, by message": serve_raw, "raw, in pieces": serve_pieces}
    runs_of = {name: [flood(sender, count) for _ in range(runs)] for name, sender in senders.items()}
    print(f"tickPrice to one reading client, {count} messages, median of {runs} runs (lowest to highest):")
    for what, column in (("by the clock", 0), ("by the sender's processor", 1)):
        rates = {name: [run[column] for run in found] for name, found in runs_of.items()}
        median = {name: statistics.median(found) for name, found in rates.items()}
        print(f" {what}:")
        for name, found in rates.items():
            print(f"  {name:<16} {median[name]:>12,.0f}/s  ({min(found):,.0f} to {max(found):,.0f})")
        for name in list(senders)[1:]:
            print(f"  simulator / {name}: {median['simulator'] / median[name]:.2f}")
    with command() as (process, port, _):
        share, sent = asyncio.run(load(process.pid, port, seconds))
    print(f"{CLIENTS} clients x {LINES} lines for {seconds:.0f} s: {share:.0%} of a core, {sent:,.0f} messages/s")
    starts = [start_up() for _ in range(runs)]
    for what, took in zip(("connection", "answer"), zip(*starts, strict=True), strict=True):
        print(f"first {what} after {statistics.median(took):.2f} s (median of {runs})")
    cold()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.simulator")
    parser.add_argument("--count", type=int, default=300_000, help=f"tickPrice messages, by {CYCLE} (%(default)s)")
    parser.add_argument("--runs", type=int, default=5, help="of each sender (%(default)s)")
    parser.add_argument("--seconds", type=float, default=20.0, help="of the usual load (%(default)s)")
    given = parser.parse_args()
    main(given.count, given.runs, given.seconds)
