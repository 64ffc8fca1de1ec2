"""A webhook or ntfy server on loopback that can be down, slow to answer, or refuse."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Webhook:
    """What it got, and what it answers. `cut`: it takes this many pushes and loses their answers."""

    port: int = 0
    status: str = "200 OK"
    cut: int = 0
    bodies: list[bytes] = field(default_factory=list)
    heads: list[dict[str, str]] = field(default_factory=list)
    at: list[float] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/secret"

    @property
    def ids(self) -> list[str]:
        """The event_id of every event that it got, in order."""
        return [each["event_id"] for body in self.bodies for each in json.loads(body)["events"]]

    @property
    def ntfy_url(self) -> str:
        return f"ntfy://127.0.0.1:{self.port}/secret"

    @property
    def lines(self) -> list[str]:
        """Each line of every message that it got as an ntfy server, in order."""
        return [line for body in self.bodies for line in json.loads(body)["message"].splitlines()]

    @property
    def events(self) -> list[dict[str, Any]]:
        return [each for body in self.bodies for each in json.loads(body)["events"]]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            rows = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
            body = await reader.readexactly(int(rows["content-length"]))
            if self.status.startswith("2"):
                self.heads.append(rows)
                self.bodies.append(body)
                self.at.append(asyncio.get_running_loop().time())
            self.cut -= 1
            if self.cut < 0:
                reply = f"HTTP/1.1 {self.status}\r\nContent-Length: 0\r\nLocation: /moved\r\nConnection: close\r\n\r\n"
                writer.write(reply.encode())
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def listening(hook: Webhook) -> AsyncIterator[Webhook]:
    """Let it be up; outside of this it is down, and keeps its port."""
    server = await asyncio.start_server(hook.serve, "127.0.0.1", hook.port)
    hook.port = server.sockets[0].getsockname()[1]
    async with server:
        yield hook
