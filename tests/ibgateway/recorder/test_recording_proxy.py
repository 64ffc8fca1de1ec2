"""The proxy passes every byte on as it is, whatever happens, and writes down what it understands."""

from __future__ import annotations

import asyncio
import io
import json
import random
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from ibgateway.recorder.recording_proxy import RecordingProxy, SocketAddress
from ibgateway.recorder.transcript.scrub import Scrubber
from ibgateway.simulator.wire.encoding.text import message
from ibgateway.simulator.wire.frames import HELLO, frame, frames
from tests.waiting import until

DEADLINE_S = 10.0
KEY = b"0123456789abcdef"
GREETING = frame(b"178\x0020250611 10:30:00 US/Eastern\0")
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Session:
    """A client, connected through the proxy."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, out: io.StringIO) -> None:
        self.reader = reader
        self.writer = writer
        self.out = out

    @property
    def lines(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self.out.getvalue().splitlines()]

    @property
    def messages(self) -> list[object]:
        return [line["message"] for line in self.lines if "message" in line]

    @property
    def events(self) -> list[object]:
        return [line["event"] for line in self.lines if "event" in line]

    async def read(self) -> bytes:
        async with asyncio.timeout(DEADLINE_S):
            return await self.reader.read()


@asynccontextmanager
async def through_a_proxy(
    serve: Serve, out: io.StringIO | None = None, scrubber: Scrubber | None = None
) -> AsyncIterator[Session]:
    """A session with a gateway that does what `serve` does."""
    written = io.StringIO() if out is None else out
    gateway = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = gateway.sockets[0].getsockname()[1]
    async with (
        gateway,
        RecordingProxy(
            SocketAddress("127.0.0.1", 0), SocketAddress("127.0.0.1", port), written, scrubber or Scrubber(KEY)
        ) as recorder,
    ):
        reader, writer = await asyncio.open_connection("127.0.0.1", recorder.port)
        try:
            yield Session(reader, writer, written)
        finally:
            writer.close()


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Sends back what it gets, until that ends."""
    while data := await reader.read(1 << 16):
        writer.write(data)
    writer.close()


@pytest.mark.parametrize("seed", range(5))
async def test_every_byte_comes_through_both_ways_as_it_was(seed: int) -> None:
    """Whatever the bytes are, and though a recorder understands none of them."""
    chance = random.Random(seed)
    pieces = [HELLO, *(chance.randbytes(chance.choice([1, 3, 200, 70_000])) for _ in range(40))]
    async with through_a_proxy(echo) as session:
        for piece in pieces:
            session.writer.write(piece)
        session.writer.write_eof()

        assert await session.read() == b"".join(pieces)
        assert session.events[0] == "connected"
        assert session.events[-2:] == ["closed by client", "closed by gateway"]


async def test_a_session_is_written_down_while_it_runs() -> None:
    async def gateway(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(len(HELLO + frame(b"v157..178")))
        writer.write(GREETING)
        await reader.readexactly(len(frame(message(61, 1))))
        writer.write(frames([message(61, 3, "DU1234567", *[1] * 13), message(62, 1)]))
        writer.close()

    async with through_a_proxy(gateway) as session:
        for byte in HELLO + frame(b"v157..178"):
            session.writer.write(bytes([byte]))
            await session.writer.drain()
        assert await session.reader.readexactly(len(GREETING)) == GREETING
        session.writer.write(frame(message(61, 1)))

        assert await session.read() == frames([message(61, 3, "DU1234567", *[1] * 13), message(62, 1)])
        assert session.messages == ["handshake", "handshake", "reqPositions", "position", "positionEnd"]
        assert "DU1234567" not in session.out.getvalue()
        assert session.events == ["connected", "closed by gateway"]


async def test_a_session_goes_on_when_its_recording_cannot() -> None:
    async with through_a_proxy(echo) as session:
        session.writer.write(b"not the API at all")
        session.writer.write(b", and more of it")
        session.writer.write_eof()

        assert await session.read() == b"not the API at all, and more of it"
        assert "recording stopped" in session.events
        assert session.messages == []


async def test_a_full_disk_ends_the_recording_alone() -> None:
    class Full(io.StringIO):
        def write(self, text: str) -> int:
            raise OSError(28, "No space left on device")

        def writelines(self, lines: object) -> None:
            self.write("")

    async with through_a_proxy(echo, Full()) as session:
        session.writer.write(HELLO)
        session.writer.write_eof()

        assert await session.read() == HELLO
        assert session.lines == []


async def test_a_defect_of_the_recorder_ends_the_recording_alone() -> None:
    class Broken(Scrubber):
        def text(self, text: str) -> str:
            raise ZeroDivisionError

    async with through_a_proxy(echo, scrubber=Broken(KEY)) as session:
        session.writer.write(HELLO + frame(b"v157..178"))
        session.writer.write_eof()

        assert await session.read() == HELLO + frame(b"v157..178")
        assert "recording stopped" in session.events


async def test_when_one_side_says_no_more_the_other_may_still_speak() -> None:
    async def gateway(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.write(b"last words" * 100_000)
        await writer.drain()
        writer.close()

    async with through_a_proxy(gateway) as session:
        session.writer.write_eof()

        assert await session.read() == b"last words" * 100_000


async def test_a_client_that_does_not_read_holds_the_gateway_up() -> None:
    """As without a proxy: it must not collect what its client leaves unread."""
    sent: list[int] = []
    stalled = asyncio.Event()

    async def gateway(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            for _ in range(256):
                writer.write(bytes(1 << 20))
                async with asyncio.timeout(1):
                    await writer.drain()
                sent.append(1 << 20)
        except TimeoutError:
            stalled.set()
        writer.transport.abort()

    async with through_a_proxy(gateway):
        async with asyncio.timeout(DEADLINE_S):
            await stalled.wait()

    assert len(sent) < 64


async def test_a_broken_gateway_breaks_the_client() -> None:
    async def gateway(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(4)
        reset_when_closed = struct.pack("ii", 1, 0)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset_when_closed)
        writer.transport.abort()

    async with through_a_proxy(gateway) as session:
        session.writer.write(HELLO * 3)

        with pytest.raises(ConnectionError):
            await session.read()
        await until(lambda: "closed by gateway" in session.events, "the reset is noted")


async def test_a_gateway_that_is_not_there_ends_the_client(unused_port: int) -> None:
    out = io.StringIO()
    async with RecordingProxy(
        SocketAddress("127.0.0.1", 0), SocketAddress("127.0.0.1", unused_port), out, Scrubber(KEY)
    ) as recorder:
        reader, writer = await asyncio.open_connection("127.0.0.1", recorder.port)
        session = Session(reader, writer, out)

        assert await session.read() == b""
        assert session.lines == []
        writer.close()


async def test_clients_are_told_apart_and_share_their_masks() -> None:
    async def gateway(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(GREETING + frame(message(15, 1, "DU1234567")))
        await reader.read()
        writer.close()

    server = await asyncio.start_server(gateway, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    out = io.StringIO()
    async with (
        server,
        RecordingProxy(SocketAddress("127.0.0.1", 0), SocketAddress("127.0.0.1", port), out, Scrubber(KEY)) as recorder,
    ):
        for _ in range(2):
            reader, writer = await asyncio.open_connection("127.0.0.1", recorder.port)
            writer.write_eof()
            await Session(reader, writer, out).read()
            writer.close()

    told = [line for line in Session(reader, writer, out).lines if line.get("message") == "managedAccounts"]
    assert [line["client"] for line in told] == [1, 2]
    assert told[0]["fields"] == told[1]["fields"]
