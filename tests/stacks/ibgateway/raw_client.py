"""A client of a few lines, for what real clients can't be made to send, and for every version of the protocol."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

WAIT_S = 10.0


class Raw:
    """One connection, frames as lists of texts."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.version = 0
        self.greeting: list[str] = []

    async def handshake(self, version: int, lowest: int = 100) -> None:
        self.write(b"API\0" + framed(f"v{lowest}..{version}".encode()))
        self.greeting = await self.read()
        self.version = int(self.greeting[0])

    async def start(self, clientId: int) -> list[list[str]]:
        """startApi, and what comes until the last notice."""
        self.send(71, 2, clientId, "")
        return await self.until("4", "2158")

    def send(self, *fields: object) -> None:
        self.write(framed("".join(f"{field}\0" for field in fields).encode()))

    def write(self, data: bytes) -> None:
        self.writer.write(data)

    async def read(self) -> list[str]:
        """The next frame; IncompleteReadError or ConnectionError when there is none."""
        async with asyncio.timeout(WAIT_S):
            (length,) = struct.unpack(">I", await self.reader.readexactly(4))
            payload = await self.reader.readexactly(length)
        return payload.decode().removesuffix("\0").split("\0")

    async def until(self, msgId: str, holding: str = "") -> list[list[str]]:
        """The frames up to the first of a message id, that has a field `holding` where one is named."""
        seen = []
        while True:
            seen.append(await self.read())
            if seen[-1][0] == msgId and (not holding or holding in seen[-1]):
                return seen

    async def rest(self) -> list[list[str]]:
        """What still comes before the connection ends."""
        seen = []
        while True:
            try:
                seen.append(await self.read())
            except (asyncio.IncompleteReadError, ConnectionError):
                return seen

    async def everything(self) -> list[list[str]]:
        """What has been sent so far: the answer to a last question ends it."""
        self.send(49, 1)
        return (await self.until("49"))[:-1]

    async def alive(self) -> None:
        """It is served."""
        await self.everything()

    def close(self) -> None:
        self.writer.close()


def framed(payload: bytes) -> bytes:
    return struct.pack(">I", len(payload)) + payload


@asynccontextmanager
async def raw(port: int) -> AsyncIterator[Raw]:
    """A connection that has said nothing yet."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    client = Raw(reader, writer)
    try:
        yield client
    finally:
        client.close()


@asynccontextmanager
async def started(port: int, version: int = 200, clientId: int = 1) -> AsyncIterator[Raw]:
    """A connection that is ready for requests."""
    async with raw(port) as client:
        await client.handshake(version)
        await client.start(clientId)
        yield client
