"""Tool calls as plain HTTP over kept-alive sockets, and how long each took."""

import asyncio
import json
import time
from dataclasses import dataclass, field
from typing import Any

MODERN, LEGACY = "2026-07-28", "2025-11-25"


def request_of(port: int, era: str, tool: str, arguments: dict[str, Any]) -> bytes:
    """The whole HTTP request of a tools/call."""
    params: dict[str, Any] = {"name": tool, "arguments": arguments}
    headers = {"mcp-protocol-version": era}
    if era == MODERN:
        headers |= {"mcp-method": "tools/call", "mcp-name": tool}
        params["_meta"] = {
            "io.modelcontextprotocol/protocolVersion": MODERN,
            "io.modelcontextprotocol/clientCapabilities": {},
            "io.modelcontextprotocol/clientInfo": {"name": "benchmark", "version": "1"},
        }
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}).encode()
    headers |= {
        "host": f"127.0.0.1:{port}",
        "content-type": "application/json",
        "accept": "application/json, text/event-stream",
        "content-length": str(len(body)),
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"POST /api/v1 HTTP/1.1\r\n{head}\r\n".encode() + body


@dataclass
class Client:
    """One connection, which asks one thing after the other."""

    port: int
    reader: asyncio.StreamReader = field(init=False)
    writer: asyncio.StreamWriter = field(init=False)

    async def open(self) -> "Client":
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port, limit=1 << 24)
        return self

    async def ask(self, request: bytes) -> tuple[float, bytes]:
        """Seconds until the last byte of the answer, and its body."""
        began = time.perf_counter()
        self.writer.write(request)
        head = await self.reader.readuntil(b"\r\n\r\n")
        if b"content-length: " in head:
            length = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0])
            body = await self.reader.readexactly(length)
        else:
            body = await self.reader.readuntil(b"\r\n0\r\n\r\n")
        return time.perf_counter() - began, body

    def close(self) -> None:
        self.writer.close()


async def checked(port: int, request: bytes) -> None:
    """Raise where the call is answered with an error: its time would say nothing."""
    client = await Client(port).open()
    _, body = await client.ask(request)
    client.close()
    if b'"isError":false' not in body:
        raise RuntimeError(f"the call failed: {body[:500]!r}")


async def burst(clients: list[Client], request: bytes, calls: int) -> list[float]:
    """Each client makes its share of the calls; the seconds of each."""

    async def share(client: Client) -> list[float]:
        return [(await client.ask(request))[0] for _ in range(calls // len(clients))]

    return [each for times in await asyncio.gather(*map(share, clients)) for each in times]
