"""Tool calls over plain HTTP on kept-alive connections, and how long each took.

Two clients: httpx, which is what a program would use, and bare sockets, which cost next to nothing themselves.
"""

import asyncio
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import httpx

MODERN, LEGACY = "2026-07-28", "2025-11-25"
PATH = "/api/v1"


@dataclass(frozen=True)
class Call:
    """One tools/call as an HTTP request."""

    headers: Mapping[str, str]
    body: bytes


def call_of(era: str, tool: str, arguments: Mapping[str, Any], client: str = "benchmark") -> Call:
    """Return a call of a tool; `client` is the name that the MCP client gives itself."""
    params: dict[str, Any] = {"name": tool, "arguments": arguments}
    headers = {
        "content-type": "application/json",
        "accept": "application/json, text/event-stream",
        "mcp-protocol-version": era,
    }
    if era == MODERN:
        headers |= {"mcp-method": "tools/call", "mcp-name": tool}
        params["_meta"] = {
            "io.modelcontextprotocol/protocolVersion": MODERN,
            "io.modelcontextprotocol/clientCapabilities": {},
            "io.modelcontextprotocol/clientInfo": {"name": client, "version": "1"},
        }
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    return Call(headers, json.dumps(body).encode())


def request_of(call: Call, port: int, path: str = PATH) -> bytes:
    """Return the bytes of the request to a front of this machine."""
    fields = {**call.headers, "host": f"127.0.0.1:{port}", "content-length": str(len(call.body))}
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"POST {path} HTTP/1.1\r\n{head}\r\n".encode() + call.body


class Client(Protocol):
    """One connection, which asks one thing after the other."""

    async def open(self) -> None: ...

    async def ask(self, call: Call) -> bytes: ...

    async def close(self) -> None: ...


@dataclass
class Httpx:
    port: int
    http: httpx.AsyncClient = field(init=False)

    async def open(self) -> None:
        self.http = httpx.AsyncClient(base_url=f"http://127.0.0.1:{self.port}", verify=False, timeout=60)

    async def ask(self, call: Call) -> bytes:
        return (await self.http.post(PATH, content=call.body, headers=call.headers)).content

    async def close(self) -> None:
        await self.http.aclose()


@dataclass
class Socket:
    port: int
    path: str = PATH
    reader: asyncio.StreamReader = field(init=False)
    writer: asyncio.StreamWriter = field(init=False)

    async def open(self) -> None:
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port, limit=1 << 24)

    def send(self, call: Call) -> None:
        self.writer.write(request_of(call, self.port, self.path))

    async def ask(self, call: Call) -> bytes:
        self.send(call)
        answer = await self.reader.readuntil(b"\r\n\r\n")
        if b"content-length: " not in answer:
            return await self.reader.readuntil(b"\r\n0\r\n\r\n")
        length = int(answer.partition(b"content-length: ")[2].partition(b"\r\n")[0])
        return await self.reader.readexactly(length)

    async def close(self) -> None:
        self.writer.close()


async def checked(client: Client, call: Call) -> None:
    """Raise where the call is answered with an error: its time would say nothing."""
    body = await client.ask(call)
    if b'"isError":false' not in body:
        raise RuntimeError(f"the call failed: {body[:500]!r}")


async def burst(clients: Sequence[Client], call: Call, calls: int) -> list[float]:
    """Each client makes its share of the calls; the seconds of each."""

    async def share(client: Client) -> list[float]:
        return [await _timed(client, call) for _ in range(calls // len(clients))]

    return [each for times in await asyncio.gather(*map(share, clients)) for each in times]


async def _timed(client: Client, call: Call) -> float:
    began = time.perf_counter()
    await client.ask(call)
    return time.perf_counter() - began
