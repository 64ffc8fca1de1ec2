"""One connection of an MCP client by raw HTTP: the same code and the same bytes, whichever server answers."""

import json
import time
from collections.abc import Mapping
from typing import Any

import httpx

from benchmarks.http_load import LEGACY, Call, Socket, call_of

HEADERS = {"content-type": "application/json", "accept": "application/json, text/event-stream"}
CLIENT = {"name": "benchmark", "version": "1"}
FAILED = b'"isError":true'


class McpSession:
    """A kept-alive connection with an MCP session of 2025-11-25 where the server has sessions."""

    def __init__(self, port: int, path: str) -> None:
        self._url = f"http://127.0.0.1:{port}{path}"
        self._socket = Socket(port, path)
        self._headers: dict[str, str] = {"mcp-protocol-version": LEGACY}
        self.tools: list[dict[str, Any]] = []

    async def greet(self) -> None:
        """Greet the server and read its list of tools, as each host does."""
        async with httpx.AsyncClient(timeout=60) as http:
            params = {"protocolVersion": LEGACY, "capabilities": {}, "clientInfo": CLIENT}
            greeted = await self._post(http, {"id": 1, "method": "initialize", "params": params})
            if "mcp-session-id" in greeted.headers:
                self._headers["mcp-session-id"] = greeted.headers["mcp-session-id"]
            await self._post(http, {"method": "notifications/initialized"})
            self.tools = message(
                (await self._post(http, {"id": 2, "method": "tools/list", "params": {}})).content
            )["result"]["tools"]  # fmt: skip

    async def connect(self) -> None:
        """Open the connection of the calls. Servers close one that is idle for five seconds."""
        await self._socket.open()

    async def close(self) -> None:
        await self._socket.close()

    def call(self, tool: str, arguments: Mapping[str, Any]) -> Call:
        call = call_of(LEGACY, tool, arguments)
        return Call({**call.headers, **self._headers}, call.body)

    async def timed(self, call: Call) -> float:
        """Ask, and return the seconds that took. Raises RuntimeError where the answer is an error."""
        began = time.perf_counter()
        body = await self._socket.ask(call)
        took_s = time.perf_counter() - began
        if FAILED in body or b'"result"' not in body:
            raise RuntimeError(f"the call failed: {call.body.decode()}\n{body[:800].decode(errors='replace')}")
        return took_s

    async def ask(self, tool: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Return a call's structured result."""
        body = await self._socket.ask(self.call(tool, arguments))
        answer = message(body if body.startswith(b"{") else joined(body))
        if "result" not in answer or answer["result"].get("isError"):
            raise RuntimeError(f"{tool} failed: {json.dumps(answer)[:800]}")
        found: dict[str, Any] = answer["result"]["structuredContent"]
        return found

    async def _post(self, http: httpx.AsyncClient, body: dict[str, Any]) -> httpx.Response:
        answer = await http.post(self._url, json={"jsonrpc": "2.0", **body}, headers=HEADERS | self._headers)
        return answer.raise_for_status()


def message(body: bytes) -> dict[str, Any]:
    """Return the JSON-RPC message of an answer in JSON, or of the last event of a stream."""
    start = body.rfind(b"data: {")
    text = body[start + 6 :].partition(b"\n")[0] if start >= 0 else body
    found: dict[str, Any] = json.loads(text)
    return found


def joined(chunked: bytes) -> bytes:
    """Return the body of a chunked answer."""
    body, rest = b"", chunked
    while size := int(rest.partition(b"\r\n")[0], 16):
        rest = rest.partition(b"\r\n")[2]
        body, rest = body + rest[:size], rest[size + 2 :]
    return body
