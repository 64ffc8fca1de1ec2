"""A relay on one of the worker's two connections: sees every chunk, and can hold, drop, delay or cut."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Self

Chunk = Callable[[bytes], Awaitable[bytes]]  # what goes on of a chunk; empty: nothing


class Link:
    """`upstream` opens a connection to the server; `port` is what the client uses."""

    def __init__(self, upstream: Callable[[], Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]) -> None:
        self._upstream = upstream
        self._writers: set[asyncio.StreamWriter] = set()
        self._pumps: set[asyncio.Task[None]] = set()
        self.up: Chunk = _unchanged
        self.down: Chunk = _unchanged
        self.delay_s = 0.0
        self.shut = False  # who comes is hung up on
        self.tap: Callable[[bytes], None] | None = None  # hears what goes up
        self.port = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        self.cut()
        for pump in tuple(self._pumps):
            pump.cancel()
        await asyncio.gather(*self._pumps, return_exceptions=True)

    def open(self) -> None:
        """Relay everything again."""
        self.up = self.down = _unchanged
        self.delay_s = 0.0
        self.shut = False

    def cut(self) -> None:
        for writer in self._writers:
            writer.close()

    async def away(self, for_s: float) -> None:
        """Cut, and let nobody in meanwhile."""
        self.shut = True
        self.cut()
        await asyncio.sleep(for_s)
        self.shut = False

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.shut:
            writer.close()
            return
        try:
            up_reader, up_writer = await self._upstream()
        except OSError:
            writer.close()
            return
        self._writers |= {writer, up_writer}
        for pump in (self._pump(reader, up_writer, True), self._pump(up_reader, writer, False)):
            task = asyncio.create_task(pump)
            self._pumps.add(task)
            task.add_done_callback(self._pumps.discard)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, upward: bool) -> None:
        with suppress(OSError):
            while data := await reader.read(65536):
                await asyncio.sleep(self.delay_s)
                kept = await (self.up if upward else self.down)(data)
                if kept:
                    if upward and self.tap is not None:
                        self.tap(kept)
                    writer.write(kept)
                    await writer.drain()
        writer.close()
        self._writers.discard(writer)


async def _unchanged(data: bytes) -> bytes:
    return data


async def nothing(data: bytes) -> bytes:
    return b""


def to_unix(path: str) -> Callable[[], Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]:
    return lambda: asyncio.open_unix_connection(path)


def to_port(port: int) -> Callable[[], Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]:
    return lambda: asyncio.open_connection("127.0.0.1", port)


def messages(data: bytes) -> list[bytes]:
    """The ids of the TWS messages in a chunk, as they are written: b"3" is placeOrder."""
    data = data.removeprefix(b"API\0")
    ids = []
    while len(data) >= 4:
        length = int.from_bytes(data[:4])
        ids.append(data[4 : 4 + length].split(b"\0")[0])
        data = data[4 + length :]
    return ids
