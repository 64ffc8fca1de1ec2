"""The clients that `benchmarks.readers` times: MCP clients that follow a quote each, and ib_async alone.

All are clients of the process that measures. No SDK is in them, whose time is not ours.
"""

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import ib_async

from benchmarks.http_load import MODERN, Call, Socket, call_of, request_of
from benchmarks.rig import Stack

CLIENT_ID = 500
STREAM_S = 600  # longer than any turn
READ = 64 * 1024  # bytes of one read
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


class EventStream(asyncio.BufferedProtocol):
    """A client of one event stream: its callback has each message parsed. No SDK is in it, whose time is not ours, nor
    asyncio's buffer of 256 KiB for each read."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._buffer = bytearray(READ)
        self.rest = b""  # of a line that has not come whole
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def get_buffer(self, sizehint: int) -> bytearray:
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        arrived = time.time()
        *lines, self.rest = (self.rest + self._buffer[:nbytes]).split(b"\r\n")
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
