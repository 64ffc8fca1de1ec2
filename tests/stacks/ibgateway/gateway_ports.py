"""Ports that behave as a gateway's does in each of its states: ten-line TCP servers on loopback."""

import asyncio
import contextlib
import os
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

Behaviour = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
GREETING = b"187\x0020260102 10:00:00 UTC\x00"


@contextlib.asynccontextmanager
async def listening(behaviour: Behaviour) -> AsyncIterator[int]:
    """The port of a server that treats every connection as told."""
    alive: set[asyncio.StreamWriter] = set()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        alive.add(writer)
        await behaviour(reader, writer)

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for writer in alive:
            writer.transport.abort()
        await server.wait_closed()


async def gateway(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Speaks as a gateway does: a version for a version range."""
    prefix = await reader.readexactly(4)
    offer = await reader.readexactly(struct.unpack(">I", await reader.readexactly(4))[0])
    if prefix == b"API\0" and offer.startswith(b"v"):
        writer.write(frame(GREETING))


async def dripping(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """The same answer in single bytes, as a slow link may deliver it."""
    await reader.readexactly(4)
    for each in frame(GREETING):
        writer.write(bytes([each]))
        await writer.drain()


async def hanging_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A port forwarder without its gateway: accepts, then closes."""
    writer.close()


async def resetting(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A gateway that dies in the middle of the exchange."""
    await reader.readexactly(4)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A gateway that awaits its second factor, or is frozen."""
    await reader.read()


async def stuck(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Begins to answer and stops."""
    writer.write(frame(GREETING)[:6])
    await reader.read()


async def web(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Something else on the port."""
    writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")


async def refusing_versions(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers in frames, but with an error in place of a version."""
    writer.write(frame(b"4\x002\x00-1\x00506\x00Unsupported Version\x00"))


def frame(payload: bytes) -> bytes:
    return struct.pack(">I", len(payload)) + payload


async def run(*command: str, environment: Mapping[str, str] | None = None) -> tuple[int, str]:
    """Run a probe; return its exit code and what it printed."""
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, env={**os.environ, **(environment or {})}
    )
    output, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, output.decode()
